// SPDX-License-Identifier: BSD-2-Clause
// names: the DNS of the simulation: names that resolve as somebody said. Pure.
#ifndef FP_SIMULATE_NAMES_H
#define FP_SIMULATE_NAMES_H

#include "core/dns_answer.h"

#include <stddef.h>

struct names_record;
struct names {
    struct names_record *records; // in the order in which they were added
    size_t count, size;
    uint32_t ttl_s; // of every answer
    bool is_secure; // every answer was validated
    bool vouches;   // every host has a TLSA record
    bool fails;     // every answer is SERVFAIL, but what is asked about the root
    bool is_gone;   // nobody answers
};

void names_close(struct names *n);
// More than one for a name: more records.
void names_add_ip(struct names *n, const char *name, const char *ip);
// TXT, in place of what that name had; NULL: it has none.
void names_set_text(struct names *n, const char *name, const char *text);
void names_add_mx(struct names *n, const char *domain, uint16_t preference, const char *host);
void names_add_tlsa(struct names *n, const char *name, const struct dns_tlsa *tlsa);
// What a name server says; the caller's to free. Names compare without regard to case.
struct dns_answer *names_answer(const struct names *n, const char *name, enum dns_type type);

#endif
