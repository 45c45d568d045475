// SPDX-License-Identifier: BSD-2-Clause
// classify: what folders and programs of this machine answer. See classify.h.
#include "core/must.h"
#include "core/slice.h"
#include "deliver/classify.h"

#include <stdio.h>
#include <string.h>

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

// What a program's exit status means (sysexits.h). What speaks of the program's own trouble, or of
// how it was called, waits until somebody has looked at it; so does every status that is not one of
// these.
static const struct exit_row {
    int code;
    bool is_permanent;
    const char *status, *words;
} exits[] = {
    {64, false, "4.3.5", "command line usage error"},
    {65, true, "5.6.0", "data format error"},
    {66, true, "5.3.0", "cannot open input"},
    {67, true, "5.1.1", "user unknown"},
    {68, true, "5.1.2", "host name unknown"},
    {69, true, "5.3.0", "service unavailable"},
    {70, true, "5.3.0", "internal software error"},
    {71, false, "4.3.0", "system resource problem"},
    {72, false, "4.3.5", "critical OS file missing"},
    {73, true, "5.2.0", "can't create user output file"},
    {74, false, "4.3.0", "input/output error"},
    {75, false, "4.3.0", "temporary failure"},
    {76, true, "5.5.0", "remote error in protocol"},
    {77, true, "5.7.0", "permission denied"},
    {78, true, "5.3.5", "local configuration error"},
};

static const struct exit_row *exit_row(int code)
{
    static const struct exit_row other = {0, false, "4.3.0", "no status of sysexits.h"};
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (exits[i].code == code)
            return &exits[i];
    return &other;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Its output on one line, "" when it said nothing.
static void put_output(const char *output, struct outcome *o)
{
    struct slice said = slice_trim(slice_str(output));
    size_t at = strlen(o->text);
    if (said.n == 0)
        return;
    snprintf(o->text + at, sizeof o->text - at, ": %.*s", (int)said.n, said.p);
    for (char *p = o->text + at; *p; p++)
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
}

static void judge_end(const struct handover_order *order, const struct handover_result *r,
                      struct outcome *ret)
{
    const char *name = last_part(order->path);
    const struct exit_row *row = exit_row(r->exit_code);
    if (r->signal)
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_RECIPIENT, CLASS_MESSAGE, "4.3.0",
                    "%s was ended by signal %d", name, r->signal);
    else if (r->exit_code == 0)
        outcome_set(ret, OUTCOME_DELIVERED, SCOPE_NONE, CLASS_NONE, "2.0.0", "delivered to %s",
                    name);
    else
        outcome_set(ret, row->is_permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED, SCOPE_RECIPIENT,
                    row->is_permanent ? CLASS_REFUSED : CLASS_MESSAGE, row->status,
                    "%s ended with status %d, %s", name, r->exit_code, row->words);
    put_output(r->text, ret);
}

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
    if (result->fault != HANDOVER_DONE)
        outcome_set(ret, OUTCOME_DEFERRED, row->scope, row->klass, row->status, "%s %s: %s (%s)",
                    order->kind == HANDOVER_PIPE ? "program" : "maildir", order->path, result->text,
                    row->words);
    else if (order->kind == HANDOVER_PIPE)
        judge_end(order, result, ret);
    else
        outcome_set(ret, OUTCOME_DELIVERED, SCOPE_NONE, CLASS_NONE, "2.0.0",
                    "delivered to maildir");
    put_order(order, ret);
}

void classify_too_slow(const struct handover_order *order, int64_t limit_ms, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_DEFERRED, SCOPE_RECIPIENT, CLASS_MESSAGE, "4.3.0",
                "%s did not end within %lld s and was killed", last_part(order->path),
                (long long)(limit_ms / 1000));
    put_order(order, ret);
}
