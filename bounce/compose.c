// SPDX-License-Identifier: BSD-2-Clause
// compose: writes a notice: its header, its boundary and the order of its parts. See compose.h;
// what the parts say is in explain, status and attach. RFC 6522, RFC 3464 2, RFC 3834 5, RFC
// 2046 5.1.1.
#include "bounce/compose.h"

#include "bounce/attach.h"
#include "bounce/explain.h"
#include "bounce/sheet.h"
#include "bounce/status.h"
#include "core/header.h"
#include "core/message.h"
#include "core/text.h"
#include "core/time.h"
#include "core/utf8.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    BOUNDARY_SIZE = 71,      // RFC 2046 5.1.1: at most 70 characters
    COMPOSE_REFERENCES = 20, // message ids that References keeps: the first and the latest
    COMPOSE_MSGID_MAX = 250, // octets; a longer one is no message id worth repeating
    COMPOSE_THREAD_MAX = 64 * 1024,
};

// "=_" occurs neither in quoted-printable nor in base64 text; the seed makes it unguessable, and
// for an original that holds it all the same the next number is taken.
static void choose_boundary(const struct notice *n, struct slice original, char text[BOUNDARY_SIZE])
{
    char id[MESSAGE_ID_DIGITS + 1];
    uint64_t seed = n->seed;
    message_id_format(n->id, id);
    do
        snprintf(text, BOUNDARY_SIZE, "fermoposta=_%s.%016" PRIx64, id, seed++);
    while (original.n > 0 && memmem(original.p, original.n, text, strlen(text)));
}

// The next "<...>" that can be repeated; false when there is none.
static bool next_message_id(struct slice *text, struct slice *ret)
{
    const char *open;
    while (text->n > 0 && (open = memchr(text->p, '<', text->n))) {
        *text = slice_from(*text, (size_t)(open - text->p));
        size_t n = 1;
        while (n < text->n && text->p[n] > ' ' && text->p[n] < 0x7f && !strchr("<>", text->p[n]))
            n++;
        bool is_good = n > 1 && n < text->n && text->p[n] == '>' && n < COMPOSE_MSGID_MAX;
        *ret = slice_of(text->p, n + 1);
        *text = slice_from(*text, is_good ? n + 1 : 1);
        if (is_good)
            return true;
    }
    return false;
}

static bool find_thread_field(struct slice original, const char *name, struct slice *ret)
{
    struct header_field f;
    if (!header_find(original, name, &f) || f.body.n > COMPOSE_THREAD_MAX)
        return false;
    *ret = f.body;
    return true;
}

// The parent's References, or its In-Reply-To, shortened to the first and the latest ones (RFC 5322
// 3.6.4; the first names the thread).
static void add_ancestors(struct slice original, struct buf *to)
{
    struct slice text, ids[COMPOSE_REFERENCES];
    size_t count = 0;
    if (!find_thread_field(original, "References", &text) &&
        !find_thread_field(original, "In-Reply-To", &text))
        return;
    for (struct slice id; next_message_id(&text, &id); count++) {
        if (count >= COMPOSE_REFERENCES)
            memmove(&ids[1], &ids[2], (COMPOSE_REFERENCES - 2) * sizeof ids[0]);
        ids[count < COMPOSE_REFERENCES ? count : COMPOSE_REFERENCES - 1] = id;
    }
    for (size_t i = 0; i < count && i < COMPOSE_REFERENCES; i++) {
        buf_add_slice(to, ids[i]);
        buf_add_byte(to, ' ');
    }
}

// RFC 3834 3.1.5: mail programs then show the notice beneath the message that it speaks of.
static void add_thread(struct sheet *s, struct slice original)
{
    struct slice text, id;
    struct slice header = slice_of(original.p, header_block_size(original));
    if (!find_thread_field(header, "Message-ID", &text) || !next_message_id(&text, &id))
        return;
    struct buf references;
    buf_init(&references, COMPOSE_THREAD_MAX);
    add_ancestors(header, &references);
    buf_add_slice(&references, id);
    sheet_field(s, "In-Reply-To", NULL, id);
    sheet_field(s, "References", NULL, buf_slice(&references));
    buf_close(&references);
}

static const char *choose_subject(const struct notice *n)
{
    if (n->kind == NOTICE_DELAYED)
        return "Delayed mail (still being retried)";
    if (n->kind == NOTICE_ARRIVED)
        return "Mail delivered, as you asked to be told";
    return n->to_postmaster ? "Undeliverable notice" : "Undelivered mail returned to sender";
}

// An address that cannot stand in the header is not named there: the envelope has it.
static void add_to(struct sheet *s, const char *address)
{
    struct buf text;
    buf_init(&text, 4 * 1024);
    sheet_show_address(s, address, &text);
    bool is_plain = slice_equal(buf_slice(&text), slice_str(address)) && text.n > 0;
    sheet_addf(s, "To: %s\r\n", is_plain && text.n < 900 ? address : "undisclosed-recipients:;");
    buf_close(&text);
}

