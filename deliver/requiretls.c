// SPDX-License-Identifier: BSD-2-Clause
// requiretls: see requiretls.h.
#include "deliver/requiretls.h"

bool requiretls_refuse(const struct client *c, struct tally *t)
{
    bool is_asked = (t->batch->traits & MESSAGE_REQUIRE_TLS) != 0 && !c->hop.is_lmtp;
    if (!is_asked || (c->is_protected && c->caps.has_requiretls))
        return false;
    classify_no_requiretls(&c->hop, tally_settle(t));
    return true;
}
