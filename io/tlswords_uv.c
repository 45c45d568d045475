// SPDX-License-Identifier: BSD-2-Clause
// tlswords: see tlswords_uv.h. What a peer wrote into its certificate is shown without anything
// that could steer a terminal or a log.
#include "io/tlswords_uv.h"

#include "core/text.h"
#include "io/tlscontext_uv.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

enum { NAMES_SHOWN = 3, NAME_SHOWN = 100 };

static void add_name(const ASN1_STRING *name, bool is_first, struct buf *to)
{
    int n = ASN1_STRING_length(name);
    struct slice text = slice_of((const char *)ASN1_STRING_get0_data(name),
                                 (size_t)(n < NAME_SHOWN ? n : NAME_SHOWN));
    buf_add_str(to, is_first ? "" : ", ");
    text_escape(text, to);
}

static int add_alternative_names(X509 *cert, struct buf *to)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int shown = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown <= NAMES_SHOWN; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS)
            continue;
        if (shown++ < NAMES_SHOWN)
            add_name(name->d.dNSName, shown == 1, to);
        else
            buf_add_str(to, " and others");
    }
    GENERAL_NAMES_free(names);
    return shown;
}

static void add_names(X509 *cert, struct buf *to)
{
    if (add_alternative_names(cert, to) > 0)
        return;
    X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0)
        add_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), true, to);
    else
        buf_add_str(to, "nobody");
}

void tls_words_reason(struct buf *to)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
        buf_add_str(to, "the host does not speak TLS here (wrong version number)");
    else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
             ERR_GET_REASON(error) == SSL_R_UNSUPPORTED_PROTOCOL)
        buf_add_str(to, "the host speaks no TLS from 1.2 on (unsupported protocol)");
    else
        buf_add_str(to, reason ? reason : "handshake failure");
    ERR_clear_error();
}

int tls_words_verify(int is_right, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_bond *bond = SSL_get_app_data(ssl);
    int code = X509_STORE_CTX_get_error(store);
    if (is_right || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE || bond->why.n > 0)
        return is_right;
    if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        buf_add_str(&bond->why, "hostname mismatch: the certificate is for ");
        add_names(X509_STORE_CTX_get_current_cert(store), &bond->why);
    } else {
        buf_add_str(&bond->why, X509_verify_cert_error_string(code));
    }
    return is_right;
}

void tls_words_handshake(struct buf *to)
{
    if (to->n == 0)
        tls_words_reason(to);
    ERR_clear_error();
}

bool tls_words_key(SSL *ssl, struct tls_pin *ret)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    unsigned char *der = NULL;
    int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;
    bool is_there = n > 0 && EVP_Digest(der, (size_t)n, ret->digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return is_there;
}

void tls_words_pin(SSL *ssl, struct buf *to)
{
    struct tls_pin key;
    if (!tls_words_key(ssl, &key)) {
        buf_add_str(to, "the host has shown no certificate");
        return;
    }
    buf_add_str(to, "the host's key is none of the pins: it is ");
    for (int i = 0; i < TLS_PIN_SIZE; i++)
        buf_addf(to, "%02x", key.digest[i]);
}
