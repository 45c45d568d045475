// SPDX-License-Identifier: BSD-2-Clause
// sender_pattern: see sender_pattern.h.
#include "core/sender_pattern.h"

#include <string.h>

// Between anybody and a domain stand the suffixes, by their length.
enum { FROM_ANY = 0, FROM_BELOW = 1, FROM_DOMAIN = 1 << 20, FROM_ADDRESS };

uint32_t sender_pattern_rank(const char *from)
{
    if (!from || strcmp(from, "*") == 0)
        return FROM_ANY;
    if (from[0] == '.')
        return FROM_BELOW + (uint32_t)strlen(from);
    return strcmp(from, "<>") == 0 || strchr(from, '@') ? FROM_ADDRESS : FROM_DOMAIN;
}

static struct slice domain_of(struct slice address)
{
    const char *at = address.n > 0 ? memrchr(address.p, '@', address.n) : NULL;
    return at ? slice_from(address, (size_t)(at - address.p) + 1) : (struct slice){NULL, 0};
}

bool sender_pattern_fits(const char *from, struct slice sender)
{
    struct slice pattern = slice_str(from), domain = domain_of(sender);
    uint32_t rank = sender_pattern_rank(from);
    if (rank == FROM_ANY)
        return true;
    if (strcmp(from, "<>") == 0)
        return sender.n == 0;
    if (rank == FROM_ADDRESS)
        return slice_equal_nocase(pattern, sender);
    if (rank == FROM_DOMAIN)
        return slice_equal_nocase(pattern, domain);
    return domain.n > pattern.n &&
           slice_equal_nocase(slice_from(domain, domain.n - pattern.n), pattern);
}
