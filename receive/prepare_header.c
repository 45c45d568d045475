// SPDX-License-Identifier: BSD-2-Clause
// prepare_header: what the header of a submitted message becomes. See prepare.h.
//
// (H1) Fields keep their order and their octets. What is missing is added behind them; of a message
//      that is sent again (RFC 5322 3.6.6), in front of them and as Resent- fields, and then its
//      old fields are nobody's to complete.
// (H2) With -t, Bcc and Resent-Bcc go, whether they gave recipients or not: a blind copy that an
//      earlier sender left in is as blind.
// (H3) One bad address refuses the message. Sending to the others only would look like success.
#include "receive/prepare_inside.h"

#include "core/address.h"
#include "core/header.h"
#include "core/text.h"
#include "core/time.h"
#include "receive/phrase.h"

static bool is_one_of(struct slice name, const char *const names[3])
{
    for (int i = 0; i < 3; i++)
        if (slice_equal_nocase(name, slice_str(names[i])))
            return true;
    return false;
}

void prepare_header_read(struct slice block, struct prepare_header *ret)
{
    static const struct slice resent = {"Resent-", 7};
    struct prepare_lacks lacks[2] = {{true, true, true}, {true, true, true}}; // plain, Resent-
    struct header_field field;
    *ret = (struct prepare_header){.block = block};
    while (header_next(&block, &field)) {
        bool is_resent = slice_starts_nocase(field.name, resent);
        struct prepare_lacks *l = &lacks[is_resent];
        struct slice name = is_resent ? slice_from(field.name, resent.n) : field.name;
        l->from = l->from && !slice_equal_nocase(name, SLICE_LIT("From"));
        l->date = l->date && !slice_equal_nocase(name, SLICE_LIT("Date"));
        l->message_id = l->message_id && !slice_equal_nocase(name, SLICE_LIT("Message-ID"));
        ret->is_resent = ret->is_resent || is_resent;
    }
    ret->lacks = lacks[ret->is_resent];
}

static enum fp_err bad_address(struct slice field_name, struct slice text, struct buf *error)
{
    buf_add_str(error, "bad address in ");
    text_escape(field_name, error);
    buf_add_str(error, ": ");
    text_escape(slice_of(text.p, text.n < 256 ? text.n : 256), error);
    return FP_INVALID;
}

// Adds to `address` what was found, with our name where the domain is missing. False when that is
// no address.
static bool qualify(const struct prepare_settings *s, struct slice found, struct buf *address)
{
    if (buf_add_slice(address, found))
        return false;
    if (address_check(buf_slice(address), true) == FP_OK)
        return true;
    return buf_add_all(address, "@", s->hostname) == FP_OK &&
           address_check(buf_slice(address), true) == FP_OK;
}

static bool add_recipient(const struct prepare_settings *s, struct slice found,
                          struct rcptset *rcpts)
{
    struct buf address;
    buf_init(&address, ADDRESS_MAX);
    bool is_good = qualify(s, found, &address);
    if (is_good)
        rcptset_add(rcpts, buf_slice(&address));
    buf_close(&address);
    return is_good;
}

static enum fp_err scan_field(const struct prepare_settings *s, const struct header_field *field,
                              struct rcptset *rcpts, struct buf *error)
{
    struct address_scanner scanner;
    struct slice found;
    enum fp_err err;
    address_scan_init(&scanner, field->body);
    while ((err = address_scan_next(&scanner, &found)) == FP_OK)
        if (!add_recipient(s, found, rcpts))
            break;
    if (err != FP_NOT_FOUND)
        err = bad_address(field->name, found, error);
    else
        err = FP_OK;
    address_scan_close(&scanner);
    return err;
}

static enum fp_err collect(const struct prepare_settings *s, const struct prepare_header *header,
                           struct rcptset *rcpts, struct buf *error)
{
    static const char *const plain[] = {"To", "Cc", "Bcc"};
    static const char *const resent[] = {"Resent-To", "Resent-Cc", "Resent-Bcc"};
    struct header_field field;
    struct slice block = header->block;
    enum fp_err err = FP_OK;
    while (!err && header_next(&block, &field))
        if (is_one_of(field.name, header->is_resent ? resent : plain))
            err = scan_field(s, &field, rcpts, error);
    return err;
}

static enum fp_err write_fields(const struct prepare_settings *s, struct slice block,
                                struct buf *to)
{
    static const char *const blind[] = {"Bcc", "Resent-Bcc", ""};
    struct header_field field;
    enum fp_err err = FP_OK;
    if (!s->takes_recipients)
        return buf_add_slice(to, block);
    while (!err && header_next(&block, &field))
        if (!is_one_of(field.name, blind))
            err = buf_add_slice(to, field.whole);
    return err;
}

static void write_from(const struct prepare_settings *s, const char *full_name, const char *prefix,
                       struct buf *to)
{
    bool has_name = *full_name != '\0';
    struct buf sender;
    buf_init(&sender, ADDRESS_MAX);
    if (!qualify(s, slice_str(s->sender), &sender)) { // the null sender, or nothing to show
        buf_reset(&sender);
        buf_add_all(&sender, "MAILER-DAEMON@", s->hostname);
    }
    buf_add_all(to, prefix, "From: ");
    if (has_name) {
        phrase_write(slice_str(full_name), to);
        buf_add_str(to, " <");
    }
    buf_add_slice(to, buf_slice(&sender));
    buf_add_str(to, has_name ? ">\r\n" : "\r\n");
    buf_close(&sender);
}

// Hexadecimal, lower-case, of at least so many digits. Written here, as printf is worth its pages
// in memory to a process only where it is needed for more than this.
static const char *format_hex(uint64_t n, int digits, char text[17])
{
    char *p = text + 16;
    *p = '\0';
    for (; n > 0 || digits > 0; n >>= 4, digits--)
        *--p = "0123456789abcdef"[n & 0xf];
    return p;
}

static void write_message_id(const struct prepare_settings *s, const struct prepare_facts *facts,
                             const char *prefix, struct buf *to)
{
    char time[17], seed[17];
    buf_add_all(to, prefix, "Message-ID: <", format_hex((uint64_t)facts->now_ms, 1, time), ".",
                format_hex(facts->seed, 16, seed), "@", s->hostname, ">\r\n");
}

static void add_missing(const struct prepare_settings *s, const struct prepare_facts *facts,
                        const struct prepare_header *header, struct buf *to)
{
    const char *prefix = header->is_resent ? "Resent-" : "";
    char date[TIME_TEXT_SIZE];
    if (header->lacks.from)
        write_from(s, facts->full_name, prefix, to);
    if (header->lacks.date) {
        time_format_rfc5322(facts->now_ms, facts->utc_offset_s, date);
        buf_add_all(to, prefix, "Date: ", date, "\r\n");
    }
    if (header->lacks.message_id)
        write_message_id(s, facts, prefix, to);
}

enum fp_err prepare_header_write(const struct prepare_settings *s,
                                 const struct prepare_facts *facts,
                                 const struct prepare_header *header, struct rcptset *rcpts,
                                 struct buf *error, struct buf *to)
{
    enum fp_err err = FP_OK;
    if (s->takes_recipients)
        err = collect(s, header, rcpts, error);
    if (err)
        return err;
    if (header->is_resent)
        add_missing(s, facts, header, to);
    err = write_fields(s, header->block, to);
    if (!header->is_resent)
        add_missing(s, facts, header, to);
    return err ? err : buf_add_str(to, "\r\n");
}
