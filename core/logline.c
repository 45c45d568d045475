// SPDX-License-Identifier: BSD-2-Clause
// logline: the wording of the log. See logline.h.
#include "core/logline.h"

#include "core/must.h"
#include "core/text.h"

static void add_id(uint64_t id, struct buf *to)
{
    char text[MESSAGE_ID_DIGITS + 1];
    message_id_format(id, text);
    buf_add_all(to, text, ": ");
}

static void add_address(const char *name, const char *address, struct buf *to)
{
    buf_add_all(to, name, "=<");
    text_escape_address(slice_str(address), to);
    buf_add_str(to, ">");
}

// Two significant digits, at most two of them behind the point, no zeros at the end: "0", "0.01",
// "0.5", "1.2", "12", "345". Log readers take it as a number; a longer form would claim a precision
// that a wall clock does not have.
void logline_add_delay(int64_t ms, struct buf *to)
{
    if (ms < 0)
        ms = 0;
    if (ms >= 10000) {
        buf_add_number(to, (uint64_t)(ms / 1000 + (ms % 1000 >= 500 ? 1 : 0)));
        return;
    }
    bool has_tenths_only = ms >= 995;
    unsigned hundredths = (unsigned)(has_tenths_only ? (ms + 50) / 100 * 10 : (ms + 5) / 10);
    buf_add_number(to, hundredths / 100);
    if (hundredths % 100 == 0)
        return;
    buf_add_byte(to, '.');
    buf_add_number(to, hundredths / 10 % 10);
    if (hundredths % 10 != 0)
        buf_add_number(to, hundredths % 10);
}

void logline_accepted(const struct message *m, uint32_t rcpt_count, struct buf *to)
{
    add_id(m->id, to);
    add_address("from", m->sender, to);
    buf_add_str(to, ", size=");
    buf_add_number(to, m->size);
    buf_add_str(to, ", nrcpt=");
    buf_add_number(to, rcpt_count);
    buf_add_str(to, " (queue active)");
}

static void add_relay(const struct outcome *o, struct buf *to)
{
    const char *host = o->host[0] ? o->host : o->ip;
    if (!host[0]) {
        buf_add_str(to, ", relay=none");
        return;
    }
    buf_add_str(to, ", relay=");
    text_escape_address(slice_str(host), to);
    if (o->ip[0])
        buf_add_all(to, "[", o->ip, "]");
    if (o->port) {
        buf_add_byte(to, ':');
        buf_add_number(to, o->port);
    }
}

static const char *status_word(enum outcome_result result)
{
    switch (result) {
    case OUTCOME_DELIVERED:
        return "sent";
    case OUTCOME_DEFERRED:
        return "deferred";
    case OUTCOME_FAILED:
        return "bounced";
    }
    must_never("no such result");
    return "";
}

void logline_delivery(const struct logline_delivery *d, struct buf *to)
{
    const struct outcome *o = d->outcome;
    add_id(d->id, to);
    add_address("to", d->address, to);
    add_relay(o, to);
    buf_add_str(to, ", delay=");
    logline_add_delay(d->delay_ms, to);
    for (int i = 0; i < 4; i++) {
        buf_add_str(to, i == 0 ? ", delays=" : "/");
        logline_add_delay(d->delays_ms[i], to);
    }
    buf_add_all(to, ", dsn=", o->status, ", status=", status_word(o->result), " (");
    struct buf text;
    buf_init(&text, LOGLINE_MAX);
    outcome_describe(o, &text);
    text_escape(buf_slice(&text), to);
    buf_close(&text);
    buf_add_str(to, ")");
}

void logline_removed(uint64_t id, struct buf *to)
{
    add_id(id, to);
    buf_add_str(to, "removed");
}

void logline_expired(uint64_t id, const char *sender, struct buf *to)
{
    add_id(id, to);
    add_address("from", sender, to);
    buf_add_str(to, ", status=expired, returned to sender");
}
