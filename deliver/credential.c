// SPDX-License-Identifier: BSD-2-Clause
// credential: see credential.h.
#include "deliver/credential.h"

#include <stdlib.h>
#include <strings.h>

void credentials_close(struct credentials *c)
{
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
    *c = (struct credentials){0};
}

// A handful of rows at most: nobody has many relays.
const struct credential_row *credential_find(const struct credentials *c, const char *host)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->rows[i].host && strcasecmp(c->rows[i].host, host) == 0)
            return &c->rows[i];
    return NULL;
}
