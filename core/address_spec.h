// SPDX-License-Identifier: BSD-2-Clause
// address_spec: one addr-spec that is put together token by token. Internal to address_scan.c.
#ifndef FP_CORE_ADDRESS_SPEC_H
#define FP_CORE_ADDRESS_SPEC_H

#include "core/address_token.h"
#include "core/buf.h"

enum {
    SPEC_PART_MAX = 256, // octets of a local part or domain while it is put together
    SPEC_TEXT_MAX =
        3 * SPEC_PART_MAX + 3, // written: each octet of the local part behind a backslash
};

// word *("." word) ["@" domain], RFC 5322 3.4.1 and 4.4.
enum spec_state {
    SPEC_EMPTY,
    SPEC_WORD,
    SPEC_DOT,
    SPEC_AT,
    SPEC_DOMAIN,
    SPEC_DOMAIN_DOT,
    SPEC_LITERAL,
    SPEC_BAD,
    SPEC_COUNT
};

struct spec {
    enum spec_state state;
    size_t local_n, domain_n;
    char local[SPEC_PART_MAX]; // decoded, without quotes
    char domain[SPEC_PART_MAX];
};

void spec_reset(struct spec *spec);
void spec_feed(struct spec *spec, const struct token *t);
bool spec_is_complete(const struct spec *spec); // may it end here? The domain may be missing.
// In canonical form: the local part in quotes only where it needs them. Empties `to` first.
void spec_write(const struct spec *spec, struct buf *to);

#endif
