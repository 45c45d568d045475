// SPDX-License-Identifier: BSD-2-Clause
// dnsmsg: DNS packets by libresolv: builds a question (with EDNS0 OPT appended), parses an answer.
// No sockets here. RFC 1035, 6891, 2308 (negative TTL), 7505.
#ifndef FP_IO_DNSMSG_DNS_H
#define FP_IO_DNSMSG_DNS_H

#include "core/dns_answer.h"
#include "core/err.h"
#include "core/slice.h"

enum { DNSMSG_QUERY_MAX = 512, DNSMSG_UDP_SIZE = 1232 };

// Writes a question with a fresh random id; ret_n its length, ret_id the id. FP_INVALID: no domain name.
enum fp_err dnsmsg_query(const char *name, enum dns_type type, unsigned char packet[DNSMSG_QUERY_MAX],
                         size_t *ret_n, uint16_t *ret_id);
// FP_OK: *ret is a heap value, free() it. FP_AGAIN: truncated, ask by TCP. FP_INVALID: not the answer to this
// question (wrong id, question, not a response): ignore it and wait on.
enum fp_err dnsmsg_parse(struct slice packet, uint16_t id, const char *name, enum dns_type type,
                         bool trusts_ad, struct dns_answer **ret);

#endif
