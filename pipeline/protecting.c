// SPDX-License-Identifier: BSD-2-Clause
// protecting: TLS of conversations with destinations: what the driver is asked for, and what the
// log tells, one line a connection in the wording of Postfix. What is asked of whom is
// deliver/protect's.
#include "pipeline/pipeline_internal.h"

static const char *keep_text(struct pipeline *p, const char *text)
{
    return effect_keep(p, slice_str(text)).p;
}

static void *keep_bytes(struct pipeline *p, const void *bytes, size_t n)
{
    return (void *)effect_keep(p, slice_of(bytes, n)).p;
}

static const char *const *keep_names(struct pipeline *p, const struct tls_terms *terms)
{
    const char **names = keep_bytes(p, terms->names, terms->name_count * sizeof *names);
    for (uint32_t i = 0; i < terms->name_count; i++)
        names[i] = keep_text(p, names[i]);
    return names;
}

// The session and its table of rows may be gone before the effect is executed.
void protecting_start(struct pipeline *p, uint64_t conn, const struct tls_terms *terms)
{
    struct tls_terms *kept = keep_bytes(p, terms, sizeof *terms);
    kept->server_name = keep_text(p, terms->server_name);
    kept->ca_file = keep_text(p, terms->ca_file);
    kept->cert_file = keep_text(p, terms->cert_file);
    kept->key_file = keep_text(p, terms->key_file);
    if (terms->name_count > 0)
        kept->names = keep_names(p, terms);
    if (terms->pin_count > 0)
        kept->pins = keep_bytes(p, terms->pins, terms->pin_count * sizeof *terms->pins);
    if (terms->tlsa_count > 0)
        kept->tlsa = keep_bytes(p, terms->tlsa, terms->tlsa_count * sizeof *terms->tlsa);
    struct pipeline_effect *e = effect_add(p, PIPELINE_START_TLS);
    e->conn = conn;
    e->tls_terms = kept;
}

void protecting_began(struct pipeline *p, const struct hop *hop, const struct tls_result *result,
                      bool by_sts)
{
    effect_logf(p, LOG_LEVEL_INFO,
                "%s TLS connection established to %s[%s]:%u: %s with cipher %s (%d/%d bits)%s%s",
                result->is_verified ? "Verified" : "Untrusted", hop->host, hop->ip, hop->port,
                result->version, result->cipher, result->bits, result->bits,
                result->is_by_dane ? ", DANE"
                : by_sts           ? ", MTA-STS"
                                   : "",
                result->is_resumed ? ", resumed" : "");
}

void protecting_failed(struct pipeline *p, const struct outcome *why)
{
    effect_logf(p, LOG_LEVEL_WARNING, "%s; it is tried without TLS", why->text);
}
