// SPDX-License-Identifier: BSD-2-Clause
// status: the part of a notice for programs. See status.h. RFC 3464 2.2 (fields of the
// message), 2.3 (fields of a recipient).
//
// (N1) Reporting-MTA has the type dns only with a fully qualified name (RFC 3461 6.3 f).
//
// (N2) Diagnostic-Code has the type smtp only for a reply: our own words are no SMTP (RFC 3464
// 2.3.6).
//
// (N3) Remote-MTA stands only where a host was reached (RFC 3464 2.3.5).
//
// (N4) Will-Retry-Until stands only with the action delayed (RFC 3464 2.3.9).
//
// (N5) That a recipient grew too old is our own diagnosis. The last reply stands in a field of its
// own: readers of notices take a status out of a quoted reply and believe it more than Status.
//
// (N6) An address beyond ASCII has the type utf-8 in a notice that may hold UTF-8 (RFC 6533 3).
// Else it keeps the type rfc822 with its octets escaped: its sender's programs do not know the
// other type, and common readers of notices skip such recipients.
#include "bounce/status.h"

#include "core/dsn.h"
#include "core/hostname.h"
#include "core/message.h"
#include "core/text.h"
#include "core/time.h"
#include "core/unitext.h"
#include "core/utf8.h"

#include <stdio.h>

