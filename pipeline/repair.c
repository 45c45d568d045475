// SPDX-License-Identifier: BSD-2-Clause
// repair: times in the spool that a wrong clock has left there. See pipeline_internal.h.
//
// Nothing waits longer than the longest wait of any schedule, counted from now, and nothing came
// in the future: where the spool says otherwise the clock was ahead when it was written and has
// been set back since, while no daemon ran. Such mail is due, and as old as if it had come now.
// Mail that came before a clock had been set for the first time is given the age that it has.
//
// Mail of suspended senders is put off on purpose, for longer than any schedule says; it is made
// due with the rest and put off anew. So while there are such senders nobody is told of a clock.
//
// It goes page by page beside everything else: a sound spool costs one look for each domain.
#include "pipeline/pipeline_internal.h"

enum { PAGE = 500 };

static void ask(struct pipeline *p, const struct op_clock *first)
{
    struct op *op = op_new(OP_CLOCK);
    op->clock = *first;
    op->clock.now_ms = p->now_ms;
    op->clock.latest_ms = p->now_ms + rules_longest_wait(&p->config->rules);
    op->clock.limit = PAGE;
    store_op(p, op, WAIT_REPAIR);
}

void repair_begin(struct pipeline *p, int64_t unset_until_ms, int64_t by_ms)
{
    ask(p, &(struct op_clock){.shift_from_ms = p->started_ms,
                              .shift_to_ms = unset_until_ms,
                              .shift_by_ms = by_ms});
}

// What is in memory has the times of before.
static void end_of_unset(struct pipeline *p)
{
    if (!(p->brakes & BRAKE_CLOCK))
        return;
    pipeline_read_again(p);
    brake_set(p, BRAKE_CLOCK, false);
}

void repair_stored(struct pipeline *p, struct op *op)
{
    struct op_clock *k = &op->clock;
    if (op->err) {
        effect_logf(p, LOG_LEVEL_ERROR, "spool: times could not be looked through: %s",
                    fp_err_text(op->err));
        end_of_unset(p);
        return;
    }
    for (uint32_t i = 0; i < k->domain_count; i++)
        windows_due(p, k->domains[i], p->now_ms);
    p->repaired += k->changed;
    if (!k->is_done) {
        char *after = k->after;
        k->after = NULL;
        ask(p, &(struct op_clock){.after = after});
        return;
    }
    sweep_arm(p);
    end_of_unset(p);
    if (p->repaired > 0 && !suspensions_has(scheduler_suspensions(p->scheduler), SUSPENSION_SENDER))
        effect_logf(p, LOG_LEVEL_WARNING,
                    "the clock was ahead: %llu recipients would have waited longer than any "
                    "schedule says, and are due now",
                    (unsigned long long)p->repaired);
    p->repaired = 0;
}
