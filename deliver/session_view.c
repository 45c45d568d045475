// SPDX-License-Identifier: BSD-2-Clause
// session: questions about a session, and what a jump of the clock does to it. See session.h.
#include "deliver/session_state.h"

#include "core/must.h"
#include "core/time.h"

const char *session_host(const struct session *s)
{
    return s->client.hop.host;
}

const struct hop *session_hop(const struct session *s)
{
    return &s->client.hop;
}

bool session_suits(const struct session *s, const struct session_settings *today,
                   const char *domain)
{
    const char *host = client_is_ready(&s->client) ? s->client.hop.host : NULL;
    return guard_suits(&s->guard, today, domain, host);
}

bool session_is_strict(const struct session *s)
{
    return s->client.protection.is_strict;
}

int64_t session_deadline(const struct session *s)
{
    if (s->state == STATE_CONNECTING)
        return s->connect_deadline_ms;
    return s->state == STATE_RESOLVING || s->state == STATE_ENDED ? TIME_NEVER
                                                                  : s->client.deadline_ms;
}

void session_postpone(struct session *s, int64_t by_ms)
{
    s->connect_deadline_ms += by_ms;
    if (s->client.deadline_ms != TIME_NEVER)
        s->client.deadline_ms += by_ms;
}

const struct plan_miss *session_misses(const struct session *s, uint32_t *ret_count)
{
    *ret_count = s->plan.miss_count;
    return s->plan.misses;
}

uint32_t session_target_at(const struct session *s)
{
    return s->plan.target;
}

const struct target *session_target(const struct session *s, uint32_t at)
{
    must(at < s->plan.target_count);
    return &s->plan.targets[at];
}

void session_times(const struct session *s, struct session_times *ret)
{
    *ret = s->times;
}

uint32_t session_delivered_count(const struct session *s)
{
    return s->client.delivered_count;
}

bool session_body_is_taken(const struct session *s)
{
    return client_body_is_taken(&s->client);
}

bool session_is_idle(const struct session *s)
{
    return s->state == STATE_IDLE && client_is_ready(&s->client) && !s->tally.batch;
}

bool session_awaits_verdict(const struct session *s)
{
    return s->state == STATE_TALKING && client_stage(&s->client) == STAGE_DOT;
}
