// SPDX-License-Identifier: BSD-2-Clause
// dns_question: one question on its way over the servers until there is an answer, or none is left
// to ask. The queue of questions and the list of servers are dns_uv.c.
//
// States: WAITING (not started) → UDP ⇄ RESTING → TCP → ... → DONE. Each attempt goes to the next
// server; a round has asked them all once. From the second round on the question carries no EDNS0
// record, which some forwarders lose without a word.
#ifndef FP_IO_DNS_QUESTION_UV_H
#define FP_IO_DNS_QUESTION_UV_H

#include "core/dns_answer.h"
#include "io/endpoint_sys.h"

#include <uv.h>

enum { DNS_SERVERS_MAX = 8 };

struct dns_servers {
    union endpoint at[DNS_SERVERS_MAX];
    uint32_t count; // >= 1
    uint32_t first; // asked first: moves on when that one is silent
    bool trusts_ad; // of all of them; else only of those on a loopback address
    int64_t try_ms; // > 0
    uint32_t tries; // >= 1: rounds
};

struct question;

struct question_owner {
    void *arg;
    // The answer, exactly once, from the loop; borrowed. The question closes itself afterwards.
    void (*on_answer)(void *arg, struct question *q, const struct dns_answer *answer);
    // The last that is heard of it: q is gone.
    void (*on_closed)(void *arg);
};

// servers is borrowed; it may change between two attempts.
struct question *question_new(uv_loop_t *loop, struct dns_servers *servers, const char *name,
                              enum dns_type type, const struct question_owner *owner);
void question_start(struct question *q);
void question_close(struct question *q); // without an answer; only on_closed follows

const char *question_name(const struct question *q);

#endif
