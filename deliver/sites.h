// SPDX-License-Identifier: BSD-2-Clause
// sites: which of the hosts that the configuration names as "mx:HOST" takes the mail of which
// domain. Pure; bounded.
//
// Thousands of domains may be behind the same hosts, and what these ask of a sender (how many
// connections, how fast) they ask for all of them together. A row for "mx:HOST" makes one
// destination of all domains whose most preferred MX hosts (RFC 5321 5.1; without MX the domain
// itself) HOST is one of. Where several such hosts are named by rows, the one that was given first
// counts.
//
// What the DNS said is believed for its time to live, a minute at least, and after that until it
// has been asked again: mail does not wait for it twice. That it could not say is believed for
// SITES_RETRY_MS.
#ifndef FP_DELIVER_SITES_H
#define FP_DELIVER_SITES_H

#include "core/dns_answer.h"
#include "core/slice.h"

enum {
    SITES_DOMAINS_MAX = 50000, // domains remembered; the one that was learnt first goes
    SITES_TTL_MIN_MS = 60 * 1000,
    SITES_TTL_MAX_MS = 24 * 3600 * 1000,
    SITES_RETRY_MS = 5 * 60 * 1000,
};

struct sites;
struct sites *sites_new(void);
void sites_free(struct sites *s); // NULL is fine

// From now on these hosts are looked for (copied); everything that was learnt is forgotten.
void sites_watch(struct sites *s, const char *const *hosts, uint32_t count);
bool sites_is_watching(const struct sites *s); // false: nobody need ask

struct site {
    const char *host; // borrowed until the next sites_watch; NULL: none of them, or not known
    bool is_known;
    bool wants_asking; // not known, or known for too long: look up the domain's MX
};
struct site sites_find(const struct sites *s, const char *domain, int64_t now_ms);
// The answer for that domain's MX, be it a failure.
void sites_learn(struct sites *s, const char *domain, const struct dns_answer *answer,
                 int64_t now_ms);

#endif
