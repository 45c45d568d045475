// SPDX-License-Identifier: BSD-2-Clause
// tls: one connection. See tls_uv.h; what connections share is in tlscontext_uv.c, the words for
// failures in tlswords_uv.c.
//
// (L1) OpenSSL reads what `in` points at during a call, and writes to the stream: no record is held
//      twice. What it leaves, because reading was stopped meanwhile, is copied to `held`.
// (L2) Any call of OpenSSL may write, failing ones too (alerts): so writing goes out by itself.
// (L3) After is_over (the peer's end, or a fault) and is_closed nothing more is told.
#include "io/tls_uv.h"

#include "core/hostname.h"
#include "core/must.h"
#include "io/tlscontext_uv.h"
#include "io/tlswords_uv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { TLS_MAGIC = 0x746c7331, TLS_RECORD_SIZE = 16 * 1024 };

struct tls {
    uint32_t magic;
    struct tls_bond bond; // its engine is held, the rest owned
    struct stream *stream;
    struct stream_handler handler;
    tls_ready *on_ready;
    uv_timer_t timer; // works at once, but from the loop
    SSL *ssl;         // NULL: there is no context for the terms; the bond says why
    struct slice in;  // L1
    struct buf held;
    struct tls_pin *pins;
    uint32_t pin_count;
    bool must_verify, is_by_dane, is_ready, is_over, is_closed, is_out, wants_read;
    uint32_t open_handles;
};

static struct tls *tls_of(const void *p)
{
    struct tls *t = (struct tls *)p;
    must(t->magic == TLS_MAGIC);
    return t;
}

// ---- what OpenSSL reads and writes ---------------------------------------------------------

static int bio_write(BIO *bio, const char *data, size_t n, size_t *ret)
{
    struct tls *t = tls_of(BIO_get_data(bio));
    const struct slice bytes = slice_of(data, n);
    t->is_out &= stream_write(t->stream, &bytes, 1);
    *ret = n;
    return 1;
}

