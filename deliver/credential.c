// SPDX-License-Identifier: BSD-2-Clause
// credential: see credential.h.
#include "deliver/credential.h"

#include "core/must.h"

#include <stdlib.h>

struct credentials *credentials_new(void)
{
    struct credentials *c = must_zalloc(sizeof *c);
    c->refs = 1;
    return c;
}

struct credentials *credentials_ref(struct credentials *c)
{
    c->refs++;
    return c;
}

void credentials_unref(struct credentials *c)
{
    if (!c || --c->refs > 0)
        return;
    for (uint32_t i = 0; i < c->count; i++) {
        struct credential_row *row = &c->rows[i];
        for (char **w = row->words; w && *w; w++)
            free(*w);
        free(row->words);
        free(row->service_secret);
        free(row->file);
        free(row->user);
        free(row->host);
    }
    free(c->rows);
    free(c);
}

bool credential_wants_tls(const struct credential_row *row)
{
    return row && !row->permits_clear;
}

// A handful of rows at most: nobody has many relays.
const struct credential_row *credential_find(const struct credentials *c, const char *host)
{
    struct slice name = slice_str(host);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->rows[i].host && slice_equal_nocase(slice_str(c->rows[i].host), name))
            return &c->rows[i];
    return NULL;
}
