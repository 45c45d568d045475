// SPDX-License-Identifier: BSD-2-Clause
// answers: builders of DNS answers for test_dnsmsg.c, good and bad, each to the question
// (example.net, MX) with id ID. What each is to mean stands in the test's table.
#ifndef FP_TESTS_UNIT_IO_ANSWERS_H
#define FP_TESTS_UNIT_IO_ANSWERS_H

#include "core/dns_answer.h"
#include "packet.h"

#include <stdio.h>

enum { ID = 0x1234, GOOD = 0x8180, AUTH = 0x8500, NX = 0x8183 };

static struct packet packet; // too large for the stack of a test

static void ask_mx(unsigned flags)
{
    put_header(&packet, ID, flags, 1);
    put_question(&packet, "example.net", T_MX);
}

static void build_two_mx(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "@12", 300, 20, "mx2@12");
    put_mx(&packet, "@12", 200, 10, "mx1@12");
}

static void build_other_case(void)
{
    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "EXAMPLE.Net", T_MX);
    put_mx(&packet, "example.NET", 60, 10, "MX.example.net");
}

static void build_null_mx(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "@12", 300, 0, "");
}

static void build_truncated(void)
{
    ask_mx(GOOD | 0x0200);
    put_mx(&packet, "@12", 300, 10, "mx1@12");
    packet.n -= 3; // cut within a record, as servers do
}

static void build_wrong_id(void)
{
    build_two_mx();
    packet.p[1] ^= 1;
}

static void build_wrong_name(void)
{
    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "example.org", T_MX);
    put_mx(&packet, "example.net", 300, 10, "evil.example.org");
}

static void build_wrong_type(void)
{
    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "example.net", T_A);
}

static void build_wrong_class(void)
{
    build_two_mx();
    packet.p[12 + 13 + 3] = 3; // CHAOS
}

static void build_query_echoed(void)
{
    ask_mx(0x0100);
}

static void build_other_opcode(void)
{
    ask_mx(GOOD | 0x2800);
}

static void build_two_questions(void)
{
    put_header(&packet, ID, GOOD, 2);
    put_question(&packet, "example.net", T_MX);
    put_question(&packet, "example.net", T_A);
}

static void build_no_question(void)
{
    put_header(&packet, ID, GOOD, 0);
    put_mx(&packet, "example.net", 300, 10, "mx.example.net");
}

static void build_no_question_nxdomain(void)
{
    put_header(&packet, ID, NX, 0);
}

static void build_no_question_formerr(void)
{
    put_header(&packet, ID, 0x8081, 0);
}

static void build_nothing(void)
{
    packet.n = 0;
}

static void build_short_header(void)
{
    build_two_mx();
    packet.n = 11;
}

static void build_cut_question(void)
{
    build_two_mx();
    packet.n = 20;
}

static void build_question_without_class(void)
{
    ask_mx(GOOD);
    packet.n -= 2;
}

static void build_nxdomain(void)
{
    ask_mx(NX);
    put_soa(&packet, "net", 900, 300);
}

static void build_nxdomain_soa_ttl_smaller(void)
{
    ask_mx(NX);
    put_soa(&packet, "net", 100, 300);
}

static void build_nxdomain_bare(void)
{
    ask_mx(NX);
}

static void build_nodata(void)
{
    ask_mx(GOOD);
    put_soa(&packet, "@12", 900, 120);
}

static void build_nodata_bare(void)
{
    ask_mx(GOOD);
}

static void build_nodata_authoritative(void)
{
    ask_mx(AUTH);
    put_soa(&packet, "@12", 900, 120);
}

static void build_referral(void)
{
    ask_mx(GOOD);
    put_named(&packet, 2, "net", T_NS, 3600, "a.gtld-servers.example");
}

static void build_lame(void)
{
    ask_mx(0x8100); // neither authoritative nor recursive
    put_soa(&packet, "@12", 900, 120);
}

static void build_lame_nxdomain(void)
{
    ask_mx(0x8103);
}

static void build_servfail(void)
{
    ask_mx(0x8182);
}

static void build_refused(void)
{
    ask_mx(0x8185);
}

static void build_badvers(void)
{
    ask_mx(GOOD);
    put_opt(&packet, 0x01000000); // extended rcode 16
}

static void build_good_with_opt(void)
{
    build_two_mx();
    put_opt(&packet, 0);
}

static void build_cname(void)
{
    ask_mx(GOOD);
    put_named(&packet, 1, "@12", T_CNAME, 50, "a.example.org");
    put_named(&packet, 1, "a.example.org", T_CNAME, 500, "b.example.org");
    put_mx(&packet, "b.example.org", 300, 10, "mx.example.org");
    put_mx(&packet, "other.example.org", 1, 5, "evil.example.org");
}

static void build_cname_backwards(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "b.example.org", 300, 10, "mx.example.org");
    put_named(&packet, 1, "a.example.org", T_CNAME, 500, "b.example.org");
    put_named(&packet, 1, "@12", T_CNAME, 50, "a.example.org");
}

static void build_cname_to_nothing(void)
{
    ask_mx(GOOD);
    put_named(&packet, 1, "@12", T_CNAME, 50, "a.example.org");
    put_soa(&packet, "example.org", 900, 120);
}

static void build_cname_nxdomain(void)
{
    ask_mx(NX);
    put_named(&packet, 1, "@12", T_CNAME, 50, "a.example.org");
    put_soa(&packet, "example.org", 900, 120);
}

static void build_only_other_name(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "other.example.org", 300, 10, "mx.example.org");
}

static void build_only_other_type(void)
{
    ask_mx(GOOD);
    put_named(&packet, 1, "@12", T_NS, 300, "ns.example.org");
}