static int bio_read(BIO *bio, char *to, size_t n, size_t *ret)
{
    struct tls *t = tls_of(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (t->in.n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *ret = n < t->in.n ? n : t->in.n;
    memcpy(to, t->in.p, *ret);
    t->in = slice_from(t->in, *ret);
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO *bio_new(struct tls *t)
{
    static BIO_METHOD *method; // one for the process, and one thread
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
        must(method && BIO_meth_set_write_ex(method, bio_write) &&
             BIO_meth_set_read_ex(method, bio_read) && BIO_meth_set_ctrl(method, bio_control));
    }
    BIO *bio = BIO_new(method);
    must(bio != NULL);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

// ---- the handshake -------------------------------------------------------------------------

static bool is_ip(const char *name)
{
    return hostname_is_ipv4(slice_str(name)) || hostname_is_ipv6(slice_str(name));
}

static void expect_names(SSL *ssl, const struct tls_terms *terms)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    for (uint32_t i = 0; i < terms->name_count; i++) {
        const char *name = terms->names[i];
        if (is_ip(name))
            must(X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1);
        else
            must(X509_VERIFY_PARAM_add1_host(param, name, 0) == 1);
    }
}

// RFC 7672: of usage 3 only the key or certificate counts, neither its names nor its dates (3.1.1);
// of usage 2 the names count, too. False when OpenSSL can use none of them.
static bool expect_tlsa(SSL *ssl, const struct tls_terms *terms)
{
    bool has_any = false;
    must(SSL_dane_enable(ssl, terms->names[0]) == 1);
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    for (uint32_t i = 0; i < terms->tlsa_count; i++) {
        const struct dns_tlsa *r = &terms->tlsa[i];
        has_any |=
            SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching, r->data, r->size) == 1;
    }
    return has_any;
}

static void set_up(struct tls *t, SSL_CTX *ctx, const struct tls_terms *terms)
{
    t->ssl = SSL_new(ctx);
    must(t->ssl != NULL);
    BIO *bio = bio_new(t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_connect_state(t->ssl);
    SSL_set_app_data(t->ssl, &t->bond);
    if (terms->server_name[0] && !is_ip(terms->server_name))
        SSL_set_tlsext_host_name(t->ssl, terms->server_name);
    if (terms->must_verify && terms->tlsa_count > 0) {
        t->is_by_dane = expect_tlsa(t->ssl, terms);
        t->must_verify = t->is_by_dane || terms->needs_tlsa;
    }
    bool looks_at_chain = t->must_verify && terms->pin_count == 0;
    SSL_set_verify(t->ssl, looks_at_chain ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, tls_words_verify);
    if (looks_at_chain)
        expect_names(t->ssl, terms);
    SSL_SESSION *session = tls_session_find(t->bond.engine, t->bond.session_key);
    if (session)
        SSL_set_session(t->ssl, session);
}

static bool has_pinned_key(const struct tls *t)
{
    struct tls_pin key;
    if (!tls_words_key(t->ssl, &key))
        return false;
    for (uint32_t i = 0; i < t->pin_count; i++)
        if (memcmp(key.digest, t->pins[i].digest, sizeof key.digest) == 0)
            return true;
    return false;
}

static void tell_fault(struct tls *t, enum stream_fault fault, const char *detail)
{
    t->is_over = true;
    stream_read(t->stream, false);
    if (t->handler.on_fault)
        t->handler.on_fault(t->handler.arg, fault, detail);
}

static size_t exported_binding(SSL *ssl, char to[TLS_BINDING_MAX])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    enum { SIZE = 32 };
    int done = SSL_export_keying_material(ssl, (unsigned char *)to, SIZE, label, sizeof label - 1,
                                          (const unsigned char *)"", 0, 1);
    return done == 1 ? SIZE : 0;
}

static bool is_unique(SSL *ssl)
{
    return SSL_get_extms_support(ssl) == 1;
}

// The first Finished of the handshake: the client's, or the server's where a session is resumed.
static size_t finished_binding(SSL *ssl, char to[TLS_BINDING_MAX])
{
    if (!is_unique(ssl))
        return 0;
    return SSL_session_reused(ssl) == 1 ? SSL_get_peer_finished(ssl, to, TLS_BINDING_MAX)
                                        : SSL_get_finished(ssl, to, TLS_BINDING_MAX);
}

void tls_binding(const struct tls *t, struct tls_binding *ret)
{
    SSL *ssl = tls_of(t)->ssl;
    ret->is_unique = SSL_version(ssl) < TLS1_3_VERSION;
    ret->n = ret->is_unique ? finished_binding(ssl, ret->bytes) : exported_binding(ssl, ret->bytes);
    if (ret->n > TLS_BINDING_MAX)
        ret->n = 0;
}

static void tell_ready(struct tls *t)
{
    struct tls_result result = {.is_verified = t->must_verify, .is_by_dane = t->is_by_dane};
    if (t->pin_count > 0 && !has_pinned_key(t)) {
        buf_reset(&t->bond.why);
        tls_words_pin(t->ssl, &t->bond.why);
        tell_fault(t, STREAM_TLS, t->bond.why.p);
        return;
    }
    t->is_ready = true;
    snprintf(result.version, sizeof result.version, "%s", SSL_get_version(t->ssl));
    snprintf(result.cipher, sizeof result.cipher, "%s", SSL_get_cipher_name(t->ssl));
    result.bits = SSL_get_cipher_bits(t->ssl, NULL);
    result.is_resumed = SSL_session_reused(t->ssl) == 1;
    result.has_binding = SSL_version(t->ssl) >= TLS1_3_VERSION || is_unique(t->ssl);
    t->on_ready(t->handler.arg, &result);
}

static void shake_hands(struct tls *t)
{
    ERR_clear_error();
    int r = SSL_do_handshake(t->ssl);
    if (r == 1) {
        tell_ready(t);
    } else if (SSL_get_error(t->ssl, r) != SSL_ERROR_WANT_READ) {
        tls_words_handshake(&t->bond.why);
        tell_fault(t, STREAM_TLS, t->bond.why.p);
    }
}

// ---- reading -------------------------------------------------------------------------------

static void tell_end(struct tls *t)
{
    if (t->is_over || t->is_closed)
        return;
    t->is_over = true;
    if (t->handler.on_eof)
        t->handler.on_eof(t->handler.arg);
}

static void read_some(struct tls *t)
{
    static _Thread_local char bytes[TLS_RECORD_SIZE]; // borrowed by on_bytes during the call
    size_t n;
    while (t->wants_read && !t->is_over && !t->is_closed) {
        ERR_clear_error();
        if (SSL_read_ex(t->ssl, bytes, sizeof bytes, &n) == 1) {
            if (t->handler.on_bytes)
                t->handler.on_bytes(t->handler.arg, slice_of(bytes, n));
            continue;
        }
        int error = SSL_get_error(t->ssl, 0);
        if (error == SSL_ERROR_ZERO_RETURN)
            tell_end(t);
        else if (error != SSL_ERROR_WANT_READ) {
            buf_reset(&t->bond.why);
            tls_words_reason(&t->bond.why);
            tell_fault(t, STREAM_TLS, t->bond.why.p);
        }
        return;
    }
}

static void work(struct tls *t)
{
    if (!t->is_ready && !t->is_over && !t->is_closed) {
        if (t->ssl)
            shake_hands(t);
        else
            tell_fault(t, STREAM_TLS_SET_UP, t->bond.why.p);
    }
    if (t->is_ready)
        read_some(t);
}

static void work_on(struct tls *t, struct slice bytes)
{
    struct buf held = t->held;
    buf_init(&t->held, SIZE_MAX);
    if (held.n > 0) {
        buf_add_slice(&held, bytes);
        bytes = buf_slice(&held);
    }
    t->in = bytes;
    work(t);
    if (t->in.n > 0 && !t->is_over && !t->is_closed)
        buf_add_slice(&t->held, t->in);
    t->in = (struct slice){0};
    buf_close(&held);
}

static void on_timer(uv_timer_t *timer)
{
    struct tls *t = tls_of(timer->data);
    if (!t->is_closed)
        work_on(t, (struct slice){0});
}

static void work_later(struct tls *t)
{
    must(uv_timer_start(&t->timer, on_timer, 0, 0) == 0);
}

void tls_read(struct tls *t, bool on)
{
    tls_of(t);
    t->wants_read = on;
    if (t->is_over || t->is_closed)
        return;
    stream_read(t->stream, on);
    if (on && t->is_ready && (t->held.n > 0 || SSL_has_pending(t->ssl)))
        work_later(t);
}

// ---- what the stream tells -----------------------------------------------------------------

static void on_bytes(void *arg, struct slice bytes)
{
    struct tls *t = tls_of(arg);
    if (!t->is_over && !t->is_closed)
        work_on(t, bytes);
}

static void on_eof(void *arg)
{
    tell_end(tls_of(arg));
}

static void on_fault(void *arg, enum stream_fault fault, const char *detail)
{
    struct tls *t = tls_of(arg);
    if (t->is_over || t->is_closed)
        return;
    t->is_over = true;
    if (t->handler.on_fault)
        t->handler.on_fault(t->handler.arg, fault, detail);
}

static void on_drained(void *arg)
{
    struct tls *t = tls_of(arg);
    if (t->is_ready && !t->is_closed && t->handler.on_drained)
        t->handler.on_drained(t->handler.arg);
}

static void release(struct tls *t)
{
    if (--t->open_handles > 0)
        return;
    struct stream_handler handler = t->handler;
    SSL_free(t->ssl);
    tls_engine_free(t->bond.engine);
    free(t->bond.session_key);
    buf_close(&t->bond.why);
    buf_close(&t->held);
    free(t->pins);
    t->magic = 0;
    free(t);
    if (handler.on_closed)
        handler.on_closed(handler.arg);
}

static void on_closed(void *arg)
{
    release(tls_of(arg));
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(tls_of(handle->data));
}

// ---- from outside --------------------------------------------------------------------------

struct tls *tls_start(struct tls_engine *e, struct stream *s, const struct tls_terms *terms,
                      const struct stream_handler *h, tls_ready *on_ready)
{
    struct tls *t = must_zalloc(sizeof *t);
    struct stream_peer peer;
    stream_peer(s, &peer);
    t->magic = TLS_MAGIC;
    t->bond.engine = tls_engine_ref(e);
    t->bond.session_key = tls_session_key(&peer, terms);
    t->stream = s;
    t->handler = *h;
    t->on_ready = on_ready;
    t->must_verify = terms->must_verify;
    t->wants_read = true;
    t->open_handles = 2;
    t->pin_count = terms->must_verify ? terms->pin_count : 0;
    if (t->pin_count > 0)
        t->pins = (void *)must_memdup((const char *)terms->pins, t->pin_count * sizeof *t->pins);
    buf_init(&t->bond.why, SIZE_MAX);
    buf_init(&t->held, SIZE_MAX);
    must(uv_timer_init(stream_loop(s), &t->timer) == 0);
    t->timer.data = t;
    const struct stream_handler own = {.arg = t,
                                       .on_bytes = on_bytes,
                                       .on_eof = on_eof,
                                       .on_fault = on_fault,
                                       .on_drained = on_drained,
                                       .on_closed = on_closed};
    stream_set_handler(s, &own);
    SSL_CTX *ctx = tls_context(e, terms, &t->bond.why);
    if (ctx)
        set_up(t, ctx, terms);
    work_later(t);
    return t;
}

static void write_record(struct tls *t, struct slice bytes)
{
    size_t n;
    if (bytes.n == 0)
        return;
    ERR_clear_error();
    // It cannot fail for want of room; when it fails, reading tells why.
    (void)SSL_write_ex(t->ssl, bytes.p, bytes.n, &n);
}

// Small slices share a record: each costs some dozen octets, and more time.
bool tls_write(struct tls *t, const struct slice *slices, uint32_t count)
{
    static _Thread_local char room[TLS_RECORD_SIZE];
    size_t used = 0;
    must(tls_of(t)->is_ready);
    t->is_out = true;
    for (uint32_t i = 0; i < count && !t->is_over && !t->is_closed; i++)
        for (struct slice rest = slices[i]; rest.n > 0;) {
            size_t n = rest.n < sizeof room - used ? rest.n : sizeof room - used;
            memcpy(room + used, rest.p, n);
            used += n;
            rest = slice_from(rest, n);
            if (used == sizeof room) {
                write_record(t, slice_of(room, used));
                used = 0;
            }
        }
    if (!t->is_over && !t->is_closed)
        write_record(t, slice_of(room, used));
    return t->is_out;
}

size_t tls_unsent(const struct tls *t)
{
    return stream_unsent(tls_of(t)->stream);
}

void tls_close(struct tls *t, bool flush)
{
    if (tls_of(t)->is_closed) {
        stream_close(t->stream, flush);
        return;
    }
    t->is_closed = true;
    if (t->is_ready && !t->is_over) {
        ERR_clear_error();
        (void)SSL_shutdown(t->ssl); // says that the end is meant; nobody waits for the answer
    }
    stream_close(t->stream, flush);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}
