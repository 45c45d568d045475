// SPDX-License-Identifier: BSD-2-Clause
// ehlo: what a host says it can do. RFC 5321 4.1.1.1, RFC 1870, RFC 2852, RFC 2920, RFC 3030, RFC
// 3207, RFC 3461, RFC 4954, RFC 6152, RFC 6531, RFC 6710, RFC
// 8689.
#ifndef FP_DELIVER_EHLO_H
#define FP_DELIVER_EHLO_H

#include "core/reply.h"
#include "deliver/auth.h"

struct ehlo_caps {
    bool has_pipelining;
    bool has_8bitmime;
    bool has_starttls;
    bool has_size;
    bool has_dsn;         // RFC 3461
    bool has_smtputf8;    // RFC 6531
    bool has_chunking;    // RFC 3030
    bool has_mt_priority; // RFC 6710
    bool has_deliverby;   // RFC 2852
    bool has_requiretls;  // RFC 8689
    uint64_t size_max;    // 0: none is said
    uint32_t mechanisms;  // of AUTH (RFC 4954), those that we know: auth_bit
    int64_t by_min_s;     // the least time that DELIVERBY takes; 0: none is said
};

// Keywords in any case, unknown ones skipped; the first line is the host's greeting, not a keyword.
void ehlo_parse(const struct reply_parser *reply, struct ehlo_caps *ret);

#endif
