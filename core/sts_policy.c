// SPDX-License-Identifier: BSD-2-Clause
// sts_policy: see sts_policy.h.
#include "core/sts_policy.h"

#include "core/must.h"

#include <stdlib.h>

void sts_policy_copy(struct sts_policy *to, const struct sts_policy *from)
{
    *to = *from;
    to->domain = must_strdup(from->domain ? from->domain : "");
    to->id = must_strdup(from->id ? from->id : "");
    to->mx = must_strdup(from->mx ? from->mx : "");
}

void sts_policy_close(struct sts_policy *p)
{
    free(p->domain);
    free(p->id);
    free(p->mx);
    *p = (struct sts_policy){0};
}

const char *sts_mode_name(enum sts_mode mode)
{
    static const char *const names[] = {"none", "testing", "enforce"};
    must((size_t)mode < sizeof names / sizeof names[0]);
    return names[mode];
}
