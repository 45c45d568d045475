// SPDX-License-Identifier: BSD-2-Clause
// mta_sts: reading what a domain publishes for MTA-STS, and holding hosts against it. Pure.
// RFC 8461 3.1, 3.2, 4.1. Who asks for it, when, and what is kept is pipeline/sts.c's.
#ifndef FP_DELIVER_MTA_STS_H
#define FP_DELIVER_MTA_STS_H

#include "core/buf.h"
#include "core/dns_answer.h"
#include "core/sts_policy.h"

enum {
    MTA_STS_TEXT_MAX = 64 * 1024, // of a policy: RFC 8461 3.3
    MTA_STS_MX_MAX = 64,          // patterns of one
    MTA_STS_AGE_MAX_S = 31557600, // RFC 8461 3.2
};

// The id that the TXT records of _mta-sts.DOMAIN give. False: there is no policy to be had, be it
// that none is published, or more than one, or that the record is not as it must be.
bool mta_sts_record_id(const struct dns_answer *txt, char ret_id[STS_ID_MAX + 1]);

// Reads a policy as it was fetched; domain, id and times of ret are the caller's to set, ret_age_s
// is how long it holds from now on. FP_INVALID with a sentence in why, nothing in ret.
enum fp_err mta_sts_parse(struct slice text, struct sts_policy *ret, uint32_t *ret_age_s,
                          struct buf *why);

// May mail be given to that MX host? Of a policy that is not enforced, any.
bool mta_sts_allows(const struct sts_policy *p, const char *host);

#endif
