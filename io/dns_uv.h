// SPDX-License-Identifier: BSD-2-Clause
// dns: questions to name servers on the loop: UDP with retries and TCP when truncated. libresolv
// (io/dnsmsg_dns.h) builds the questions and reads the answers; no thread waits for anything.
#ifndef FP_IO_DNS_UV_H
#define FP_IO_DNS_UV_H

#include "core/buf.h"
#include "core/dns_answer.h"

#include <uv.h>

struct dns;
struct dns_options {
    const char *const *servers; // "127.0.0.1:5300", "[::1]:53", "192.0.2.1"; none: /etc/resolv.conf
    uint32_t server_count;
    int64_t try_ms; // wait for one server; default 5 s (with resolv.conf: its timeout option)
    uint32_t tries; // rounds over all servers; default 2
};
enum fp_err dns_open(uv_loop_t *loop, const struct dns_options *options, struct dns **ret,
                     struct buf *why);
// The answer comes from the loop, exactly once unless dns_close came before; it is borrowed during
// the call. At most 2,000 questions are out at once; more are queued in order.
typedef void dns_done(void *arg, const char *name, const struct dns_answer *answer);
void dns_ask(struct dns *d, const char *name, enum dns_type type, dns_done *done, void *arg);
void dns_close(struct dns *d); // questions under way are forgotten without a call; frees itself
                               // from the loop later

#endif
