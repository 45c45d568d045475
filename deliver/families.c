// SPDX-License-Identifier: BSD-2-Clause
// families: see families.h.
#include "deliver/families.h"

#include <string.h>

static struct family *family_of(struct families *f, const char *ip)
{
    return strchr(ip, ':') ? &f->v6 : &f->v4;
}

void families_note_reached(struct families *f, const char *ip)
{
    if (f && ip[0])
        *family_of(f, ip) = (struct family){0};
}

void families_note_fault(struct families *f, const char *ip, enum deliver_fault fault,
                         int64_t now_ms)
{
    if (!f || !ip[0] || fault == FAULT_SHORTAGE)
        return;
    struct family *family = family_of(f, ip);
    if (fault == FAULT_REFUSED || fault == FAULT_RESET)
        *family = (struct family){0};
    else if (++family->silent >= FAMILIES_SILENT)
        family->distrusted_until_ms = now_ms + FAMILIES_MS;
}

bool families_v4_first(const struct families *f, int64_t now_ms)
{
    return f && now_ms < f->v6.distrusted_until_ms && now_ms >= f->v4.distrusted_until_ms;
}
