// SPDX-License-Identifier: BSD-2-Clause
// prepare: what the sendmail command does to a message before it hands it over. Pure.
//
// Reads standard input as it comes, collects the header block (at most PREPARE_HEADER_MAX bytes),
// then says what the header becomes: Date, Message-ID and From added where missing (RFC 6409 8,
// RFC 5322 3.6), Bcc dropped with -t, recipients collected with -t (added to those given as
// arguments; Resent-To, Resent-Cc and Resent-Bcc instead of To, Cc, Bcc where a Resent- block is
// there). The body passes through with line ends made CRLF. A first line "From user date" (mbox) is
// dropped; a line that is no header field ends the header and begins the body. Of a message that is
// sent again it is the Resent- fields that are completed, and with -t Bcc and Resent-Bcc both go.
//
//     p = prepare_new(&settings);
//     while (input && !prepare_is_done(p)) { prepare_feed(p, input, &out); send and empty out; }
//     prepare_end(p, &out);  send out
#ifndef FP_RECEIVE_PREPARE_H
#define FP_RECEIVE_PREPARE_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { PREPARE_HEADER_MAX = 4 * 1024 * 1024 };

struct prepare_settings {
    bool takes_recipients; // -t
    bool dot_ends;         // without -i
    const char *sender;    // envelope sender ("" is <>); for From
    const char *full_name; // -F, NAME, or the user's; "" none
    const char *hostname;  // for Message-ID and unqualified addresses
    int64_t now_ms;
    int utc_offset_s;
    uint64_t seed; // for Message-ID
};

struct prepare;
struct prepare *prepare_new(const struct prepare_settings *settings); // strings are copied
void prepare_free(struct prepare *p);
// `to` should have room for PREPARE_HEADER_MAX and some KiB, and twice the input.
// Feeds input; adds what is to be sent (header when it is complete, then body) to `to`.
// FP_TOO_BIG: header block too large (or `to` full). FP_INVALID: see prepare_error.
enum fp_err prepare_feed(struct prepare *p, struct slice bytes, struct buf *to);
enum fp_err prepare_end(struct prepare *p, struct buf *to); // end of input
bool prepare_is_done(const struct prepare *p);              // a lone dot ended it
bool prepare_has_header(const struct prepare *p);           // header complete: recipients are known
bool prepare_has_8bit(const struct prepare *p);             // so far
// Recipients found by -t, qualified with the hostname where they had no domain; no duplicates.
uint32_t prepare_recipient_count(const struct prepare *p);
const char *prepare_recipient(const struct prepare *p, uint32_t i);
const char *prepare_error(const struct prepare *p); // "bad address in Bcc: ..."; "" when none

#endif
