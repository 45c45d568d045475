// SPDX-License-Identifier: BSD-2-Clause
// compose: writes a notice: multipart/report of RFC 6522 with the message/delivery-status of
// RFC 3464. Pure; the same notice and seed give the same bytes (golden files in tests/golden).
//
// Parts: 1 text/plain for people; 2 message/delivery-status for programs; 3 the original's headers
// (text/rfc822-headers), or the whole (message/rfc822), or nothing. Line ends are CRLF; everything
// but part 3 is 7 bits; peer text is escaped and folded; the boundary does not occur in the
// original.
//
// To who said SMTPUTF8 of his mail, addresses beyond ASCII are told in UTF-8 (RFC 6533): To, part 1
// and part 2, which is a message/global-delivery-status then; and what comes back with UTF-8 in its
// header is called message/global-headers or message/global.
#ifndef FP_BOUNCE_COMPOSE_H
#define FP_BOUNCE_COMPOSE_H

#include "core/buf.h"
#include "core/notice.h"

// Adds the whole message (header and body) to `to`. A maximum of COMPOSE_SIZE_MAX plus the
// original's size is enough for a thousand recipients, whatever their hosts said. With less room
// the notice says less: first the original's body goes, then its headers, then the details for
// programs, at last names of recipients (they are counted then). FP_TOO_BIG (and nothing added)
// only where not even one can be named: COMPOSE_SIZE_MIN is always enough. Recipients beyond
// COMPOSE_RCPTS_MAX are counted, not named, in the part for people.
//
// *ret_is_8bit: it must be sent with BODY=8BITMIME. A whole original that would make the notice
// itself malformed (NUL, a line above 998 octets, bare CR or LF) is returned as its headers.
enum {
    COMPOSE_SIZE_MAX = 4 * 1024 * 1024,
    COMPOSE_SIZE_MIN = 32 * 1024,
    COMPOSE_RCPTS_MAX = 100,
};
enum fp_err compose_notice(const struct notice *n, struct buf *to, bool *ret_is_8bit);

#endif
