// SPDX-License-Identifier: BSD-2-Clause
// dns_answer: what the DNS said, as a plain value. Pure.
#ifndef FP_CORE_DNS_ANSWER_H
#define FP_CORE_DNS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_MX = 15,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_TLSA = 52
};

enum dns_result {
    DNS_ANSWER_OK,       // records are there
    DNS_ANSWER_NODATA,   // the name exists, but not with this type (NOERROR, no record)
    DNS_ANSWER_NXDOMAIN, // the name does not exist
    DNS_ANSWER_SERVFAIL, // the server says it cannot tell (SERVFAIL, REFUSED, FORMERR, NOTIMP ...)
    DNS_ANSWER_TIMEOUT,  // no name server answered in time
    DNS_ANSWER_BAD,      // an answer that makes no sense
    DNS_ANSWER_ALIAS_LOOP, // the name's CNAMEs lead round in a circle
    // No name server of ours can tell anything, about this name or any other. No server says that:
    // pipeline/resolver.c finds it out.
    DNS_ANSWER_NOBODY,
};

enum { DNS_RECORDS_MAX = 128, DNS_TLSA_MAX = 298 };

// RFC 6698 2.1. The data is a digest, or where matching is 0 the thing itself.
struct dns_tlsa {
    uint8_t usage, selector, matching;
    uint16_t size; // 0: there is more than DNS_TLSA_MAX (a whole certificate), and it is not kept
    unsigned char data[DNS_TLSA_MAX];
};

struct dns_record {
    union {
        struct {
            uint16_t preference; // MX
            // MX: host name without final dot, as written in text; "" is the root (null MX)
            // TXT: its strings as one text, cut at 255 octets; what is no printable ASCII is a "?"
            char name[256];
            char ip[46]; // A, AAAA
        };
        struct dns_tlsa tlsa; // TLSA
    };
};

struct dns_answer {
    enum dns_type type;
    enum dns_result result;
    bool is_secure;      // AD was set and the resolver is trusted
    uint32_t ttl_s;      // smallest of the records; of the SOA for negative answers
    char canonical[256]; // owner after CNAMEs
    uint32_t count;
    struct dns_record records[]; // at most DNS_RECORDS_MAX
};

#endif
