// SPDX-License-Identifier: BSD-2-Clause
// suspension: what an operator wants left untried for a while, as a plain value.
//
// A destination is a domain or a next hop, under the name that `stats` shows; a sender is a pattern
// as filters take it (an address, with * as wildcard); everything has no name.
#ifndef FP_CORE_SUSPENSION_H
#define FP_CORE_SUSPENSION_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum suspension_kind { // as stored in suspension.kind
    SUSPENSION_DESTINATION,
    SUSPENSION_SENDER,
    SUSPENSION_EVERYTHING,
    SUSPENSION_KINDS
};

enum { SUSPENSION_NAME_MAX = 1024, SUSPENSIONS_MAX = 1000 };

struct suspension {
    enum suspension_kind kind;
    char *name;       // "" for everything, and for the null sender; owned
    int64_t since_ms; // ms since the epoch
    int64_t until_ms; // likewise; TIME_NEVER: until somebody resumes it
    char *reason;     // "" when none was given; owned
    char *who;        // "root"; owned
    char *text;       // what suspension_say says; made by suspension_copy; owned
};

void suspension_copy(struct suspension *to, const struct suspension *from);
void suspension_close(struct suspension *s); // frees what it owns; again is fine

// What is suspended, as an operator writes it: "example.com", "from=*@example.com", "everything".
void suspension_name(const struct suspension *s, struct buf *to);
// "suspended until 2026-11-22T10:00:00Z by root: REASON", for listings. Nothing is escaped.
void suspension_say(const struct suspension *s, struct buf *to);

#endif
