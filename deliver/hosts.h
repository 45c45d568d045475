// SPDX-License-Identifier: BSD-2-Clause
// hosts: from DNS answers to the ordered list of hosts to try. RFC 5321 5.1, RFC 7505.
//
// MX by preference, equal ones shuffled by a seed; address records only when there is no MX at all;
// null MX; own host names and everything of worse or equal preference left out; names that are no
// host names and "localhost" left out. Answers are plain values (io/dns_uv.h makes them).
#ifndef FP_DELIVER_HOSTS_H
#define FP_DELIVER_HOSTS_H

#include "core/dns_answer.h"
#include "core/err.h"
#include "core/slice.h"
#include "deliver/classify.h"

enum { HOSTS_MAX = 64 };

struct host {
    char name[256];
    uint16_t preference;
};
struct host_list {
    struct host hosts[HOSTS_MAX];
    uint32_t count;
};

// FP_OK: ret holds at least one host (the domain itself when it has no MX: implicit MX).
// FP_NOT_FOUND: *ret_fault says why nobody is to be asked, or why not now.
enum fp_err hosts_from_mx(const struct dns_answer *mx, struct slice domain, const char *own_name,
                          uint64_t seed, struct host_list *ret, enum dns_fault *ret_fault);

#endif
