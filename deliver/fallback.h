// SPDX-License-Identifier: BSD-2-Clause
// fallback: hosts with which TLS was tried and failed, where it is not required (policy "may"):
// they are spoken to in clear for a while, so that not every message pays for the failure. Pure.
//
// It is a memory of a bounded number of hosts, the oldest of which is forgotten first.
#ifndef FP_DELIVER_FALLBACK_H
#define FP_DELIVER_FALLBACK_H

#include <stdbool.h>
#include <stdint.h>

enum { FALLBACK_HOSTS_MAX = 1000, FALLBACK_MS = 60 * 60 * 1000 };

struct fallback;
struct fallback *fallback_new(void);
void fallback_free(struct fallback *f); // NULL is fine
void fallback_clear(struct fallback *f);
void fallback_note(struct fallback *f, const char *host, int64_t now_ms);
bool fallback_has(const struct fallback *f, const char *host, int64_t now_ms);

#endif
