// SPDX-License-Identifier: BSD-2-Clause
// tlscontext: see tlscontext_uv.h.
#include "io/tlscontext_uv.h"

#include "core/hash.h"
#include "core/must.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct tls_kept_context {
    char *key;
    SSL_CTX *ctx;
    UT_hash_handle hh; // in the order of making
};

struct tls_kept_session {
    char *key;
    SSL_SESSION *session;
    UT_hash_handle hh; // in the order of keeping
};

struct tls_engine {
    uint32_t refs;
    struct tls_kept_context *contexts;
    struct tls_kept_session *sessions;
};

struct tls_engine *tls_engine_new(void)
{
    struct tls_engine *e = must_zalloc(sizeof *e);
    e->refs = 1;
    return e;
}

struct tls_engine *tls_engine_ref(struct tls_engine *e)
{
    e->refs++;
    return e;
}

static void forget_context(struct tls_engine *e, struct tls_kept_context *k)
{
    HASH_DEL(e->contexts, k);
    SSL_CTX_free(k->ctx);
    free(k->key);
    free(k);
}

static void forget_session(struct tls_engine *e, struct tls_kept_session *k)
{
    HASH_DEL(e->sessions, k);
    SSL_SESSION_free(k->session);
    free(k->key);
    free(k);
}

void tls_engine_renew(struct tls_engine *e)
{
    while (e->contexts)
        forget_context(e, e->contexts);
    while (e->sessions)
        forget_session(e, e->sessions);
}

void tls_engine_free(struct tls_engine *e)
{
    if (!e || --e->refs > 0)
        return;
    tls_engine_renew(e);
    free(e);
}

// ---- contexts ------------------------------------------------------------------------------

// A key that is encrypted would be asked for on the terminal.
static int no_password(char *to, int size, int is_writing, void *arg)
{
    (void)to, (void)size, (void)is_writing, (void)arg;
    return 0;
}

static bool say_file(struct buf *why, const char *what, const char *path)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(error);
    if (access(path, R_OK) != 0)
        reason = strerror(errno);
    buf_addf(why, "cannot use %s %s: %s", what, path, reason ? reason : "not as it should be");
    ERR_clear_error();
    return false;
}

static bool use_issuers(SSL_CTX *ctx, const char *ca_file, struct buf *why)
{
    if (!ca_file[0])
        return SSL_CTX_set_default_verify_paths(ctx) == 1;
    return SSL_CTX_load_verify_file(ctx, ca_file) == 1 || say_file(why, "ca_file", ca_file);
}

static bool use_certificate(SSL_CTX *ctx, const struct tls_terms *terms, struct buf *why)
{
    const char *key_file = terms->key_file[0] ? terms->key_file : terms->cert_file;
    if (!terms->cert_file[0])
        return true;
    if (SSL_CTX_use_certificate_chain_file(ctx, terms->cert_file) != 1)
        return say_file(why, "cert_file", terms->cert_file);
    return SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) == 1 ||
           say_file(why, "key_file", key_file);
}

static int accept_all(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_bond *bond = SSL_get_app_data(ssl);
    tls_session_keep(bond->engine, bond->session_key, session);
    return 1;
}

static SSL_CTX *make_context(const struct tls_terms *terms, struct buf *why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    must(ctx != NULL);
    must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    // Where anybody's certificate will do, weak keys are still better than the clear text that
    // would follow, and of keys that a domain vouches for itself it is the judge.
    bool is_by_dane = terms->must_verify && terms->tlsa_count > 0;
    SSL_CTX_set_security_level(ctx, terms->must_verify && !is_by_dane ? 2 : 1);
    bool needs_issuers = terms->must_verify && terms->pin_count == 0 && !is_by_dane;
    // By a pin the key alone decides, and it is looked at when the handshake is over.
    if (is_by_dane)
        must(SSL_CTX_dane_enable(ctx) == 1);
    else if (!needs_issuers)
        SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
    if (use_certificate(ctx, terms, why) &&
        (!needs_issuers || use_issuers(ctx, terms->ca_file, why)))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

SSL_CTX *tls_context(struct tls_engine *e, const struct tls_terms *terms, struct buf *why)
{
    struct buf key;
    struct tls_kept_context *k;
    buf_init(&key, SIZE_MAX);
    buf_addf(&key, "%d%d%d\n%s\n%s\n%s", terms->must_verify, terms->pin_count > 0,
             terms->tlsa_count > 0, terms->ca_file, terms->cert_file, terms->key_file);
    HASH_FIND(hh, e->contexts, key.p, key.n, k);
    if (!k) {
        SSL_CTX *ctx = make_context(terms, why);
        if (ctx) {
            if (HASH_COUNT(e->contexts) >= TLS_CONTEXTS_MAX)
                forget_context(e, e->contexts);
            k = must_zalloc(sizeof *k);
            k->ctx = ctx;
            size_t n = key.n;
            k->key = buf_steal(&key, NULL);
            HASH_ADD_KEYPTR(hh, e->contexts, k->key, n, k);
        }
    }
    buf_close(&key);
    return k ? k->ctx : NULL;
}

// ---- sessions ------------------------------------------------------------------------------

static void add_hex(const unsigned char *bytes, size_t n, struct buf *to)
{
    buf_add_byte(to, '\n');
    for (size_t i = 0; i < n; i++)
        buf_addf(to, "%02x", bytes[i]);
}

char *tls_session_key(const struct stream_peer *peer, const struct tls_terms *terms)
{
    struct buf key;
    buf_init(&key, SIZE_MAX);
    buf_addf(&key, "%s:%u %s\n%d\n%s\n%s\n%s", peer->ip, peer->port, terms->server_name,
             terms->must_verify, terms->ca_file, terms->cert_file, terms->key_file);
    for (uint32_t i = 0; terms->must_verify && i < terms->name_count; i++)
        buf_addf(&key, "\n%s", terms->names[i]);
    for (uint32_t i = 0; terms->must_verify && i < terms->pin_count; i++)
        add_hex(terms->pins[i].digest, TLS_PIN_SIZE, &key);
    for (uint32_t i = 0; terms->must_verify && i < terms->tlsa_count; i++) {
        const struct dns_tlsa *r = &terms->tlsa[i];
        buf_addf(&key, "\n%d %d %d", r->usage, r->selector, r->matching);
        add_hex(r->data, r->size, &key);
    }
    return buf_steal(&key, NULL);
}

SSL_SESSION *tls_session_find(struct tls_engine *e, const char *key)
{
    struct tls_kept_session *k;
    HASH_FIND_STR(e->sessions, key, k);
    if (!k)
        return NULL;
    if (SSL_SESSION_get_time(k->session) + TLS_SESSION_S > time(NULL))
        return k->session;
    forget_session(e, k);
    return NULL;
}

void tls_session_keep(struct tls_engine *e, const char *key, SSL_SESSION *session)
{
    struct tls_kept_session *k;
    HASH_FIND_STR(e->sessions, key, k);
    if (k)
        forget_session(e, k);
    else if (HASH_COUNT(e->sessions) >= TLS_SESSIONS_MAX)
        forget_session(e, e->sessions); // the first one is the oldest
    k = must_zalloc(sizeof *k);
    k->key = must_strdup(key);
    k->session = session;
    HASH_ADD_KEYPTR(hh, e->sessions, k->key, strlen(k->key), k);
}
