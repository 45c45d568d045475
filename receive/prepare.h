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
// Where the header ends, feeding stops for a question: who the user is and what the time is here
// cost more to find out than all the rest, and only a field that lacks needs them.
//
//     p = prepare_new(&settings);
//     while (there is input && !prepare_is_done(p)) {
//         prepare_feed(p, &input, &out);
//         if (prepare_asks(p, &lacks))
//             prepare_answer(p, &facts, &out);
//         send and empty out
//     }
//     prepare_end(p, &out);
//     if (prepare_asks(p, &lacks))
//         prepare_answer(p, &facts, &out);
//     send out
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
    const char *hostname;  // for Message-ID and unqualified addresses
};

// Which fields are to be added.
struct prepare_lacks {
    bool from, date, message_id;
};

// What they say.
struct prepare_facts {
    const char *full_name; // for From: -F, NAME, or the user's; "" none
    int64_t now_ms;        // for Date and Message-ID
    int utc_offset_s;      // for Date
    uint64_t seed;         // for Message-ID
};

struct prepare;
struct prepare *prepare_new(const struct prepare_settings *settings); // strings are copied
void prepare_free(struct prepare *p);
// `to` should have room for PREPARE_HEADER_MAX and some KiB, and twice the input.
// Takes input off *bytes, all of it but for what stands behind the end of the header; adds what of
// the body is to be sent to `to`. Requires that no question is open.
// FP_TOO_BIG: header block too large (or `to` full).
enum fp_err prepare_feed(struct prepare *p, struct slice *bytes, struct buf *to);
enum fp_err prepare_end(struct prepare *p, struct buf *to); // end of input
// Is the header complete, and the answer not given yet? True once for each message.
bool prepare_asks(const struct prepare *p, struct prepare_lacks *ret);
// facts: for the fields that lack; what is for others is not looked at. Adds what the header
// becomes to `to`. FP_INVALID: see prepare_error. FP_TOO_BIG: `to` is full.
enum fp_err prepare_answer(struct prepare *p, const struct prepare_facts *facts, struct buf *to);
bool prepare_is_done(const struct prepare *p);    // a lone dot ended it
bool prepare_has_header(const struct prepare *p); // answered: recipients are known
bool prepare_has_8bit(const struct prepare *p);   // so far
// Recipients found by -t, qualified with the hostname where they had no domain; no duplicates.
uint32_t prepare_recipient_count(const struct prepare *p);
const char *prepare_recipient(const struct prepare *p, uint32_t i);
const char *prepare_error(const struct prepare *p); // "bad address in Bcc: ..."; "" when none

#endif
