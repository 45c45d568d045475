// SPDX-License-Identifier: BSD-2-Clause
// pattern: which rows of a table fit an address, the most exact first. Pure.
//
// A pattern is "user@example.com", "example.com", ".example.com" (everything below it),
// "mx:HOST" (whatever that host takes mail for) or "*". An address is asked for itself, for its
// domain, for each suffix of that, for its host where that is known, and for "*": a table of 20,000
// rows costs as many questions as the address has labels. Letters' case does not count, in
// local parts neither: nobody who writes a row for one mailbox means only one of its spellings.
//
//     struct pattern_walk w;
//     pattern_walk_init(&w, &index, address);
//     while (pattern_walk_next(&w, &row))
//         the next less exact row
#ifndef FP_CORE_PATTERN_H
#define FP_CORE_PATTERN_H

#include "core/address.h"

#include <stdint.h>

struct pattern_entry;

// Zeroed it is empty.
struct pattern_index {
    struct pattern_entry *by_text; // uthash; but for "*"
    uint32_t count;
    bool has_all; // "*" is there, and its row is `all`
    bool has_below, has_domain, has_address, has_host;
    uint32_t all;
};
void pattern_index_close(struct pattern_index *x);

// text: lower-case; borrowed for as long as the index lives. False when it is there already: then
// the row that came first stays.
bool pattern_index_add(struct pattern_index *x, const char *text, uint32_t row);
// The row of exactly this pattern.
bool pattern_index_find(const struct pattern_index *x, const char *text, uint32_t *ret_row);

struct pattern_walk {
    const struct pattern_index *index;
    int stage;
    size_t n;          // of text; 0 when nothing but "*" can fit
    size_t domain;     // where the domain begins in text
    size_t below;      // where the next suffix is looked for
    struct slice host; // borrowed; empty when it is not known
    char text[ADDRESS_MAX > ADDRESS_DOMAIN_MAX ? ADDRESS_MAX : ADDRESS_DOMAIN_MAX];
};

// address: "user@example.com", or only a domain.
void pattern_walk_init(struct pattern_walk *w, const struct pattern_index *x, struct slice address);
// Before the first step: the host that takes the address's mail, for "mx:HOST". Borrowed.
static inline void pattern_walk_host(struct pattern_walk *w, struct slice host)
{
    w->host = host;
}
// False when no further row fits.
bool pattern_walk_next(struct pattern_walk *w, uint32_t *ret_row);

#endif