static void build_unrelated_with_soa(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "other.example.org", 300, 10, "mx.example.org");
    put_soa(&packet, "@12", 900, 120);
}

static void build_unrelated_behind_cname(void)
{
    ask_mx(GOOD);
    put_named(&packet, 1, "@12", T_CNAME, 50, "a.example.org");
    put_mx(&packet, "other.example.org", 300, 10, "mx.example.org");
    put_soa(&packet, "example.org", 900, 120);
}

static void build_cname_of_root(void)
{
    ask_mx(GOOD);
    put_named(&packet, 1, "", T_CNAME, 50, "a.example.org");
}

static void build_cname_loop(void)
{
    ask_mx(GOOD);
    put_named(&packet, 1, "@12", T_CNAME, 50, "a.example.org");
    put_named(&packet, 1, "a.example.org", T_CNAME, 50, "example.net");
    put_mx(&packet, "@12", 300, 10, "mx.example.org");
}

static void build_cname_to_itself(void)
{
    ask_mx(GOOD);
    put_named(&packet, 1, "@12", T_CNAME, 50, "@12");
}

static void put_cname_chain(int n)
{
    char from[40] = "@12", to[40];
    ask_mx(GOOD);
    for (int i = 0; i < n; i++) {
        snprintf(to, sizeof to, "c%d.example.org", i);
        put_named(&packet, 1, from, T_CNAME, 50, to);
        memcpy(from, to, sizeof from);
    }
    put_mx(&packet, from, 300, 10, "mx.example.org");
}

static void build_cname_chain_16(void)
{
    put_cname_chain(16);
}

static void build_cname_chain_17(void)
{
    put_cname_chain(17);
}

static void build_ttl_negative(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "@12", 0x80000000U, 10, "mx.example.org");
}

static void put_many_mx(int n)
{
    ask_mx(GOOD);
    for (int i = 0; i < n; i++) {
        char host[40];
        snprintf(host, sizeof host, "mx%d@12", i);
        put_mx(&packet, "@12", 300, (unsigned)i, host);
    }
}

static void build_60_mx(void)
{
    put_many_mx(60);
}

static void build_128_mx(void)
{
    put_many_mx(DNS_RECORDS_MAX);
}

static void build_129_mx(void)
{
    put_many_mx(DNS_RECORDS_MAX + 1);
}

static void build_pointer_to_itself(void)
{
    ask_mx(GOOD);
    size_t at = begin_rr(&packet, 1, "@12", T_MX, 300);
    put16(&packet, 10);
    put16(&packet, 0xc000U | (unsigned)packet.n);
    end_rr(&packet, at);
}

static void build_pointer_pair(void)
{
    ask_mx(GOOD);
    size_t at = begin_rr(&packet, 1, "@12", T_MX, 300);
    put16(&packet, 10);
    put16(&packet, 0xc000U | (unsigned)(packet.n + 2));
    put16(&packet, 0xc000U | (unsigned)(packet.n - 2));
    end_rr(&packet, at);
}

static void build_pointer_beyond(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "@12", 300, 10, "mx@9999");
}

static void build_owner_loops(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "@12", 300, 10, "mx@12");
    packet.p[29] = 0xc0;
    packet.p[30] = 29;
}

static void build_question_loops(void)
{
    build_two_mx();
    packet.p[12] = 0xc0;
    packet.p[13] = 12;
}

static void build_mx_without_name(void)
{
    ask_mx(GOOD);
    size_t at = begin_rr(&packet, 1, "@12", T_MX, 300);
    put16(&packet, 10);
    end_rr(&packet, at);
}

static void build_mx_with_more(void)
{
    ask_mx(GOOD);
    size_t at = begin_rr(&packet, 1, "@12", T_MX, 300);
    put16(&packet, 10);
    put_name_text(&packet, "mx@12");
    put8(&packet, 0);
    end_rr(&packet, at);
}

static void build_length_beyond(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "@12", 300, 10, "mx@12");
    packet.p[packet.n - 8]++; // the record says one octet more than there is
}

static void build_count_beyond(void)
{
    build_two_mx();
    packet.p[7] = 200;
}

static void build_bytes_behind(void)
{
    build_two_mx();
    put8(&packet, 0);
}

static void build_reserved_label(void)
{
    ask_mx(GOOD);
    size_t at = begin_rr(&packet, 1, "@12", T_MX, 300);
    put16(&packet, 10);
    put8(&packet, 0x85); // neither a length nor a pointer
    put8(&packet, 0);
    end_rr(&packet, at);
}

static void build_odd_mx_name(void)
{
    ask_mx(GOOD);
    size_t at = begin_rr(&packet, 1, "@12", T_MX, 300);
    put16(&packet, 10);
    put8(&packet, 9);
    static const unsigned char label[9] = {'b', 'a', 'd', '"', 'n', '.', 'm', 0, '\n'};
    for (size_t i = 0; i < sizeof label; i++)
        put8(&packet, label[i]);
    put8(&packet, 0);
    end_rr(&packet, at);
}

// 3 labels of 63 zeros: 192 octets, 768 characters.
static void build_long_escaped_name(void)
{
    ask_mx(GOOD);
    size_t at = begin_rr(&packet, 1, "@12", T_MX, 300);
    put16(&packet, 10);
    for (int label = 0; label < 3; label++) {
        put8(&packet, 63);
        for (int i = 0; i < 63; i++)
            put8(&packet, 0);
    }
    put8(&packet, 0);
    end_rr(&packet, at);
}

static void build_other_class(void)
{
    ask_mx(GOOD);
    put_mx(&packet, "@12", 300, 10, "mx@12");
    packet.p[29 + 5] = 3; // class of the record
}

#endif
