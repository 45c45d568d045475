// SPDX-License-Identifier: BSD-2-Clause
// knowing: credentials in a world. What is made of secrets does not matter there: whether it is
// right is the host's word. See world_db.h.
#include "simulate/world_internal_db.h"

void world_authenticate(struct world *w, const struct pipeline_effect *fx)
{
    static const struct auth_response good = {.text = SLICE_LIT("c2VjcmV0"), .is_complete = true};
    static const struct auth_response none = {.why = "the secret is not there"};
    if (fx->auth->step == AUTH_STEP_BEGIN || fx->auth->step == AUTH_STEP_CHALLENGE)
        world_event_later(w, PIPELINE_AUTH_RESPONSE, fx->conn, w->now_ms)->event.auth_response =
            w->in->secrets_are_gone ? &none : &good;
}
