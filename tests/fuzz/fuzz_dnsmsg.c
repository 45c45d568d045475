// SPDX-License-Identifier: BSD-2-Clause
// Any octets as a DNS answer. The first octet chooses the type asked for, and what the rest is: a
// whole packet; what follows a right question; or the contents of records whose frames are right.
// Without the last two a fuzzer would spend its days on guessing names and counts.
#include "core/buf.h"
#include "core/must.h"
#include "io/dnsmsg_dns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

enum { FLAGS = 2, COUNT = 4, TYPE = 13, CLASS = 15, QUESTION_SIZE = 17 };
// example.net, with type and class to be filled in
static const unsigned char question[QUESTION_SIZE] = {7,   'e', 'x', 'a', 'm', 'p',
                                                      'l', 'e', 3,   'n', 'e', 't'};

static void check(const struct dns_answer *a, enum dns_type type)
{
    must(a->type == type);
    must(a->count <= DNS_RECORDS_MAX);
    must((a->count > 0) == (a->result == DNS_ANSWER_OK));
    must(memchr(a->canonical, 0, sizeof a->canonical) != NULL);
    for (uint32_t i = 0; type == DNS_TYPE_TLSA && i < a->count; i++)
        must(a->records[i].tlsa.size <= DNS_TLSA_MAX);
    for (uint32_t i = 0; type != DNS_TYPE_TLSA && i < a->count; i++) {
        must(memchr(a->records[i].name, 0, sizeof a->records[i].name) != NULL);
        must(memchr(a->records[i].ip, 0, sizeof a->records[i].ip) != NULL);
        must((a->records[i].ip[0] == '\0') == (type == DNS_TYPE_MX || type == DNS_TYPE_TXT));
        for (const char *c = a->records[i].name; type == DNS_TYPE_TXT && *c; c++)
            must(*c >= ' ' && *c < 0x7f);
    }
}

static void put(struct buf *to, const void *p, size_t n)
{
    must(buf_add(to, p, n) == FP_OK);
}

static void put_question(struct buf *to, const unsigned char *header, enum dns_type type)
{
    put(to, header, DNSMSG_HEADER_SIZE);
    unsigned char *h = (unsigned char *)to->p;
    h[FLAGS] = (h[FLAGS] & 0x87) | 0x80; // a response to a query
    h[COUNT] = 0;
    h[COUNT + 1] = 1;
    put(to, question, QUESTION_SIZE);
    to->p[DNSMSG_HEADER_SIZE + TYPE + 1] = (char)type;
    to->p[DNSMSG_HEADER_SIZE + CLASS + 1] = 1;
}

// Each record is five octets (section and type, TTL, owner, length) and its data. Owners are the
// question's name, or the data of an earlier record.
static void put_records(struct buf *to, const unsigned char *data, size_t n, enum dns_type type)
{
    const unsigned char types[] = {(unsigned char)type, 5, 6, 2, 41, (unsigned char)type, 5, 16};
    memset(to->p + COUNT + 2, 0, 6);
    while (n >= 5) {
        unsigned section = data[0] >> 3 & 3;
        size_t data_n = data[4] < n - 5 ? data[4] : n - 5;
        unsigned owner = data[2] & 1 ? (unsigned)data[3] : DNSMSG_HEADER_SIZE;
        const unsigned char frame[] = {
            0xc0, (unsigned char)owner, 0, types[data[0] & 7], 0, 1, data[1], 0, 0, data[1],
            0,    (unsigned char)data_n};
        put(to, frame, sizeof frame);
        put(to, data + 5, data_n);
        to->p[COUNT + 3 + 2 * (section % 3)]++;
        data += 5 + data_n;
        n -= 5 + data_n;
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    static const enum dns_type types[] = {DNS_TYPE_MX, DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_TLSA,
                                          DNS_TYPE_TXT};
    if (n < 1 + DNSMSG_HEADER_SIZE)
        return 0;
    enum dns_type type = types[(data[0] & 16) ? 4 : data[0] & 3];
    const unsigned char *rest = data + 1 + DNSMSG_HEADER_SIZE;
    size_t rest_n = n - 1 - DNSMSG_HEADER_SIZE;
    struct buf b;
    buf_init(&b, 1 << 20);
    if (data[0] & 4)
        put(&b, data + 1, n - 1);
    else
        put_question(&b, data + 1, type);
    if ((data[0] & 12) == 8)
        put_records(&b, rest, rest_n, type);
    else if ((data[0] & 12) == 0)
        put(&b, rest, rest_n);

    unsigned char *packet = must_alloc(b.n); // of exactly its size, for the sanitizer
    memcpy(packet, b.p, b.n);
    struct slice s = slice_of((const char *)packet, b.n);
    uint16_t id = (uint16_t)(packet[0] << 8 | packet[1]);
    struct dns_answer *a = NULL;
    if (dnsmsg_parse(s, id, "example.net", type, true, &a) == FP_OK)
        check(a, type);
    (void)dnsmsg_dislikes_opt(s);
    free(a);
    free(packet);
    buf_close(&b);
    return 0;
}
