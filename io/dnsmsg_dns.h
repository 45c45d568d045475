// SPDX-License-Identifier: BSD-2-Clause
// dnsmsg: DNS packets by libresolv: builds a question (with EDNS0 OPT appended), parses an answer.
// No sockets here. RFC 1035, 6891, 2308 (negative TTL), 7505.
//
// Malice is assumed: an answer is data from the network, whatever the resolver. libresolv bounds
// names, compression and sections; here every record's length is held against its type.
#ifndef FP_IO_DNSMSG_DNS_H
#define FP_IO_DNSMSG_DNS_H

#include "core/dns_answer.h"
#include "core/err.h"
#include "core/slice.h"

enum {
    DNSMSG_QUERY_MAX = 512,
    DNSMSG_UDP_SIZE = 1232, // what we offer to take by UDP: fits every path unfragmented
    DNSMSG_HEADER_SIZE = 12,
};

// Writes a question with a fresh random id; ret_n its length, ret_id the id. AD is set: we want to
// know (RFC 6840 5.7). FP_INVALID: no domain name (empty, or a label or the whole is too long).
enum fp_err dnsmsg_query(const char *name, enum dns_type type,
                         unsigned char packet[DNSMSG_QUERY_MAX], size_t *ret_n, uint16_t *ret_id);

// Takes the OPT record off a question again, for servers that cannot bear it. RFC 6891 6.2.2.
void dnsmsg_drop_opt(unsigned char *packet, size_t *n);

// FP_OK: *ret is a heap value, free() it. FP_AGAIN: truncated, ask by TCP. FP_INVALID: not the
// answer to this question (wrong id, question, not a response): ignore it and wait on.
//
// CNAMEs are followed within the answer (at most 16). A name in MX that is longer in text than its
// field, which only escapes can make, is cut and begins with a backslash: never a host name. An
// answer without records that refers to other servers, or comes from a server that does not
// recurse, is SERVFAIL and not NODATA: it proves nothing. One whose records are all about something
// else, and lead nowhere from our name, is BAD.
enum fp_err dnsmsg_parse(struct slice packet, uint16_t id, const char *name, enum dns_type type,
                         bool trusts_ad, struct dns_answer **ret);

// Did the server stumble over OPT (FORMERR or NOTIMP)? For a packet that dnsmsg_parse has accepted.
bool dnsmsg_dislikes_opt(struct slice packet);

// An answer without records, on the heap, for when there was none to parse.
struct dns_answer *dnsmsg_no_answer(const char *name, enum dns_type type, enum dns_result result);

#endif
