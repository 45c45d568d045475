// SPDX-License-Identifier: BSD-2-Clause
// tls: what is asked of a TLS handshake, and what came of it, as plain data. The delivering room
// decides the terms, io/tls_uv keeps to them.
#ifndef FP_CORE_TLS_H
#define FP_CORE_TLS_H

#include "core/dns_answer.h"

#include <stdbool.h>
#include <stdint.h>

enum { TLS_VERSION_SIZE = 16, TLS_CIPHER_SIZE = 40, TLS_PIN_SIZE = 32 };

// SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 2.4).
struct tls_pin {
    unsigned char digest[TLS_PIN_SIZE];
};

// All pointers are borrowed; texts are never NULL.
struct tls_terms {
    const char *server_name;  // told to the peer (SNI, RFC 6066 3); an IP address or "" is not
    bool must_verify;         // else the certificate is not looked at
    const char *const *names; // must_verify: the certificate must be for one of these; ".d.example"
    uint32_t name_count;      // is everything below d.example; an IP address stands alone
    const char *ca_file;      // must_verify: whom to trust; "": whom the system trusts
    const char *cert_file;    // what we show when we are asked; "": nothing
    const char *key_file;     // its key; "": in cert_file
    const struct tls_pin *pins;  // must_verify: the peer's key must be one of these; then neither
    uint32_t pin_count;          // names nor issuers count
    const struct dns_tlsa *tlsa; // must_verify: instead of issuers the certificate must fit one of
    uint32_t tlsa_count;         // these (RFC 7671); names[0] is what they stand below
    bool needs_tlsa; // where none of them can be used after all, nobody will do; else anybody does
};

struct tls_result {
    char version[TLS_VERSION_SIZE]; // "TLSv1.3"
    char cipher[TLS_CIPHER_SIZE];   // "TLS_AES_256_GCM_SHA384"
    int bits;                       // of its key
    bool is_verified;               // as the terms asked for
    bool is_resumed;                // an earlier session with the same terms goes on
    bool is_by_dane;                // it is verified by their TLSA records
    bool has_binding;               // authentication can be bound to it (RFC 5929, RFC 9266)
};

#endif
