// SPDX-License-Identifier: BSD-2-Clause
// withholding: refusals that would send a flood of notices which all have one cause, and are held
// for an operator instead. See bounce/brake.h, which counts, and pipeline_internal.h.
//
// Only what a next hop said counts. Mail that grew too old, an address that the DNS does not know
// and an operator's `bounce` are decided already, and asking once more would not help. Mail of the
// null sender counts as mail of one sender more: nobody is told of its failure, so that a flood of
// it could be dropped without anybody seeing why.
//
// After a start the brake begins anew; what was held stays held until an operator decides.
#include "pipeline/pipeline_internal.h"

static bool is_refusal(const struct outcome *o)
{
    return o->result == OUTCOME_FAILED && !o->in_doubt && o->has_reply;
}

static void say_closed(struct pipeline *p, const struct outcome *o)
{
    const struct brake_settings *brake = &p->config->brake;
    struct buf *line = effect_line(p);
    buf_addf(line,
             "bounce brake: %u refusals alike within %lld s, for mail of %u senders or more; "
             "further mail that is refused so is held until an operator says release or bounce: ",
             brake->failures, (long long)(brake->within_ms / 1000), brake->senders);
    outcome_describe(o, line);
    effect_log(p, LOG_LEVEL_ERROR, line);
}

const char *withholding_judge(struct pipeline *p, const struct message *m,
                              const struct recipient *r, const struct outcome *o)
{
    if (!is_refusal(o))
        return NULL;
    const struct brake_failure failure = {
        .outcome = o, .sender = slice_str(m->sender), .rcpt = slice_str(r->address)};
    switch (brake_judge(p->bounce_brake, &p->config->brake, &failure, p->now_ms)) {
    case BRAKE_OPEN:
        return NULL;
    case BRAKE_CLOSES:
        say_closed(p, o);
        return brake_held_why;
    case BRAKE_CLOSED:
        return brake_held_why;
    }
    must_never("a verdict that does not exist");
    return NULL;
}

bool withholding_held(const struct recipient *r)
{
    return r->state == RECIPIENT_HELD && r->held_why && strcmp(r->held_why, brake_held_why) == 0;
}
