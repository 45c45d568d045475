// SPDX-License-Identifier: BSD-2-Clause
// proving: see proving_uv.h.
//
// A server says what a response costs (SCRAM's iterations), and it may be a second of a processor:
// responses are computed in libuv's thread pool. Everything else happens in the loop.
#include "daemon/proving_uv.h"

#include "io/sasl_sasl.h"

#include <stdlib.h>
#include <utlist.h>

enum { RESPONSE_MAX = 64 * 1024 };

enum proof_state {
    PROOF_IDLE,    // the host has the word
    PROOF_ASKING,  // for the secret
    PROOF_WORKING, // in the thread pool
    PROOF_TELLING, // the pipeline hears of it
};

// One exchange on one connection.
struct proof {
    struct shell *shell;
    struct link *link; // NULL: the connection has gone
    enum proof_state state;
    struct sasl *sasl; // NULL before the secret is there
    char *mechanism, *user, *host;
    uint16_t port;
    bool has_initial, binds, is_kept;
    struct secret_source source;
    char *file, **words; // that it points at
    uv_work_t work;
    struct buf challenge, response;
    enum fp_err err; // of the work
    struct proof *prev, *next;
};

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_reset(b);
}

static void proof_free(struct proof *proof)
{
    DL_DELETE(proof->shell->proofs, proof);
    sasl_free(proof->sasl);
    wipe(&proof->response);
    buf_close(&proof->response);
    buf_close(&proof->challenge);
    for (char **w = proof->words; w && *w; w++)
        free(*w);
    free(proof->words);
    free(proof->file);
    free(proof->mechanism);
    free(proof->user);
    free(proof->host);
    free(proof);
}

void proving_drop(struct link *l)
{
    struct proof *proof = l->proof;
    l->proof = NULL;
    if (!proof)
        return;
    proof->link = NULL;
    if (proof->state == PROOF_IDLE)
        proof_free(proof);
}

// From the loop only: effects are not executed from within effects.
static void tell(struct proof *proof, const char *why)
{
    const struct auth_response response = {
        .why = why,
        .text = buf_slice(&proof->response),
        .is_complete = proof->sasl && sasl_is_complete(proof->sasl),
        .is_kept = proof->is_kept,
    };
    struct pipeline_event e = shell_event(proof->shell, PIPELINE_AUTH_RESPONSE);
    e.conn = proof->link->conn;
    e.auth_response = &response;
    proof->state = PROOF_TELLING;
    shell_feed(proof->shell, &e);
    proof->state = PROOF_IDLE;
    wipe(&proof->response);
    if (!proof->link)
        proof_free(proof);
    else if (why)
        proving_drop(proof->link);
}

// ---- the secret ----------------------------------------------------------------------------

// NULL: all is well, and the initial response is in its place.
static const char *begin(struct proof *proof, const char *secret, struct buf *why)
{
    struct tls_binding binding = {.n = 0};
    if (proof->binds)
        tls_binding(proof->link->tls, &binding);
    const struct sasl_identity identity = {
        .mechanism = proof->mechanism,
        .user = proof->user,
        .secret = secret,
        .host = proof->host,
        .port = proof->port,
        .binding = slice_of(binding.bytes, binding.n),
        .is_unique = binding.is_unique,
    };
    if (sasl_new(&identity, &proof->sasl, why) != FP_OK)
        return why->p;
    if (proof->has_initial && sasl_step(proof->sasl, SLICE_LIT(""), &proof->response) != FP_OK)
        return "user name and secret cannot be said by this mechanism";
    return NULL;
}

static void on_secret(void *arg, const char *secret, const char *why)
{
    struct proof *proof = arg;
    struct buf problem;
    if (!proof->link) {
        proof_free(proof);
        return;
    }
    buf_init(&problem, 4096);
    tell(proof, secret ? begin(proof, secret, &problem) : why);
    buf_close(&problem);
}

