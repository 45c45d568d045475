// SPDX-License-Identifier: BSD-2-Clause
// tlswords: what is wrong with a TLS connection, in words that a person understands. For
// io/tls_uv.c alone.
#ifndef FP_IO_TLSWORDS_UV_H
#define FP_IO_TLSWORDS_UV_H

#include "core/buf.h"
#include "core/tls.h"

#include <openssl/ssl.h>

// For SSL_set_verify: notes what is wrong with a certificate in the bond's words.
int tls_words_verify(int is_right, X509_STORE_CTX *store);
// Why the handshake failed: as it was noted, else what OpenSSL's queue says.
void tls_words_handshake(struct buf *to);
void tls_words_reason(struct buf *to);
// That the peer's key is none of the pins, and which it is.
void tls_words_pin(SSL *ssl, struct buf *to);
bool tls_words_key(SSL *ssl, struct tls_pin *ret); // the pin of the peer's key; false: it has none

#endif