static void add_header(struct sheet *s, const struct notice *n, const char *boundary, bool is_8bit)
{
    char id[MESSAGE_ID_DIGITS + 1], date[TIME_TEXT_SIZE];
    message_id_format(n->id, id);
    time_format_rfc5322(n->now_ms, n->utc_offset_s, date);
    sheet_addf(s, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n", n->hostname);
    add_to(s, n->sender);
    sheet_addf(s, "Subject: %s\r\nDate: %s\r\n", choose_subject(n), date);
    sheet_addf(s, "Message-ID: <%s.notice@%s>\r\n", id, n->hostname);
    if (n->original.n > 0)
        add_thread(s, n->original);
    sheet_addf(s,
               "Auto-Submitted: auto-replied\r\n"
               "MIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
               "    boundary=\"%s\"\r\n"
               "Content-Transfer-Encoding: %s\r\n\r\n",
               boundary, is_8bit ? "8bit" : "7bit");
    sheet_str(s, "This is a notice about a message, in several parts (RFC 3464).\r\n");
}

// What a notice says when there is not room for everything.
struct effort {
    enum notice_return ret;
    bool has_details;    // more than RFC 3464 requires of each recipient
    uint32_t rcpt_count; // how many of them are named
};

#define EIGHT_BIT "\r\nContent-Transfer-Encoding: 8bit"

static void add_parts(struct sheet *s, const struct notice *n, const struct effort *e,
                      const char *boundary, const struct attachment *a)
{
    sheet_addf(s,
               "\r\n--%s\r\nContent-Description: What happened\r\n"
               "Content-Type: text/plain; charset=%s\r\n\r\n",
               boundary, s->is_utf8 ? "utf-8" EIGHT_BIT : "us-ascii");
    struct notice named = *n;
    named.rcpt_count = e->rcpt_count;
    named.ret = e->ret;
    explain_notice(s, &named, n->rcpt_count - e->rcpt_count);
    sheet_addf(s,
               "\r\n--%s\r\nContent-Description: The same for programs\r\n"
               "Content-Type: message/%s\r\n\r\n",
               boundary, s->is_utf8 ? "global-delivery-status" EIGHT_BIT : "delivery-status");
    status_report(s, &named, e->has_details);
    if (a->is_present) {
        sheet_addf(s, "\r\n--%s\r\n", boundary);
        attach_write(s, a);
    }
    sheet_addf(s, "\r\n--%s--\r\n", boundary);
}

// RFC 6533 3: who said SMTPUTF8 of his mail reads addresses in it.
static bool names_utf8(const struct notice *n)
{
    bool is_ascii = utf8_is_ascii(slice_str(n->sender));
    for (uint32_t i = 0; is_ascii && i < n->rcpt_count; i++)
        is_ascii = utf8_is_ascii(slice_str(n->rcpts[i].address));
    return n->is_utf8 && !is_ascii;
}

static enum fp_err try_compose(const struct notice *n, const struct effort *e, struct buf *to,
                               bool *ret_is_8bit)
{
    char boundary[BOUNDARY_SIZE];
    struct sheet s = {.to = to, .is_utf8 = names_utf8(n)};
    size_t began = to->n;
    struct notice m = *n;
    m.ret = e->ret;
    struct attachment a = attach_choose(&m);
    choose_boundary(n, a.bytes, boundary);
    add_header(&s, n, boundary, a.is_8bit || s.is_utf8);
    add_parts(&s, n, e, boundary, &a);
    if (s.err) {
        to->n = began; // half a notice is none
        if (to->p)
            to->p[began] = '\0';
        return s.err;
    }
    *ret_is_8bit = a.is_8bit || s.is_utf8;
    return FP_OK;
}

enum fp_err compose_notice(const struct notice *n, struct buf *to, bool *ret_is_8bit)
{
    // The original is the first to go, the body before the headers; the last are names of
    // recipients.
    static const struct effort steps[] = {{RETURN_FULL, true, 0},
                                          {RETURN_HEADERS, true, 0},
                                          {RETURN_NONE, true, 0},
                                          {RETURN_NONE, false, 0}};
    enum fp_err err = FP_TOO_BIG;
    size_t first = n->ret == RETURN_FULL ? 0 : n->ret == RETURN_HEADERS ? 1 : 2;
    for (size_t i = first; err && i < sizeof steps / sizeof steps[0]; i++) {
        struct effort e = steps[i];
        e.rcpt_count = n->rcpt_count;
        err = try_compose(n, &e, to, ret_is_8bit);
    }
    for (uint32_t count = n->rcpt_count / 2; err && count > 0; count /= 2) {
        struct effort e = {RETURN_NONE, false, count};
        err = try_compose(n, &e, to, ret_is_8bit);
    }
    return err;
}
