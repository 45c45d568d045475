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

#include <inttypes.h>
#include <stdio.h>

static bool is_resent_field(struct slice name)
{
    return slice_starts_nocase(name, SLICE_LIT("Resent-"));
}

static bool is_resent(struct slice block)
{
    struct header_field field;
    while (header_next(&block, &field))
        if (is_resent_field(field.name))
            return true;
    return false;
}

static bool is_one_of(struct slice name, const char *const names[3])
{
    for (int i = 0; i < 3; i++)
        if (slice_equal_nocase(name, slice_str(names[i])))
            return true;
    return false;
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
    if (address_check(buf_slice(address), false) == FP_OK)
        return true;
    return buf_addf(address, "@%s", s->hostname) == FP_OK &&
           address_check(buf_slice(address), false) == FP_OK;
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

static enum fp_err collect(const struct prepare_settings *s, struct slice block, bool has_resent,
                           struct rcptset *rcpts, struct buf *error)
{
    static const char *const plain[] = {"To", "Cc", "Bcc"};
    static const char *const resent[] = {"Resent-To", "Resent-Cc", "Resent-Bcc"};
    struct header_field field;
    enum fp_err err = FP_OK;
    while (!err && header_next(&block, &field))
        if (is_one_of(field.name, has_resent ? resent : plain))
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

static bool lacks(struct slice block, const char *prefix, const char *name)
{
    char whole[32];
    struct header_field field;
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    return !header_find(block, whole, &field);
}

static void write_from(const struct prepare_settings *s, const char *prefix, struct buf *to)
{
    bool has_name = *s->full_name != '\0';
    struct buf sender;
    buf_init(&sender, ADDRESS_MAX);
    if (!qualify(s, slice_str(s->sender), &sender)) { // the null sender, or nothing to show
        buf_reset(&sender);
        buf_addf(&sender, "MAILER-DAEMON@%s", s->hostname);
    }
    buf_addf(to, "%sFrom: ", prefix);
    if (has_name) {
        phrase_write(slice_str(s->full_name), to);
        buf_add_str(to, " <");
    }
    buf_add_slice(to, buf_slice(&sender));
    buf_add_str(to, has_name ? ">\r\n" : "\r\n");
    buf_close(&sender);
}

static void add_missing(const struct prepare_settings *s, struct slice block, const char *prefix,
                        struct buf *to)
{
    char date[TIME_TEXT_SIZE];
    if (lacks(block, prefix, "From"))
        write_from(s, prefix, to);
    if (lacks(block, prefix, "Date")) {
        time_format_rfc5322(s->now_ms, s->utc_offset_s, date);
        buf_addf(to, "%sDate: %s\r\n", prefix, date);
    }
    if (lacks(block, prefix, "Message-ID"))
        buf_addf(to, "%sMessage-ID: <%" PRIx64 ".%016" PRIx64 "@%s>\r\n", prefix,
                 (uint64_t)s->now_ms, s->seed, s->hostname);
}

enum fp_err prepare_header_write(const struct prepare_settings *s, struct slice block,
                                 struct rcptset *rcpts, struct buf *error, struct buf *to)
{
    bool has_resent = is_resent(block);
    enum fp_err err = FP_OK;
    if (s->takes_recipients)
        err = collect(s, block, has_resent, rcpts, error);
    if (err)
        return err;
    if (has_resent)
        add_missing(s, block, "Resent-", to);
    err = write_fields(s, block, to);
    if (!has_resent)
        add_missing(s, block, "", to);
    return err ? err : buf_add_str(to, "\r\n");
}
