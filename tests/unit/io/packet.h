// SPDX-License-Identifier: BSD-2-Clause
// packet: DNS packets put together octet by octet, for the tests of io/. Deliberately not with
// libresolv: what is tested must not make its own expectations.
#ifndef FP_TESTS_UNIT_IO_PACKET_H
#define FP_TESTS_UNIT_IO_PACKET_H

#include "core/slice.h"

#include <stdint.h>
#include <stdlib.h>

enum { PACKET_SIZE = 65535 };
enum { T_A = 1, T_NS = 2, T_CNAME = 5, T_SOA = 6, T_MX = 15, T_TXT = 16, T_AAAA = 28, T_OPT = 41 };

struct packet {
    unsigned char p[PACKET_SIZE];
    size_t n;
};

static inline void put8(struct packet *k, unsigned v)
{
    if (k->n == PACKET_SIZE)
        abort();
    k->p[k->n++] = (unsigned char)v;
}

static inline void put16(struct packet *k, unsigned v)
{
    put8(k, v >> 8 & 0xff);
    put8(k, v & 0xff);
}

static inline void put32(struct packet *k, uint32_t v)
{
    put16(k, v >> 16);
    put16(k, v & 0xffff);
}

// "mx1.example.net", no escapes; a final "@12" is a compression pointer to octet 12 instead of the
// root.
static inline void put_name_text(struct packet *k, const char *name)
{
    while (*name && *name != '@') {
        size_t n = strcspn(name, ".@");
        put8(k, (unsigned)n);
        for (size_t i = 0; i < n; i++)
            put8(k, (unsigned char)name[i]);
        name += n;
        if (*name == '.')
            name++;
    }
    if (*name == '@')
        put16(k, 0xc000U | (unsigned)atoi(name + 1));
    else
        put8(k, 0);
}

// flags: QR 0x8000, AA 0x0400, TC 0x0200, RD 0x0100, RA 0x0080, AD 0x0020, rcode in the low bits.
static inline void put_header(struct packet *k, unsigned id, unsigned flags, unsigned questions)
{
    k->n = 0;
    put16(k, id);
    put16(k, flags);
    put16(k, questions);
    put16(k, 0);
    put16(k, 0);
    put16(k, 0);
}

static inline void put_question(struct packet *k, const char *name, unsigned type)
{
    put_name_text(k, name);
    put16(k, type);
    put16(k, 1);
}

// section: 1 answer, 2 authority, 3 additional. Counts it; the caller puts the data and calls
// end_rr.
static inline size_t begin_rr(struct packet *k, unsigned section, const char *owner, unsigned type,
                              uint32_t ttl)
{
    k->p[4 + 2 * section + 1]++;
    if (k->p[4 + 2 * section + 1] == 0)
        k->p[4 + 2 * section]++;
    put_name_text(k, owner);
    put16(k, type);
    put16(k, 1);
    put32(k, ttl);
    put16(k, 0);
    return k->n;
}

static inline void end_rr(struct packet *k, size_t start)
{
    size_t n = k->n - start;
    k->p[start - 2] = (unsigned char)(n >> 8);
    k->p[start - 1] = (unsigned char)n;
}

static inline void put_mx(struct packet *k, const char *owner, uint32_t ttl, unsigned preference,
                          const char *host)
{
    size_t at = begin_rr(k, 1, owner, T_MX, ttl);
    put16(k, preference);
    put_name_text(k, host);
    end_rr(k, at);
}

static inline void put_named(struct packet *k, unsigned section, const char *owner, unsigned type,
                             uint32_t ttl, const char *target) // CNAME, NS
{
    size_t at = begin_rr(k, section, owner, type, ttl);
    put_name_text(k, target);
    end_rr(k, at);
}

static inline void put_a(struct packet *k, const char *owner, uint32_t ttl, uint32_t ip)
{
    size_t at = begin_rr(k, 1, owner, T_A, ttl);
    put32(k, ip);
    end_rr(k, at);
}

static inline void put_soa(struct packet *k, const char *owner, uint32_t ttl, uint32_t minimum)
{
    size_t at = begin_rr(k, 2, owner, T_SOA, ttl);
    put_name_text(k, "ns.example.net");
    put_name_text(k, "hostmaster.example.net");
    put32(k, 2026112101);
    put32(k, 3600);
    put32(k, 600);
    put32(k, 86400);
    put32(k, minimum);
    end_rr(k, at);
}

static inline void put_opt(struct packet *k, uint32_t extended)
{
    k->p[11]++;
    put8(k, 0);
    put16(k, T_OPT);
    put16(k, 1232);
    put32(k, extended);
    put16(k, 0);
}

#endif
