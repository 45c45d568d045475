// SPDX-License-Identifier: BSD-2-Clause
// pattern_chain: see pattern_chain.h.
#include "core/pattern_chain.h"

#include "core/must.h"

#include <stdlib.h>

// Rows of one table are mostly equally exact: they are put behind the last at once.
static void link_row(struct pattern_chain *c, const struct pattern_chain_rows *r, uint32_t row,
                     uint32_t first, uint32_t *lasts)
{
    uint32_t *at = &c->first[first], last = lasts[first];
    if (last != PATTERN_CHAIN_END && !r->is_before(r->rows, row, last))
        at = &c->next[last];
    while (*at != PATTERN_CHAIN_END && !r->is_before(r->rows, row, *at))
        at = &c->next[*at];
    c->next[row] = *at;
    *at = row;
    if (c->next[row] == PATTERN_CHAIN_END)
        lasts[first] = row;
}

static uint32_t *no_rows(uint32_t count)
{
    uint32_t *rows = must_alloc((count + 1) * sizeof *rows);
    for (uint32_t i = 0; i < count; i++)
        rows[i] = PATTERN_CHAIN_END;
    return rows;
}

void pattern_chain_build(struct pattern_chain *c, struct pattern_index *x,
                         const struct pattern_chain_rows *rows)
{
    uint32_t *lasts = no_rows(rows->count);
    pattern_chain_close(c);
    c->first = no_rows(rows->count);
    c->next = no_rows(rows->count);
    for (uint32_t i = 0; i < rows->count; i++) {
        const char *pattern = rows->pattern_of(rows->rows, i);
        uint32_t first = i;
        if (pattern && !pattern_index_add(x, pattern, i))
            must(pattern_index_find(x, pattern, &first));
        link_row(c, rows, i, first, lasts);
    }
    free(lasts);
}

void pattern_chain_close(struct pattern_chain *c)
{
    free(c->first);
    free(c->next);
    *c = (struct pattern_chain){0};
}
