// SPDX-License-Identifier: BSD-2-Clause
// request_idn: see request_idn.h.
#include "control/request_idn.h"

#include "core/domain_idn2.h"
#include "core/utf8.h"

#include <stdio.h>

// Where the whole labels of a domain begin: a label with a * in it is none.
static size_t whole_labels(struct slice domain)
{
    const char *star = memrchr(domain.p, '*', domain.n);
    size_t from = star ? (size_t)(star - domain.p) : 0;
    const char *dot = star ? memchr(star, '.', domain.n - from) : domain.p - 1;
    if (star && !dot)
        return domain.n;
    from = (size_t)(dot + 1 - domain.p);
    return from < domain.n && domain.p[from] == '.' ? from + 1 : from; // ".example": what is below
}

static void to_ascii(char *text, size_t size)
{
    struct slice whole = slice_str(text);
    if (utf8_is_ascii(whole))
        return;
    const char *at = memrchr(whole.p, '@', whole.n);
    size_t from = at ? (size_t)(at + 1 - whole.p) : 0;
    from += whole_labels(slice_from(whole, from));
    struct buf ascii;
    buf_init(&ascii, size - 1);
    if (!buf_add(&ascii, text, from) && !domain_to_ascii(slice_from(whole, from), &ascii, NULL))
        snprintf(text, size, "%s", ascii.p);
    buf_close(&ascii);
}

void request_idn(struct request *r)
{
    for (size_t i = 0; i < r->filter.count; i++) {
        struct filter_term *t = &r->filter.terms[i];
        if (t->key == FILTER_FROM || t->key == FILTER_TO || t->key == FILTER_DOMAIN)
            to_ascii(t->text, sizeof t->text);
    }
    to_ascii(r->target.name, sizeof r->target.name);
    to_ascii(r->subject, sizeof r->subject);
}
