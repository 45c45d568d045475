// SPDX-License-Identifier: BSD-2-Clause
// authenticating: credentials in conversations with destinations: what the driver is asked for, and
// what the log tells, with Postfix's words for mechanism and user. Secrets do not come by here but
// as bytes to be sent.
#include "pipeline/carrier.h"

static const char *keep_text(struct pipeline *p, const char *text)
{
    return text ? effect_keep(p, slice_str(text)).p : NULL;
}

static const char *const *keep_words(struct pipeline *p, const char *const *words)
{
    size_t n = 0;
    while (words && words[n])
        n++;
    if (n == 0)
        return NULL;
    const char **kept =
        (void *)effect_keep(p, slice_of((const char *)words, (n + 1) * sizeof *words)).p;
    for (size_t i = 0; i < n; i++)
        kept[i] = keep_text(p, words[i]);
    return kept;
}

static void tell(struct pipeline *p, const struct auth_order *o)
{
    bool is_accepted = o->step == AUTH_STEP_ACCEPTED;
    effect_logf(p, is_accepted ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
                "SASL authentication %s at %s[%s]:%u: sasl_method=%s, sasl_username=%s",
                is_accepted ? "succeeded" : "failed", o->host, o->ip, o->port, o->mechanism,
                o->user);
}

// The session and its credentials may be gone before the effect is executed.
void authenticating_order(struct pipeline *p, uint64_t conn, const struct auth_order *order)
{
    struct auth_order *kept =
        (void *)effect_keep(p, slice_of((const char *)order, sizeof *order)).p;
    if (order->step == AUTH_STEP_ACCEPTED || order->step == AUTH_STEP_REFUSED)
        tell(p, order);
    kept->user = keep_text(p, order->user);
    kept->host = keep_text(p, order->host);
    kept->ip = keep_text(p, order->ip);
    kept->secret.file = keep_text(p, order->secret.file);
    kept->secret.words = keep_words(p, order->secret.words);
    kept->secret.service_secret = keep_text(p, order->secret.service_secret);
    kept->challenge = effect_keep(p, order->challenge);
    struct pipeline_effect *e = effect_add(p, PIPELINE_AUTH);
    e->conn = conn;
    e->auth = kept;
}

void carrier_auth_response(struct pipeline *p, struct carrier *h,
                           const struct auth_response *response)
{
    carrier_feed(p, h,
                 (struct session_event){.kind = SESSION_AUTH_RESPONSE, .auth_response = response});
}
