// SPDX-License-Identifier: BSD-2-Clause
// options: what `fermoposta simulate` is asked for. Pure.
#ifndef FP_SIMULATE_OPTIONS_H
#define FP_SIMULATE_OPTIONS_H

#include "simulate/weather.h"

enum { SIMULATE_MESSAGES_MAX = 1000000 };

struct simulate_mx {
    char *domain, *host; // lower-case; owned
};

struct simulate_options {
    uint32_t messages; // how many, one recipient each
    int64_t over_ms;   // they come in evenly spread over this time; 0: all at once
    int64_t for_ms;    // the simulation ends then at the latest
    char **senders;    // of the envelopes, in turns; "" is the null sender; owned
    uint32_t sender_count;
    char **domains;         // where messages go, in turns; owned
    uint32_t domain_count;  // 0: nobody said
    struct simulate_mx *mx; // hosts that take mail of domains; owned
    uint32_t mx_count;
    struct weather weather;
    uint64_t seed;
    bool is_json;
};

// Complete with the defaults, but for domains, which the configuration has a say in. FP_INVALID:
// why gets a sentence. *ret is to be closed in any case.
enum fp_err simulate_options_parse(const char *const *words, size_t count,
                                   struct simulate_options *ret, struct buf *why);
// Once each, in lower case. FP_INVALID: no mail could go there.
enum fp_err simulate_options_add_domain(struct simulate_options *o, struct slice name);
void simulate_options_close(struct simulate_options *o);

#endif
