// SPDX-License-Identifier: BSD-2-Clause
// Any octets as a DNS answer. The first octet chooses the type asked for, and whether the input is
// the whole packet or what follows a right header and question (else a fuzzer would spend its days
// on guessing the name).
#include "core/must.h"
#include "io/dnsmsg_dns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static const unsigned char question[] = "\x07"
                                        "example"
                                        "\x03"
                                        "net"
                                        "\x00\x00\x0f\x00";

static void check(const struct dns_answer *a, enum dns_type type)
{
    must(a->type == type);
    must(a->count <= DNS_RECORDS_MAX);
    must((a->count > 0) == (a->result == DNS_ANSWER_OK));
    must(memchr(a->canonical, 0, sizeof a->canonical) != NULL);
    for (uint32_t i = 0; i < a->count; i++) {
        must(memchr(a->records[i].name, 0, sizeof a->records[i].name) != NULL);
        must(memchr(a->records[i].ip, 0, sizeof a->records[i].ip) != NULL);
        must((a->records[i].ip[0] == '\0') == (type == DNS_TYPE_MX));
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    static const enum dns_type types[] = {DNS_TYPE_MX, DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_MX};
    if (n < 1 + DNSMSG_HEADER_SIZE)
        return 0;
    enum dns_type type = types[data[0] & 3];
    bool is_whole = data[0] & 4;
    size_t question_n = is_whole ? 0 : sizeof question + 1;
    size_t packet_n = n - 1 + question_n;
    unsigned char *packet = must_alloc(packet_n);
    memcpy(packet, data + 1, DNSMSG_HEADER_SIZE);
    if (!is_whole) {
        packet[2] |= 0x80; // a response
        packet[2] &= 0x87;
        packet[4] = 0;
        packet[5] = 1;
        memcpy(packet + DNSMSG_HEADER_SIZE, question, sizeof question);
        packet[DNSMSG_HEADER_SIZE + sizeof question - 3] = 0;
        packet[DNSMSG_HEADER_SIZE + sizeof question - 2] = (unsigned char)type;
        packet[DNSMSG_HEADER_SIZE + sizeof question - 1] = 0;
        packet[DNSMSG_HEADER_SIZE + sizeof question] = 1;
    }
    memcpy(packet + DNSMSG_HEADER_SIZE + question_n, data + 1 + DNSMSG_HEADER_SIZE,
           n - 1 - DNSMSG_HEADER_SIZE);

    struct dns_answer *a = NULL;
    uint16_t id = (uint16_t)(packet[0] << 8 | packet[1]);
    struct slice s = slice_of((const char *)packet, packet_n);
    if (dnsmsg_parse(s, id, "example.net", type, true, &a) == FP_OK)
        check(a, type);
    (void)dnsmsg_dislikes_opt(s);
    free(a);
    free(packet);
    return 0;
}
