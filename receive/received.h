// SPDX-License-Identifier: BSD-2-Clause
// received: the trace field that is put before a message. Pure. RFC 5321 4.4, RFC 3848, RFC
// 6531 4.3.
//
// What the client said of itself is data: a name that is no host name or address literal is shown
// as a comment of harmless characters, so that nothing can be added to the field.
#ifndef FP_RECEIVE_RECEIVED_H
#define FP_RECEIVE_RECEIVED_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct received {
    const char *helo;      // argument of HELO or EHLO; "" when there was none
    const char *ip;        // text; "" for the local socket
    bool is_esmtp;         // EHLO
    bool is_utf8;          // SMTPUTF8 was said (RFC 6531 4.3)
    int64_t uid;           // local submitter; used when ip is ""; -1 unknown
    const char *user_name; // of the uid; "" unknown
    const char *hostname;  // ours
    uint64_t id;
    const char *only_rcpt; // for the "for" clause; NULL: several (then none is told of another)
    int64_t now_ms;
    int utc_offset_s;
};

// Adds the field with its CRLF; folded, no line longer than RFC 5322 2.1.1 allows.
void received_write(const struct received *r, struct buf *to);

#endif