static char *service_path(const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    struct buf path;
    buf_init(&path, SIZE_MAX);
    buf_add_all(&path, folder && folder[0] ? folder : "$CREDENTIALS_DIRECTORY", "/", name);
    return buf_steal(&path, NULL);
}

static void copy_source(struct proof *proof, const struct auth_secret *from)
{
    size_t n = 0;
    while (from->words && from->words[n])
        n++;
    if (n > 0)
        proof->words = must_zalloc((n + 1) * sizeof *proof->words);
    for (size_t i = 0; i < n; i++)
        proof->words[i] = must_strdup(from->words[i]);
    if (from->file)
        proof->file = must_strdup(from->file);
    else if (from->service_secret)
        proof->file = service_path(from->service_secret);
    proof->source = (struct secret_source){.file = proof->file,
                                           .words = (const char *const *)proof->words,
                                           .timeout_ms = from->timeout_ms,
                                           .keep_ms = from->keep_ms};
}

static void ask(struct link *l, const struct auth_order *order)
{
    struct shell *sh = l->shell;
    struct proof *proof = must_zalloc(sizeof *proof);
    proving_drop(l);
    if (!sh->secrets)
        sh->secrets = secrets_open(&sh->loop);
    proof->shell = sh;
    proof->link = l;
    proof->mechanism = must_strdup(order->mechanism);
    proof->user = must_strdup(order->user);
    proof->host = must_strdup(order->host);
    proof->port = order->port;
    proof->has_initial = order->has_initial;
    proof->binds = order->binds;
    copy_source(proof, &order->secret);
    buf_init(&proof->challenge, RESPONSE_MAX);
    buf_init(&proof->response, RESPONSE_MAX);
    DL_APPEND(sh->proofs, proof);
    l->proof = proof;
    proof->state = PROOF_ASKING;
    if (order->renews)
        secret_forget(sh->secrets, &proof->source);
    proof->is_kept = secret_is_kept(sh->secrets, &proof->source);
    secret_ask(sh->secrets, &proof->source, on_secret, proof);
}

// ---- challenges ----------------------------------------------------------------------------

static void work(uv_work_t *request)
{
    struct proof *proof = request->data;
    proof->err = sasl_step(proof->sasl, buf_slice(&proof->challenge), &proof->response);
}

static const char *text_of(enum fp_err err)
{
    switch (err) {
    case FP_OK:
        return NULL;
    case FP_DENIED:
        return "the host does not know the password that it wants to be told";
    default:
        return "the host's challenge makes no sense, or asks for too much work";
    }
}

static void on_worked(uv_work_t *request, int status)
{
    struct proof *proof = request->data;
    (void)status;
    if (proof->link)
        tell(proof, text_of(proof->err));
    else
        proof_free(proof);
}

static void respond(struct proof *proof, struct slice challenge)
{
    buf_reset(&proof->challenge);
    buf_add_slice(&proof->challenge, challenge);
    proof->state = PROOF_WORKING;
    proof->work.data = proof;
    must(uv_queue_work(&proof->shell->loop, &proof->work, work, on_worked) == 0);
}

// ---- from outside --------------------------------------------------------------------------

void proving_execute(struct link *l, const struct auth_order *order)
{
    if (order->step == AUTH_STEP_BEGIN) {
        ask(l, order);
        return;
    }
    if (!l->proof)
        return; // it could not begin
    switch (order->step) {
    case AUTH_STEP_CHALLENGE:
        respond(l->proof, order->challenge);
        break;
    case AUTH_STEP_REFUSED:
        secret_forget(l->shell->secrets, &l->proof->source);
        proving_drop(l);
        break;
    case AUTH_STEP_BEGIN:
    case AUTH_STEP_ACCEPTED:
        proving_drop(l);
        break;
    }
}

void proving_close(struct shell *sh)
{
    struct proof *proof, *next;
    secrets_close(sh->secrets); // no answer comes any more
    sh->secrets = NULL;
    DL_FOREACH_SAFE(sh->proofs, proof, next)
    {
        if (proof->state == PROOF_ASKING)
            proof_free(proof);
    }
}
