// SPDX-License-Identifier: BSD-2-Clause
// sts_policy: the MTA-STS policy of a domain (RFC 8461 3.2), as a plain value: what the delivering
// room has read, the spool keeps and the pipeline applies.
#ifndef FP_CORE_STS_POLICY_H
#define FP_CORE_STS_POLICY_H

#include <stdint.h>

enum sts_mode {  // as stored in sts_policy.mode
    STS_NONE,    // the domain has no policy (any more)
    STS_TESTING, // nothing is refused for it
    STS_ENFORCE, // a certificate that is right, at a host that the policy names, or no delivery
};

enum { STS_ID_MAX = 32 }; // RFC 8461 3.1

struct sts_policy {
    char *domain; // lower-case; owned, as all texts here
    char *id;     // of the TXT record that it was fetched for
    enum sts_mode mode;
    char *mx;           // patterns in lower case, each between two blanks; "" where there are none
    int64_t fetched_ms; // ms since the epoch
    int64_t expires_ms; // likewise
};

void sts_policy_copy(struct sts_policy *to, const struct sts_policy *from);
void sts_policy_close(struct sts_policy *p);   // frees what it owns; again is fine
const char *sts_mode_name(enum sts_mode mode); // "none", "testing", "enforce"

#endif
