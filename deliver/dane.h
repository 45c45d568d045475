// SPDX-License-Identifier: BSD-2-Clause
// dane: what TLSA records say about a host's TLS. Pure. RFC 6698, 7671, 7672.
//
// They count only where every answer on the way to them was validated (DNSSEC): MX, addresses, the
// records themselves. Where that is so and they are usable, TLS is required and must fit one of
// them; where none is usable, TLS is required with whoever it is. deliver/plan asks, and
// deliver/session goes by what it finds.
#ifndef FP_DELIVER_DANE_H
#define FP_DELIVER_DANE_H

#include "core/dns_answer.h"
#include "core/tls.h"

enum { DANE_RECORDS_MAX = 32, DANE_NAME_SIZE = 256 };

struct dane {
    char base[DANE_NAME_SIZE]; // below which they stand: told to the host (SNI), and the first name
                               // that its certificate may be for
    uint32_t count;            // of usable ones
    struct dns_tlsa records[];
};

// The name of the records of a TCP port: "_25._tcp.mx.example.net". False: too long for a name.
bool dane_name(const char *base, uint16_t port, char ret[DANE_NAME_SIZE]);

// From an answer with records that is secure; the caller's to free.
struct dane *dane_new(const char *base, const struct dns_answer *answer);

// RFC 7672 3.1: of usages only DANE-TA(2) and DANE-EE(3); 3.1.3: 0 and 1 are nothing for mail.
bool dane_is_usable(const struct dns_tlsa *record);

enum { DANE_NAMES = 2 };
// What a handshake must come to by these records, of which there is one at least: changes terms
// that would do without. other_name is one more that the certificate may be for (RFC 7672 3.2.3).
// names is room for both; everything lives as long as the terms.
void dane_terms(const struct dane *d, const char *other_name, const char *names[DANE_NAMES],
                struct tls_terms *terms);

#endif
