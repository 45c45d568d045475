// SPDX-License-Identifier: BSD-2-Clause
// received: the trace field that is put before a message. See received.h.
#include "receive/received.h"

#include "core/hostname.h"
#include "core/message.h"
#include "core/time.h"
#include "core/utf8.h"

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

static void add_from(const struct received *r, struct buf *to)
{
    struct slice helo = slice_str(r->helo), ip;
    const char *tag = strchr(r->ip, ':') ? "IPv6:" : "";
    if (hostname_is_valid(helo) || hostname_is_literal(helo, &ip)) {
        buf_add_all(to, "from ", r->helo, " ([", tag, r->ip, "]");
    } else {
        buf_add_all(to, "from [", tag, r->ip, "] (");
        add_harmless(helo.n > 0 ? r->helo : "unnamed", to);
    }
    buf_add_str(to, ")\r\n\t");
}

static void add_program(const struct received *r, struct buf *to)
{
    buf_add_all(to, "by ", r->hostname, " (Fermoposta");
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
    bool is_local = *r->ip == '\0';
    message_id_format(r->id, id);
    time_format_rfc5322(r->now_ms, r->utc_offset_s, date);
    buf_add_str(to, "Received: ");
    if (!is_local)
        add_from(r, to);
    add_program(r, to);
    buf_add_str(to, is_local      ? "\r\n\tid "
                    : r->is_utf8  ? " with UTF8SMTP id "
                    : r->is_esmtp ? " with ESMTP id "
                                  : " with SMTP id ");
    buf_add_str(to, id);
    // An address beyond ASCII would make a header of UTF-8 of one that is none.
    if (r->only_rcpt && !is_local && utf8_is_ascii(slice_str(r->only_rcpt)))
        buf_add_all(to, "\r\n\tfor <", r->only_rcpt, ">");
    buf_add_all(to, "; ", date, "\r\n");
}
