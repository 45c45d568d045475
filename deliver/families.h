// SPDX-License-Identifier: BSD-2-Clause
// families: which addresses of a host go first, IPv6 or IPv4. Pure. RFC 8305 4.
//
// A host's addresses are tried in turns, IPv6 first. Where nothing comes back by IPv6, as on a
// machine whose network only seems to have it, each connection would begin with half a minute of
// silence. So it is remembered: after FAMILIES_SILENT in a row that were not reached, the other
// family goes first for FAMILIES_MS, unless it is no better. A host that refuses was reached.
#ifndef FP_DELIVER_FAMILIES_H
#define FP_DELIVER_FAMILIES_H

#include "deliver/classify.h"

#include <stdbool.h>
#include <stdint.h>

enum { FAMILIES_SILENT = 3, FAMILIES_MS = 10 * 60 * 1000 };

struct family {
    uint32_t silent; // in a row
    int64_t distrusted_until_ms;
};
struct families { // all zero at the start
    struct family v4, v6;
};

// NULL remembers nothing; ip may be "".
void families_note_reached(struct families *f, const char *ip);
void families_note_fault(struct families *f, const char *ip, enum deliver_fault fault,
                         int64_t now_ms); // of connecting
bool families_v4_first(const struct families *f, int64_t now_ms);

#endif
