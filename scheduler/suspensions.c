// SPDX-License-Identifier: BSD-2-Clause
// suspensions: all that operators have suspended. See suspensions.h.
#include "scheduler/suspensions.h"

#include "core/must.h"
#include "core/text.h"
#include "core/time.h"

#include <stdlib.h>

void suspensions_close(struct suspensions *all)
{
    for (uint32_t i = 0; i < all->count; i++)
        suspension_close(&all->rows[i]);
    free(all->rows);
    *all = (struct suspensions){0};
}

// Domains and patterns are the same in any case; so are next hops, but for paths, and two of those
// that differ in nothing else would be a strange thing to have.
static bool is_named(const struct suspension *row, enum suspension_kind kind, const char *name)
{
    return row->kind == kind && slice_equal_nocase(slice_str(row->name), slice_str(name));
}

static struct suspension *find(const struct suspensions *all, enum suspension_kind kind,
                               const char *name)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (is_named(&all->rows[i], kind, name))
            return &all->rows[i];
    return NULL;
}

const struct suspension *suspensions_find(const struct suspensions *all, enum suspension_kind kind,
                                          const char *name)
{
    return find(all, kind, name);
}

void suspensions_put(struct suspensions *all, const struct suspension *row)
{
    struct suspension copy, *at = find(all, row->kind, row->name);
    suspension_copy(&copy, row);
    if (at) {
        suspension_close(at);
    } else {
        all->rows = must_realloc(all->rows, (all->count + 1) * sizeof *all->rows);
        at = &all->rows[all->count++];
        all->by_kind[row->kind]++;
    }
    *at = copy;
}

bool suspensions_remove(struct suspensions *all, enum suspension_kind kind, const char *name)
{
    struct suspension *at = find(all, kind, name);
    if (!at)
        return false;
    suspension_close(at);
    all->count--;
    all->by_kind[kind]--;
    memmove(at, at + 1, (size_t)(&all->rows[all->count] - at) * sizeof *at);
    return true;
}

static bool fits_sender(const struct suspension *row, const char *sender)
{
    return row->kind == SUSPENSION_SENDER && text_match(slice_str(row->name), slice_str(sender));
}

const struct suspension *suspensions_find_sender(const struct suspensions *all, const char *sender)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (fits_sender(&all->rows[i], sender))
            return &all->rows[i];
    return NULL;
}

static bool holds(const struct suspension *row, const char *destination, const char *domain,
                  const char *sender)
{
    switch (row->kind) {
    case SUSPENSION_EVERYTHING:
        return true;
    case SUSPENSION_SENDER:
        return sender && fits_sender(row, sender);
    default:
        return (destination && is_named(row, SUSPENSION_DESTINATION, destination)) ||
               (domain && is_named(row, SUSPENSION_DESTINATION, domain));
    }
}

const struct suspension *suspensions_holding(const struct suspensions *all, const char *destination,
                                             const char *domain, const char *sender)
{
    const struct suspension *found = NULL;
    for (uint32_t i = 0; i < all->count; i++)
        if (holds(&all->rows[i], destination, domain, sender) &&
            (!found || all->rows[i].until_ms > found->until_ms))
            found = &all->rows[i];
    return found;
}

const struct suspension *suspensions_find_over(const struct suspensions *all, int64_t now_ms)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->rows[i].until_ms <= now_ms)
            return &all->rows[i];
    return NULL;
}

int64_t suspensions_next_end(const struct suspensions *all)
{
    int64_t end_ms = TIME_NEVER;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->rows[i].until_ms < end_ms)
            end_ms = all->rows[i].until_ms;
    return end_ms;
}
