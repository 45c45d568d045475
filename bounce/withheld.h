// SPDX-License-Identifier: BSD-2-Clause
// withheld: what the bounce brake holds in the spool, taken together by what refused it: the causes
// that an operator has to decide about. Pure.
//
//     struct withheld *w = withheld_new();
//     for each recipient that is held for brake_held_why:  withheld_add(w, &one);
//     count = withheld_list(w, rows, max);
//
// Made anew out of the spool whenever somebody asks: so a cause is there as long as some of its
// mail is, after a restart too, and is gone with the last of it. To count along with the brake was
// rejected, as mail leaves in many ways, and the brake forgets.
#ifndef FP_BOUNCE_WITHHELD_H
#define FP_BOUNCE_WITHHELD_H

#include <stdint.h>

enum { WITHHELD_MAX = 512 }; // causes; mail of further ones is not counted

struct withheld_one {
    const char *address, *reply, *host; // host: "name[ip]:port"
    int64_t at_ms;                      // when it was refused
};
struct withheld_view {
    const char *host, *reply; // of the first; borrowed from the withheld
    int64_t since_ms;
    uint64_t held;
};

struct withheld;
struct withheld *withheld_new(void);
void withheld_free(struct withheld *w); // NULL is fine
void withheld_add(struct withheld *w, const struct withheld_one *one);
// At most `max`, the one with most first; says how many were filled in.
uint32_t withheld_list(struct withheld *w, struct withheld_view *rows, uint32_t max);

#endif
