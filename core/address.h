// SPDX-License-Identifier: BSD-2-Clause
// address: mail addresses, in SMTP paths and in header fields.
//
// Local parts are opaque and case-sensitive; domains are compared in lower case. Nothing here looks
// anything up. RFC 5321 4.1.2 (paths), RFC 5322 3.4 (header lists), with the obsolete forms that
// header lists still contain (routes, comments, white space) read and dropped.
#ifndef FP_CORE_ADDRESS_H
#define FP_CORE_ADDRESS_H

#include "core/buf.h"
#include "core/slice.h"

enum {
    ADDRESS_LOCAL_MAX = 64,   // octets; RFC 5321 4.5.3.1.1
    ADDRESS_DOMAIN_MAX = 255, // octets; RFC 5321 4.5.3.1.2
    ADDRESS_MAX = 254,        // octets of local@domain; the path limit of 256 less its brackets
};

// Is `text` (without angle brackets) an address local@domain that may stand in MAIL or RCPT?
// Non-ASCII is refused unless allow_utf8 (RFC 6531), then it must be valid UTF-8. Address literals
// [192.0.2.1] and [IPv6:...] are domains too. A bare local part without @ is refused.
// FP_INVALID or FP_TOO_BIG.
enum fp_err address_check(struct slice text, bool allow_utf8);

// The parts of a checked address.
struct slice address_local(struct slice address);
struct slice address_domain(struct slice address);
// The domain as the spool keys it: lower-case ASCII (UTF-8 stays as it is).
void address_domain_key(struct slice address, struct buf *to);

// SMTP path: "<local@domain>", "<>" where allow_null, "<@route:local@domain>" with the route
// dropped; also without brackets where lenient (users type it). What stands behind the path
// (parameters) is returned in ret_rest. "<postmaster>" without a domain is accepted for RCPT
// (RFC 5321 4.1.1.3) with allow_postmaster. ret_address borrows from text.
struct address_path_options {
    bool allow_null, allow_postmaster, allow_utf8, lenient;
};
enum fp_err address_parse_path(struct slice text, struct address_path_options options,
                               struct slice *ret_address, struct slice *ret_rest);

// Header address list (the unfolded or folded body of To, Cc, Bcc, From ...). Calls nothing back:
// repeated calls with the same scanner give one address after the other; display names, comments,
// groups and routes are dropped; quoted local parts are given in canonical form (quotes only where
// needed). No recursion, linear time.
struct address_scanner {
    struct slice rest;
    bool in_group;
    struct buf current; // the address given last; valid until the next call
};
void address_scan_init(struct address_scanner *s, struct slice list);
void address_scan_close(struct address_scanner *s);
// FP_OK and one address (domain may be missing: a local user, left to the caller to qualify);
// FP_NOT_FOUND at the end; FP_INVALID for an element that is none (scanning may go on after it;
// ret_address is then the offending text).
enum fp_err address_scan_next(struct address_scanner *s, struct slice *ret_address);

#endif
