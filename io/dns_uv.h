// SPDX-License-Identifier: BSD-2-Clause
// dns: questions to name servers on the loop: UDP with retries and TCP when truncated. libresolv
// (io/dnsmsg_dns.h) builds the questions and reads the answers; no thread waits for anything.
//
// Nothing is cached and nothing is looked up but what was asked: CNAMEs count as far as they stand
// in the answer, so the servers must be recursive ones.
#ifndef FP_IO_DNS_UV_H
#define FP_IO_DNS_UV_H

#include "core/buf.h"
#include "core/dns_answer.h"

#include <uv.h>

struct dns;
struct dns_options {
    // "127.0.0.1:5300", "[::1]:53", "192.0.2.1", at most 8; none: those of /etc/resolv.conf, which
    // is read again when it has changed.
    const char *const *servers;
    uint32_t server_count;
    int64_t try_ms; // wait for one server; 0: 5 s, or what "options timeout:" in resolv.conf says
    uint32_t tries; // rounds over all servers; 0: 2, or "options attempts:"
    bool trusts_ad; // believe servers that are on no loopback address, too, when they say that an
                    // answer was validated; "options trust-ad" in resolv.conf does the same
};

// FP_INVALID with a sentence in why: a server that is no address, or too many. FP_IO: libresolv
// cannot read its configuration.
enum fp_err dns_open(uv_loop_t *loop, const struct dns_options *options, struct dns **ret,
                     struct buf *why);

// Other servers, also for what is under way. What is wrong with them leaves those there were.
enum fp_err dns_change(struct dns *d, const struct dns_options *options, struct buf *why);

// The answer comes from the loop, exactly once unless dns_close came before; name and answer are
// borrowed during the call, which may ask again and may close. name is the one that was asked.
typedef void dns_done(void *arg, const char *name, const struct dns_answer *answer);

// At most 2,000 questions are out at once; more are queued in order. A name that cannot be written
// as a DNS question (empty, too long) gets NXDOMAIN. is_secure only from a server that is
// trusted. What is being asked already is not asked a second time, but answered to all: each more
// at the same time would make it easier to guess an answer to one of them (RFC 5452 5).
void dns_ask(struct dns *d, const char *name, enum dns_type type, dns_done *done, void *arg);

// Questions under way are forgotten without a call. NULL is allowed. Frees itself from the loop
// later.
void dns_close(struct dns *d);

#endif