// Room for a reply of OUTCOME_TEXT_SIZE with every octet escaped (\xHH), and for an address.
enum { STATUS_ESCAPED_MAX = 8 * 1024 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// "." and one to three digits; returns what follows or NULL.
static const char *skip_detail(const char *s)
{
    if (*s++ != '.')
        return NULL;
    int n = 0;
    while (n < 3 && is_digit(s[n]))
        n++;
    return n > 0 ? s + n : NULL;
}

// A failure may have the class 4: that is how growing too old is told (4.4.7). A delay may not
// have 5.
const char *status_code(const char *status, enum notice_kind kind, char text[12])
{
    bool has_class = kind == NOTICE_ARRIVED
                         ? status[0] == '2'
                         : status[0] == '4' || (kind == NOTICE_FAILED && status[0] == '5');
    const char *end = has_class ? skip_detail(status + 1) : NULL;
    end = end ? skip_detail(end) : NULL;
    if (end && *end == '\0')
        snprintf(text, 12, "%s", status);
    else
        snprintf(text, 12, "%s",
                 kind == NOTICE_FAILED    ? "5.0.0"
                 : kind == NOTICE_ARRIVED ? "2.0.0"
                                          : "4.0.0");
    return text;
}

static bool is_reply(const struct notice_recipient *r)
{
    const char *t = r->text;
    return r->text_is_reply && t[0] >= '2' && t[0] <= '5' && is_digit(t[1]) && is_digit(t[2]) &&
           !is_digit(t[3]);
}

void status_host(const char *host, struct buf *to)
{
    // "name[ip]:port" is how the spool remembers it; a literal begins with its bracket.
    bool is_literal = host[0] == '[' && hostname_is_literal(slice_str(host), &(struct slice){0});
    struct slice name = slice_of(host, is_literal ? strlen(host) : strcspn(host, "["));
    bool is_ipv6 = hostname_is_ipv6(name), is_ip = is_ipv6 || hostname_is_ipv4(name);
    if (!is_literal && !is_ip && !hostname_is_valid(name))
        return; // a socket's path, or nonsense
    buf_add_str(to, is_ipv6 ? "[IPv6:" : is_ip ? "[" : "");
    buf_add_slice(to, name);
    buf_add_str(to, is_ip ? "]" : "");
}

static void report_date(struct sheet *s, const char *name, int64_t ms, int utc_offset_s)
{
    char text[TIME_TEXT_SIZE];
    if (ms <= 0 || ms == TIME_NEVER)
        return;
    time_format_rfc5322(ms, utc_offset_s, text);
    sheet_addf(s, "%s: %s\r\n", name, text);
}

// N6. type: of what is ASCII.
static void report_address(struct sheet *s, const char *name, struct slice type,
                           const char *address)
{
    bool is_utf8 = s->is_utf8 && !utf8_is_ascii(slice_str(address));
    struct buf text;
    buf_init(&text, STATUS_ESCAPED_MAX);
    if (is_utf8)
        unitext_write(slice_str(address), false, &text);
    else
        sheet_show_address(s, address, &text);
    sheet_addf(s, "%s: %.*s; ", name, is_utf8 ? 5 : (int)type.n, is_utf8 ? "utf-8" : type.p);
    sheet_exact(s, buf_slice(&text));
    buf_close(&text);
}

static void report_remote(struct sheet *s, const char *host)
{
    struct buf text;
    buf_init(&text, STATUS_ESCAPED_MAX);
    status_host(host, &text);
    if (text.n > 0) // N3
        sheet_field(s, "Remote-MTA", "dns", buf_slice(&text));
    buf_close(&text);
}

static void report_text(struct sheet *s, const char *name, const char *type, const char *before,
                        const char *text)
{
    struct buf words;
    buf_init(&words, STATUS_ESCAPED_MAX);
    buf_add_str(&words, before);
    text_escape_ascii(slice_str(text), &words);
    if (slice_trim(buf_slice(&words)).n > 0)
        sheet_field(s, name, type, buf_slice(&words));
    buf_close(&words);
}

// N2, N5
static void report_diagnosis(struct sheet *s, const struct notice_recipient *r)
{
    bool has_text = slice_trim(slice_str(r->text)).n > 0;
    if (r->expired && is_reply(r)) {
        report_text(s, "Diagnostic-Code", "x-fermoposta", "delivery time expired", "");
        report_text(s, "X-Fermoposta-Last-Reply", "smtp", "", r->text);
    } else if (r->expired) {
        report_text(s, "Diagnostic-Code", "x-fermoposta",
                    has_text ? "delivery time expired: " : "delivery time expired", r->text);
    } else {
        report_text(s, "Diagnostic-Code", is_reply(r) ? "smtp" : "x-fermoposta", "", r->text);
    }
}

// RFC 3464 2.3.1: as it was given, its encoding undone. Only where UTF-8 may stand, though, is that
// of the type utf-8: in 7 bits it is the address's form (RFC 6533 3).
static void report_original(struct sheet *s, const char *orcpt)
{
    const char *end = orcpt ? strchr(orcpt, ';') : NULL;
    if (!end)
        return;
    struct slice type = slice_of(orcpt, (size_t)(end - orcpt));
    bool is_kept = !s->is_utf8 && slice_equal_nocase(type, SLICE_LIT("utf-8"));
    struct buf plain;
    buf_init(&plain, STATUS_ESCAPED_MAX);
    if (is_kept ? buf_add_str(&plain, end + 1) == FP_OK
                : dsn_orcpt_decode(slice_str(orcpt), &plain))
        report_address(s, "Original-Recipient", type, buf_slice(&plain).p);
    buf_close(&plain);
}

// RFC 3464 2.2.1
static void report_envelope(struct sheet *s, const char *envid)
{
    struct buf plain;
    buf_init(&plain, DSN_ENVID_MAX);
    if (envid && envid[0] && dsn_xtext_decode(slice_str(envid), &plain))
        sheet_addf(s, "Original-Envelope-Id: %.*s\r\n", (int)plain.n, plain.p);
    buf_close(&plain);
}

static const char *action(enum notice_kind kind, const struct notice_recipient *r)
{
    if (kind == NOTICE_ARRIVED)
        return r->is_relayed ? "relayed" : "delivered";
    return kind == NOTICE_FAILED ? "failed" : "delayed";
}

static void report_recipient(struct sheet *s, const struct notice *n,
                             const struct notice_recipient *r, bool has_details)
{
    char status[12];
    sheet_str(s, "\r\n");
    report_original(s, r->orcpt);
    report_address(s, "Final-Recipient", SLICE_LIT("rfc822"), r->address);
    sheet_addf(s, "Action: %s\r\n", action(n->kind, r));
    sheet_addf(s, "Status: %s\r\n", status_code(r->status, n->kind, status));
    if (!has_details)
        return;
    report_remote(s, r->host);
    report_diagnosis(s, r);
    report_date(s, "Last-Attempt-Date", r->last_attempt_ms, n->utc_offset_s);
    if (n->kind == NOTICE_DELAYED) // N4
        report_date(s, "Will-Retry-Until", r->expires_ms, n->utc_offset_s);
}

void status_report(struct sheet *s, const struct notice *n, bool has_details)
{
    char id[MESSAGE_ID_DIGITS + 1];
    size_t began = s->to->n;
    bool is_qualified = strchr(n->hostname, '.') != NULL; // N1
    message_id_format(n->original_id, id);
    report_envelope(s, n->envid);
    sheet_addf(s, "Reporting-MTA: %s; %s\r\n", is_qualified ? "dns" : "x-local-hostname",
               n->hostname);
    sheet_addf(s, "X-Fermoposta-Queue-ID: %s\r\n", id);
    report_date(s, "Arrival-Date", n->arrival_ms, n->utc_offset_s);
    for (uint32_t i = 0; i < n->rcpt_count; i++)
        report_recipient(s, n, &n->rcpts[i], has_details && s->to->n - began < STATUS_TEXT_MAX);
}
