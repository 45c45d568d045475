// SPDX-License-Identifier: BSD-2-Clause
// explain: the part of a notice for people. See explain.h.
#include "bounce/explain.h"

#include "bounce/attach.h"
#include "bounce/compose.h"
#include "bounce/status.h"
#include "core/header.h"
#include "core/message.h"
#include "core/text.h"
#include "core/time.h"
#include "core/unitext.h"
#include "core/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXPLAIN_TEXT_MAX = 8 * 1024, EXPLAIN_SUBJECT_MAX = 200, EXPLAIN_AGE_SIZE = 64 };

void explain_time(int64_t ms, int utc_offset_s, char *text)
{
    int minutes = abs(utc_offset_s) / 60;
    char iso[TIME_TEXT_SIZE];
    time_format_iso(ms + (int64_t)utc_offset_s * TIME_SECOND_MS, iso);
    snprintf(text, TIME_TEXT_SIZE, "%.10s %.8s %c%02d%02d", iso, iso + 11,
             utc_offset_s < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
}

static bool is_known(int64_t ms)
{
    return ms > 0 && ms != TIME_NEVER;
}

// How long the message has been here: "4h", "4d23h".
static const char *rough_age(const struct notice *n, char text[EXPLAIN_AGE_SIZE])
{
    struct buf rough;
    buf_init(&rough, EXPLAIN_AGE_SIZE - 1);
    time_format_rough(n->now_ms > n->arrival_ms ? n->now_ms - n->arrival_ms : 0, &rough);
    snprintf(text, EXPLAIN_AGE_SIZE, "%s", rough.p);
    buf_close(&rough);
    return text;
}

static void add_time(struct sheet *s, const char *label, int64_t ms, const struct notice *n)
{
    char text[TIME_TEXT_SIZE];
    if (!is_known(ms))
        return;
    explain_time(ms, n->utc_offset_s, text);
    sheet_addf(s, "%s%s\r\n", label, text);
}

// The subject helps to see which message it was. Encoded words (RFC 2047) say nothing to a reader
// and are left out, as is what is not ASCII.
static void add_subject(struct sheet *s, struct slice original)
{
    struct header_field f;
    if (!header_find(original, "Subject", &f) || f.body.n > EXPLAIN_TEXT_MAX)
        return;
    struct buf plain, text;
    buf_init(&plain, EXPLAIN_TEXT_MAX);
    buf_init(&text, 4 * EXPLAIN_TEXT_MAX);
    header_unfold(f.body, &plain);
    text_escape_ascii(buf_slice(&plain), &text);
    if (text.n == plain.n && text.n > 0 && text.n <= EXPLAIN_SUBJECT_MAX && !strstr(text.p, "=?")) {
        sheet_str(s, "    Subject:   ");
        sheet_wrap(s, 15, "               ", buf_slice(&text));
    }
    buf_close(&plain);
    buf_close(&text);
}

static void add_message(struct sheet *s, const struct notice *n)
{
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(n->original_id, id);
    sheet_str(s, "\r\n");
    add_time(s, "    Accepted:  ", n->arrival_ms, n);
    add_subject(s, n->original);
    sheet_addf(s, "    Queue id:  %s\r\n\r\n", id);
}

// "    LABEL" and the text below it, quoted line by line.
static void add_quoted(struct sheet *s, const char *text)
{
    struct buf escaped;
    buf_init(&escaped, EXPLAIN_TEXT_MAX);
    text_escape_ascii(slice_str(text), &escaped);
    sheet_str(s, "    > ");
    sheet_wrap(s, 6, "    > ", buf_slice(&escaped));
    buf_close(&escaped);
}

static void add_reason(struct sheet *s, const struct notice_recipient *r)
{
    struct buf host;
    buf_init(&host, EXPLAIN_TEXT_MAX);
    status_host(r->host, &host);
    const char *last = r->expired ? "At the last try" : "";
    if (r->text[0] == '\0')
        sheet_str(s, "    The reason is not known.\r\n");
    else if (r->text_is_reply)
        sheet_addf(s, "    %s%s %s said:\r\n", last, r->expired ? " the host" : "The host",
                   host.n > 0 ? host.p : "that was asked");
    else
        sheet_addf(s, "    %s%s:\r\n", last,
                   r->expired ? " this system found" : "This system found");
    if (r->text[0] != '\0')
        add_quoted(s, r->text);
    buf_close(&host);
}

// RFC 1047: between the final dot and its answer nobody can know.
static void add_doubt(struct sheet *s, enum notice_kind kind)
{
    sheet_str(s, "    It may have been delivered all the same: once the connection broke after\r\n"
                 "    the whole message had been sent, before the host had answered.");
    sheet_str(s, kind == NOTICE_FAILED ? " Ask the\r\n    recipient before you send it again.\r\n"
                                       : "\r\n");
}

// A letter beyond ASCII may look like another one: what was really asked for is there for who
// compares.
static void add_ascii_form(struct sheet *s, const char *address)
{
    struct buf text;
    if (!s->is_utf8 || utf8_is_ascii(slice_str(address)))
        return;
    buf_init(&text, EXPLAIN_TEXT_MAX);
    buf_add_str(&text, "    in ASCII:  ");
    unitext_write(slice_str(address), true, &text);
    sheet_exact(s, buf_slice(&text));
    buf_close(&text);
}

static void add_recipient(struct sheet *s, const struct notice *n, const struct notice_recipient *r)
{
    char age[EXPLAIN_AGE_SIZE];
    struct buf address;
    buf_init(&address, EXPLAIN_TEXT_MAX);
    buf_add_byte(&address, '<');
    sheet_show_address(s, r->address, &address);
    buf_add_byte(&address, '>');
    sheet_exact(s, buf_slice(&address));
    buf_close(&address);
    add_ascii_form(s, r->address);
    if (n->kind == NOTICE_ARRIVED)
        sheet_addf(s, "    It %s.\r\n",
                   r->is_relayed ? "was handed on to the next mail system" : "has been delivered");
    if (r->expired)
        sheet_addf(s, "    It was tried for %s; that is as long as this system tries.\r\n",
                   rough_age(n, age));
    add_reason(s, r);
    add_time(s, "    Last try:  ", r->last_attempt_ms, n);
    if (n->kind == NOTICE_DELAYED) {
        add_time(s, "    Next try:  ", r->next_attempt_ms, n);
        add_time(s, "    Gives up:  ", r->expires_ms, n);
    }
    if (r->in_doubt)
        add_doubt(s, n->kind);
    sheet_str(s, "\r\n");
}

static void add_recipients(struct sheet *s, const struct notice *n, uint32_t omitted)
{
    uint32_t named = n->rcpt_count < COMPOSE_RCPTS_MAX ? n->rcpt_count : COMPOSE_RCPTS_MAX;
    for (uint32_t i = 0; i < named; i++)
        add_recipient(s, n, &n->rcpts[i]);
    if (named < n->rcpt_count)
        sheet_addf(s,
                   "... and %u more recipients. The next part of this notice, for programs,\r\n"
                   "names all of them.\r\n\r\n",
                   n->rcpt_count - named);
    if (omitted > 0)
        sheet_addf(s, "There are %u recipients more than this notice has room to name.\r\n\r\n",
                   omitted);
}

static void add_opening(struct sheet *s, const struct notice *n, uint32_t omitted)
{
    const char *them = n->rcpt_count + omitted == 1 ? "recipient" : "recipients";
    char age[EXPLAIN_AGE_SIZE];
    sheet_addf(s, "This is the mail system at host %s.\r\n\r\n", n->hostname);
    if (n->kind == NOTICE_DELAYED) {
        sheet_addf(s,
                   "THIS IS ONLY A WARNING: you need not send your message again.\r\n\r\n"
                   "Your message has been waiting here for %s, because it could not yet be\r\n"
                   "delivered to the %s below. It is tried again until it arrives or\r\n"
                   "is given up at the time that stands below; then you are told.\r\n",
                   rough_age(n, age), them);
    } else if (n->kind == NOTICE_ARRIVED) {
        sheet_addf(s,
                   "You asked to be told of this: your message has reached the %s below,\r\n"
                   "or was handed on to a mail system that tells nothing more.\r\n",
                   them);
    } else if (n->to_postmaster) {
        sheet_addf(
            s,
            "This goes to the postmaster. A notice about an undeliverable message could not\r\n"
            "be delivered to the sender of that message either, the %s below.\r\n"
            "Nothing more is tried.\r\n",
            them);
    } else {
        sheet_addf(s,
                   "Your message could not be delivered to the %s below and has been given\r\n"
                   "up. Nothing more is tried.\r\n",
                   them);
    }
}

static const char *describe_last_part(const struct notice *n)
{
    struct attachment a = attach_choose(n);
    if (!a.is_present)
        return "";
    return a.is_full ? " Your message is attached." : " The headers of your message are attached.";
}

static void add_advice(struct sheet *s, const struct notice *n)
{
    struct buf text;
    buf_init(&text, EXPLAIN_TEXT_MAX);
    if (n->to_postmaster)
        buf_add_str(&text,
                    "What you can do: look whether the sender's address is one of your users, and"
                    " why that host refuses mail to it. A forged sender needs no care.");
    else if (n->kind == NOTICE_ARRIVED)
        buf_add_str(&text, "There is nothing to do.");
    else if (n->kind == NOTICE_DELAYED)
        buf_add_str(&text, "What you can do: nothing is needed. If the message is urgent, reach the"
                           " recipient by another way.");
    else
        buf_add_str(&text,
                    "What you can do: compare the address letter by letter, and read what is quoted"
                    " above: it often says what is wrong. Then send the message again.");
    if (!n->to_postmaster) {
        buf_add_str(&text, " For help write to ");
        text_escape_ascii(slice_str(n->postmaster), &text);
        buf_add_str(&text, " and name the queue id.");
        buf_add_str(&text, describe_last_part(n));
    }
    sheet_wrap(s, 0, "", buf_slice(&text));
    buf_close(&text);
}

void explain_notice(struct sheet *s, const struct notice *n, uint32_t omitted)
{
    add_opening(s, n, omitted);
    add_message(s, n);
    add_recipients(s, n, omitted);
    add_advice(s, n);
}
