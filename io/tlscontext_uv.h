// SPDX-License-Identifier: BSD-2-Clause
// tlscontext: what TLS connections share: contexts of OpenSSL by the files they are made of, and
// sessions to resume. For io/tls_uv.c alone.
#ifndef FP_IO_TLSCONTEXT_UV_H
#define FP_IO_TLSCONTEXT_UV_H

#include "core/buf.h"
#include "io/tls_uv.h"

#include <openssl/ssl.h>

enum { TLS_CONTEXTS_MAX = 64, TLS_SESSIONS_MAX = 500, TLS_SESSION_S = 60 * 60 };

// What a connection is to what is shared; OpenSSL's way back to it.
struct tls_bond {
    struct tls_engine *engine;
    char *session_key;
    struct buf why; // what is wrong, in words
};

// The context for these terms, the engine's; NULL after saying what is wrong with the files.
SSL_CTX *tls_context(struct tls_engine *e, const struct tls_terms *terms, struct buf *why);

// What a session may be resumed for: that peer, on just these terms, because names and issuers are
// not looked at again. The caller's to free.
char *tls_session_key(const struct stream_peer *peer, const struct tls_terms *terms);
SSL_SESSION *tls_session_find(struct tls_engine *e, const char *key); // borrowed; NULL: none
void tls_session_keep(struct tls_engine *e, const char *key, SSL_SESSION *session); // takes it

// A connection may outlive the engine that its sessions go to.
struct tls_engine *tls_engine_ref(struct tls_engine *e);

#endif
