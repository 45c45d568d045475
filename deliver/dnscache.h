// SPDX-License-Identifier: BSD-2-Clause
// dnscache: answers of the DNS that are still good. Pure; bounded. RFC 1035 7.4, RFC 2308 5.
//
// Records and the word that there are none (NODATA, NXDOMAIN) are kept for their time to live, at
// most DNSCACHE_TTL_MAX_S, for negative answers DNSCACHE_NEGATIVE_MAX_S. That a server could not
// tell (SERVFAIL, no answer) is never kept. When it is full the oldest entry goes. Names are
// compared without regard to the case of ASCII letters.
#ifndef FP_DELIVER_DNSCACHE_H
#define FP_DELIVER_DNSCACHE_H

#include "core/dns_answer.h"

#include <stddef.h>

enum {
    DNSCACHE_TTL_MAX_S = 24 * 3600,
    DNSCACHE_NEGATIVE_MAX_S = 3 * 3600,   // RFC 2308 5: one to three hours
    DNSCACHE_BYTES_MAX = 4 * 1024 * 1024, // some 3,000 domains with their hosts
};

struct dnscache;
struct dnscache *dnscache_new(size_t bytes_max); // 0: DNSCACHE_BYTES_MAX
void dnscache_free(struct dnscache *c);          // NULL is fine
void dnscache_clear(struct dnscache *c);

// Keeps a copy, in place of what was known of that name and type.
void dnscache_put(struct dnscache *c, const char *name, const struct dns_answer *answer,
                  int64_t now_ms);
// NULL when nothing is known any more; else borrowed until the next put or clear.
const struct dns_answer *dnscache_find(const struct dnscache *c, const char *name,
                                       enum dns_type type, int64_t now_ms);
size_t dnscache_bytes(const struct dnscache *c);

#endif
