// SPDX-License-Identifier: BSD-2-Clause
// received: the trace field that is put before a message. See received.h.
#include "receive/received.h"

#include "core/hostname.h"
#include "core/message.h"
#include "core/time.h"

#include <inttypes.h>

enum { NAME_SHOWN_MAX = 64 };

// Host names and literals consist of these; inside a comment none of them has a meaning.
static bool is_harmless(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(".-_:[]", c));
}

static void add_harmless(const char *name, struct buf *to)
{
    for (size_t i = 0; name[i] && i < NAME_SHOWN_MAX; i++)
        buf_add_byte(to, is_harmless(name[i]) ? name[i] : '?');
}

static void add_literal(const char *ip, struct buf *to)
{
    buf_addf(to, "[%s%s]", strchr(ip, ':') ? "IPv6:" : "", ip);
}

static void add_from(const struct received *r, struct buf *to)
{
    struct slice helo = slice_str(r->helo), ip;
    buf_add_str(to, "from ");
    if (hostname_is_valid(helo) || hostname_is_literal(helo, &ip)) {
        buf_addf(to, "%s (", r->helo);
        add_literal(r->ip, to);
    } else {
        add_literal(r->ip, to);
        buf_add_str(to, " (");
        add_harmless(helo.n > 0 ? r->helo : "unnamed", to);
    }
    buf_add_str(to, ")\r\n\t");
}

static void add_program(const struct received *r, struct buf *to)
{
    buf_addf(to, "by %s (Fermoposta", r->hostname);
    if (!*r->ip && r->uid >= 0) {
        buf_addf(to, ", from userid %" PRId64, r->uid);
        if (*r->user_name) {
            buf_add_str(to, ", ");
            add_harmless(r->user_name, to);
        }
    }
    buf_add_byte(to, ')');
}

void received_write(const struct received *r, struct buf *to)
{
    char id[MESSAGE_ID_DIGITS + 1], date[TIME_TEXT_SIZE];
    message_id_format(r->id, id);
    time_format_rfc5322(r->now_ms, r->utc_offset_s, date);
    buf_add_str(to, "Received: ");
    if (*r->ip)
        add_from(r, to);
    add_program(r, to);
    if (*r->ip)
        buf_addf(to, " with %s", r->is_esmtp ? "ESMTP" : "SMTP");
    buf_addf(to, "%sid %s", *r->ip ? " " : "\r\n\t", id);
    if (r->only_rcpt && *r->ip)
        buf_addf(to, "\r\n\tfor <%s>", r->only_rcpt);
    buf_addf(to, "; %s\r\n", date);
}
