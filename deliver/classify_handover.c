// SPDX-License-Identifier: BSD-2-Clause
// classify: what folders and programs of this machine answer. See classify.h.
#include "core/must.h"
#include "deliver/classify.h"

#include <stdio.h>

// Full disks and missing folders are everybody's who goes there; rights and quotas need not be.
static const struct fault_row {
    enum outcome_scope scope;
    enum outcome_class klass;
    const char *status, *words;
} faults[] = {
    [HANDOVER_FULL] = {SCOPE_HOST, CLASS_HOST, "4.3.1", "no room"},
    [HANDOVER_QUOTA] = {SCOPE_RECIPIENT, CLASS_MAILBOX_FULL, "4.2.2", "over quota"},
    [HANDOVER_DENIED] = {SCOPE_RECIPIENT, CLASS_MESSAGE, "4.3.0", "this system's own fault"},
    [HANDOVER_MISSING] = {SCOPE_HOST, CLASS_HOST, "4.3.5", "this system's own fault"},
    [HANDOVER_SHORTAGE] = {SCOPE_LOCAL, CLASS_MESSAGE, "4.3.0", "this system's own fault"},
    [HANDOVER_BROKEN] = {SCOPE_RECIPIENT, CLASS_MESSAGE, "4.3.0", "this system's own fault"},
};

static void put_order(const struct handover_order *order, struct outcome *o)
{
    snprintf(o->host, sizeof o->host, "%s", order->path);
    o->stage = STAGE_DOT;
}

void classify_handover(const struct handover_order *order, const struct handover_result *result,
                       struct outcome *ret)
{
    must((size_t)result->fault < sizeof faults / sizeof faults[0]);
    const struct fault_row *row = &faults[result->fault];
    if (result->fault == HANDOVER_DONE)
        outcome_set(ret, OUTCOME_DELIVERED, SCOPE_NONE, CLASS_NONE, "2.0.0",
                    "delivered to maildir");
    else
        outcome_set(ret, OUTCOME_DEFERRED, row->scope, row->klass, row->status,
                    "maildir %s: %s (%s)", order->path, result->text, row->words);
    put_order(order, ret);
}
