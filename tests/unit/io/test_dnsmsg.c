// SPDX-License-Identifier: BSD-2-Clause
// DNS packets: what is asked, and what all kinds of answers mean.
#include "io/dnsmsg_dns.h"

#include "answers.h"
#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

// The packet as a heap copy of exactly its size, so that the sanitizer sees each octet read beyond.
static enum fp_err parse(const char *name, enum dns_type type, bool trusts, struct dns_answer **ret)
{
    char *copy = must_memdup(packet.p, packet.n);
    char *tight = malloc(packet.n ? packet.n : 1);
    memcpy(tight, copy, packet.n);
    enum fp_err err = dnsmsg_parse(slice_of(tight, packet.n), ID, name, type, trusts, ret);
    free(tight);
    free(copy);
    return err;
}

struct row {
    const char *name;
    void (*build)(void);
    enum fp_err want;
    enum dns_result result;
    uint32_t count, ttl_s;
    const char *first;     // name of the first record
    const char *canonical; // NULL: example.net
};

static const struct row rows[] = {
    {"two MX", build_two_mx, FP_OK, DNS_ANSWER_OK, 2, 200, "mx2.example.net"},
    {"other case", build_other_case, FP_OK, DNS_ANSWER_OK, 1, 60, "MX.example.net"},
    {"null MX", build_null_mx, FP_OK, DNS_ANSWER_OK, 1, 300, ""},
    {"with OPT", build_good_with_opt, FP_OK, DNS_ANSWER_OK, 2, 200, "mx2.example.net"},
    {"60 MX", build_60_mx, FP_OK, DNS_ANSWER_OK, 60, 300, "mx0.example.net"},
    {"128 MX", build_128_mx, FP_OK, DNS_ANSWER_OK, 128, 300, "mx0.example.net"},
    {"129 MX: the first 128", build_129_mx, FP_OK, DNS_ANSWER_OK, 128, 300, "mx0.example.net"},
    {"TTL with its highest bit", build_ttl_negative, FP_OK, DNS_ANSWER_OK, 1, 0, "mx.example.org"},
    {"name with odd octets", build_odd_mx_name, FP_OK, DNS_ANSWER_OK, 1, 300,
     "bad\\\"n\\.m\\000\\010"},

    {"truncated", build_truncated, FP_AGAIN},
    {"wrong id", build_wrong_id, FP_INVALID},
    {"another name", build_wrong_name, FP_INVALID},
    {"another type", build_wrong_type, FP_INVALID},
    {"another class", build_wrong_class, FP_INVALID},
    {"our own question", build_query_echoed, FP_INVALID},
    {"another opcode", build_other_opcode, FP_INVALID},
    {"two questions", build_two_questions, FP_INVALID},
    {"no question, records", build_no_question, FP_INVALID},
    {"no question, NXDOMAIN", build_no_question_nxdomain, FP_INVALID},
    {"no question, FORMERR", build_no_question_formerr, FP_OK, DNS_ANSWER_SERVFAIL},
    {"empty", build_nothing, FP_INVALID},
    {"short header", build_short_header, FP_INVALID},
    {"cut in the question", build_cut_question, FP_INVALID},
    {"question without class", build_question_without_class, FP_INVALID},
    {"question's name loops", build_question_loops, FP_INVALID},

    {"NXDOMAIN", build_nxdomain, FP_OK, DNS_ANSWER_NXDOMAIN, 0, 300},
    {"NXDOMAIN, SOA's own TTL", build_nxdomain_soa_ttl_smaller, FP_OK, DNS_ANSWER_NXDOMAIN, 0, 100},
    {"NXDOMAIN without SOA", build_nxdomain_bare, FP_OK, DNS_ANSWER_NXDOMAIN, 0, 0},
    {"NODATA", build_nodata, FP_OK, DNS_ANSWER_NODATA, 0, 120},
    {"NODATA without SOA", build_nodata_bare, FP_OK, DNS_ANSWER_NODATA, 0, 0},
    {"NODATA, authoritative", build_nodata_authoritative, FP_OK, DNS_ANSWER_NODATA, 0, 120},
    {"only another class", build_other_class, FP_OK, DNS_ANSWER_BAD},
    {"only another name", build_only_other_name, FP_OK, DNS_ANSWER_BAD},
    {"only another type", build_only_other_type, FP_OK, DNS_ANSWER_BAD},
    {"unrelated records, and SOA", build_unrelated_with_soa, FP_OK, DNS_ANSWER_BAD},
    {"unrelated records behind a CNAME", build_unrelated_behind_cname, FP_OK, DNS_ANSWER_NODATA, 0,
     50, NULL, "a.example.org"},
    {"referral", build_referral, FP_OK, DNS_ANSWER_SERVFAIL},
    {"lame", build_lame, FP_OK, DNS_ANSWER_SERVFAIL},
    {"lame, NXDOMAIN", build_lame_nxdomain, FP_OK, DNS_ANSWER_SERVFAIL},
    {"SERVFAIL", build_servfail, FP_OK, DNS_ANSWER_SERVFAIL},
    {"REFUSED", build_refused, FP_OK, DNS_ANSWER_SERVFAIL},
    {"BADVERS is not NODATA", build_badvers, FP_OK, DNS_ANSWER_SERVFAIL},

    {"CNAMEs", build_cname, FP_OK, DNS_ANSWER_OK, 1, 50, "mx.example.org", "b.example.org"},
    {"CNAMEs, last first", build_cname_backwards, FP_OK, DNS_ANSWER_OK, 1, 50, "mx.example.org",
     "b.example.org"},
    {"CNAME, no data", build_cname_to_nothing, FP_OK, DNS_ANSWER_NODATA, 0, 50, NULL,
     "a.example.org"},
    {"CNAME, NXDOMAIN", build_cname_nxdomain, FP_OK, DNS_ANSWER_NXDOMAIN, 0, 50, NULL,
     "a.example.org"},
    {"CNAME of the root", build_cname_of_root, FP_OK, DNS_ANSWER_BAD},
    {"16 CNAMEs", build_cname_chain_16, FP_OK, DNS_ANSWER_OK, 1, 50, "mx.example.org",
     "c15.example.org"},
    {"17 CNAMEs", build_cname_chain_17, FP_OK, DNS_ANSWER_BAD},
    {"CNAMEs in a circle", build_cname_loop, FP_OK, DNS_ANSWER_ALIAS_LOOP, 0, 0, NULL, "any"},
    {"CNAME to itself", build_cname_to_itself, FP_OK, DNS_ANSWER_ALIAS_LOOP},

    {"pointer to itself", build_pointer_to_itself, FP_OK, DNS_ANSWER_BAD},
    {"two pointers in a circle", build_pointer_pair, FP_OK, DNS_ANSWER_BAD},
    {"pointer beyond the end", build_pointer_beyond, FP_OK, DNS_ANSWER_BAD},
    {"owner in a circle", build_owner_loops, FP_OK, DNS_ANSWER_BAD},
    {"MX without name", build_mx_without_name, FP_OK, DNS_ANSWER_BAD},
    {"MX with an octet too many", build_mx_with_more, FP_OK, DNS_ANSWER_BAD},
    {"length beyond the end", build_length_beyond, FP_OK, DNS_ANSWER_BAD},
    {"count beyond the end", build_count_beyond, FP_OK, DNS_ANSWER_BAD},
    {"octets behind the end", build_bytes_behind, FP_OK, DNS_ANSWER_BAD},
    {"reserved label", build_reserved_label, FP_OK, DNS_ANSWER_BAD},
};

static void check_answer(const struct row *row, const struct dns_answer *a)
{
    const char *canonical = row->canonical ? row->canonical : "example.net";
    assert_int_equal(a->type, DNS_TYPE_MX);
    assert_int_equal(a->result, row->result);
    assert_int_equal(a->count, row->count);
    assert_int_equal(a->ttl_s, row->ttl_s);
    assert_false(a->is_secure);
    if (strcmp(canonical, "any") != 0)
        assert_string_equal(a->canonical, canonical);
    if (row->first)
        assert_string_equal(a->records[0].name, row->first);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("%s\n", rows[i].name);
        rows[i].build();
        struct dns_answer *a = NULL;
        assert_int_equal(parse("example.net", DNS_TYPE_MX, true, &a), rows[i].want);
        if (rows[i].want == FP_OK) {
            assert_non_null(a);
            check_answer(&rows[i], a);
        } else {
            assert_null(a);
        }
        free(a);
    }
}

// Every answer of the table, cut at every octet and with every octet changed: never a crash, and
// what is cut is never taken for "no such name".
static void test_cut_and_changed(void **state)
{
    (void)state;
    static unsigned char whole[PACKET_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i].build();
        if (packet.n > 1000)
            continue;
        size_t n = packet.n;
        memcpy(whole, packet.p, n);
        for (size_t cut = 0; cut < n; cut++) {
            memcpy(packet.p, whole, n);
            packet.n = cut;
            struct dns_answer *a = NULL;
            if (parse("example.net", DNS_TYPE_MX, true, &a) == FP_OK && a->count == 0 &&
                rows[i].result != a->result)
                assert_true(a->result == DNS_ANSWER_BAD || a->result == DNS_ANSWER_SERVFAIL);
            free(a);
        }
        packet.n = n;
        for (size_t at = 0; at < n; at++) {
            memcpy(packet.p, whole, n);
            packet.p[at] = (unsigned char)(packet.p[at] * 5 + 0xc1);
            struct dns_answer *a = NULL;
            (void)parse("example.net", DNS_TYPE_MX, true, &a);
            free(a);
        }
    }
}

static void test_long_name_is_no_host_name(void **state)
{
    (void)state;
    build_long_escaped_name();
    struct dns_answer *a = NULL;
    assert_int_equal(parse("example.net", DNS_TYPE_MX, false, &a), FP_OK);
    assert_int_equal(a->result, DNS_ANSWER_OK);
    assert_int_equal(a->records[0].name[0], '\\');
    assert_int_equal(strlen(a->records[0].name), 255);
    free(a);
}

static void test_addresses(void **state)
{
    (void)state;
    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "mx.example.net", T_A);
    put_a(&packet, "@12", 60, 0xc0000201);
    put_a(&packet, "@12", 61, 0xc0000202);
    struct dns_answer *a = NULL;
    assert_int_equal(parse("mx.example.net.", DNS_TYPE_A, false, &a), FP_OK);
    assert_int_equal(a->count, 2);
    assert_string_equal(a->records[0].ip, "192.0.2.1");
    assert_string_equal(a->records[1].ip, "192.0.2.2");
    assert_string_equal(a->canonical, "mx.example.net"); // without the final dot of the question
    free(a);

    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "mx.example.net", T_AAAA);
    size_t at = begin_rr(&packet, 1, "@12", T_AAAA, 60);
    put32(&packet, 0x20010db8);
    put32(&packet, 0);
    put32(&packet, 0);
    put32(&packet, 0x19);
    end_rr(&packet, at);
    a = NULL;
    assert_int_equal(parse("mx.example.net", DNS_TYPE_AAAA, false, &a), FP_OK);
    assert_string_equal(a->records[0].ip, "2001:db8::19");
    free(a);

    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "mx.example.net", T_A);
    at = begin_rr(&packet, 1, "@12", T_A, 60);
    put32(&packet, 0xc0000201);
    put8(&packet, 1);
    end_rr(&packet, at);
    a = NULL;
    assert_int_equal(parse("mx.example.net", DNS_TYPE_A, false, &a), FP_OK);
    assert_int_equal(a->result, DNS_ANSWER_BAD);
    free(a);
}

static void put_tlsa(size_t digest_n)
{
    size_t at = begin_rr(&packet, 1, "@12", DNS_TYPE_TLSA, 60);
    put8(&packet, 3);
    put8(&packet, 1);
    put8(&packet, 2);
    for (size_t i = 0; i < digest_n; i++)
        put8(&packet, (unsigned)(i & 0xff));
    end_rr(&packet, at);
}

static void test_tlsa(void **state)
{
    (void)state;
    struct dns_answer *a = NULL;
    put_header(&packet, ID, GOOD | 0x20, 1);
    put_question(&packet, "_25._tcp.mx.example.net", DNS_TYPE_TLSA);
    put_tlsa(64);
    put_tlsa(0);
    put_tlsa(DNS_TLSA_MAX);
    put_tlsa(DNS_TLSA_MAX + 1);
    assert_int_equal(parse("_25._tcp.mx.example.net", DNS_TYPE_TLSA, true, &a), FP_OK);
    assert_int_equal(a->result, DNS_ANSWER_OK);
    assert_true(a->is_secure);
    assert_int_equal(a->count, 4);
    const struct dns_tlsa *t = &a->records[0].tlsa;
    assert_int_equal(t->usage * 100 + t->selector * 10 + t->matching, 312);
    assert_int_equal(t->size, 64);
    assert_int_equal(t->data[63], 63);
    assert_int_equal(a->records[1].tlsa.size, 0);
    assert_int_equal(a->records[2].tlsa.size, DNS_TLSA_MAX);
    assert_int_equal(a->records[3].tlsa.size, 0); // too much to keep: of no use
    free(a);

    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "_25._tcp.mx.example.net", DNS_TYPE_TLSA);
    size_t at = begin_rr(&packet, 1, "@12", DNS_TYPE_TLSA, 60);
    put16(&packet, 0x0301);
    end_rr(&packet, at);
    a = NULL;
    assert_int_equal(parse("_25._tcp.mx.example.net", DNS_TYPE_TLSA, true, &a), FP_OK);
    assert_int_equal(a->result, DNS_ANSWER_BAD);
    free(a);
}

static size_t begin_txt(void)
{
    put_header(&packet, ID, GOOD, 1);
    put_question(&packet, "_mta-sts.example.net", T_TXT);
    return begin_rr(&packet, 1, "@12", T_TXT, 60);
}

static void put_string(const char *text, size_t n)
{
    put8(&packet, (unsigned)n);
    for (size_t i = 0; i < n; i++)
        put8(&packet, (unsigned char)text[i]);
}

static struct dns_answer *ask_txt(void)
{
    struct dns_answer *a = NULL;
    assert_int_equal(parse("_mta-sts.example.net", DNS_TYPE_TXT, false, &a), FP_OK);
    return a;
}

// Strings are one text; what a terminal would obey is not kept; the end of a long one is.
static void test_texts(void **state)
{
    (void)state;
    char a_lot[200];
    memset(a_lot, 'x', sizeof a_lot);
    size_t at = begin_txt();
    put_string("v=STSv1; ", 9);
    put_string("", 0);
    put_string("id=\0\x1b\xc3;", 7);
    end_rr(&packet, at);
    struct dns_answer *a = ask_txt();
    assert_int_equal(a->result, DNS_ANSWER_OK);
    assert_string_equal(a->records[0].name, "v=STSv1; id=???;");
    free(a);

    at = begin_txt();
    put_string(a_lot, sizeof a_lot);
    put_string(a_lot, sizeof a_lot);
    end_rr(&packet, at);
    a = ask_txt();
    assert_int_equal(strlen(a->records[0].name), 255);
    free(a);

    at = begin_txt();
    put8(&packet, 4); // longer than what there is
    put8(&packet, 'x');
    end_rr(&packet, at);
    a = ask_txt();
    assert_int_equal(a->result, DNS_ANSWER_BAD);
    free(a);
}

// AD counts only where the resolver is trusted, and never on a failure.
static void test_secure(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        bool trusts, want;
    } cases[] = {
        {GOOD, true, false},     {GOOD | 0x20, false, false},  {GOOD | 0x20, true, true},
        {NX | 0x20, true, true}, {0x8182 | 0x20, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask_mx(cases[i].flags);
        if (!(cases[i].flags & 0xf))
            put_mx(&packet, "@12", 300, 10, "mx@12");
        struct dns_answer *a = NULL;
        assert_int_equal(parse("example.net", DNS_TYPE_MX, cases[i].trusts, &a), FP_OK);
        assert_int_equal(a->is_secure, cases[i].want);
        free(a);
    }
}

static void test_question(void **state)
{
    (void)state;
    unsigned char q[DNSMSG_QUERY_MAX];
    size_t n = 0;
    uint16_t id = 0;
    assert_int_equal(dnsmsg_query("example.net", DNS_TYPE_MX, q, &n, &id), FP_OK);
    packet.n = 0;
    put_header(&packet, id, 0x0120, 1); // RD, AD
    packet.p[11] = 0;
    put_question(&packet, "example.net", T_MX);
    size_t plain_n = packet.n;
    put_opt(&packet, 0);
    assert_int_equal(n, packet.n);
    assert_memory_equal(q, packet.p, n);
    dnsmsg_drop_opt(q, &n);
    packet.p[11] = 0;
    assert_int_equal(n, plain_n);
    assert_memory_equal(q, packet.p, n);
}

static void test_question_names(void **state)
{
    (void)state;
    char label64[80] = "", name254[260] = "", name253[260] = "";
    memset(label64, 'a', 64);
    for (int i = 0; i < 4; i++) {
        memset(name253 + 64 * i, 'b', i < 3 ? 63 : 61);
        memset(name254 + 64 * i, 'b', i < 3 ? 63 : 62);
        if (i < 3)
            name253[64 * i + 63] = name254[64 * i + 63] = '.';
    }
    assert_int_equal(strlen(name253), 253);
    assert_int_equal(strlen(name254), 254);
    const struct {
        const char *name;
        enum fp_err want;
    } cases[] = {
        {"example.net", FP_OK},      {"example.net.", FP_OK}, {"", FP_INVALID},
        {"a..b", FP_INVALID},        {".a", FP_INVALID},      {label64, FP_INVALID},
        {label64 + 1, FP_OK},        {name253, FP_OK},        {name254, FP_INVALID},
        {"xn--bcher-kva.ch", FP_OK}, {"_dmarc.x.de", FP_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char q[DNSMSG_QUERY_MAX];
        size_t n = 0;
        uint16_t id;
        print_message("%s\n", cases[i].name);
        assert_int_equal(dnsmsg_query(cases[i].name, DNS_TYPE_A, q, &n, &id), cases[i].want);
    }
}

// Ids of 64 questions: hardly any twice.
// The root is a name like any other: it is asked about to see whether a resolver works.
static void test_root(void **state)
{
    (void)state;
    unsigned char asked[DNSMSG_QUERY_MAX];
    size_t n;
    uint16_t id;
    assert_int_equal(dnsmsg_query(".", DNS_TYPE_MX, asked, &n, &id), FP_OK);
    asked[2] |= 0x80; // an answer, of a server that recurses, without a record
    asked[3] |= 0x80;
    struct dns_answer *a = NULL;
    struct slice answer = slice_of((const char *)asked, n);
    assert_int_equal(dnsmsg_parse(answer, id, ".", DNS_TYPE_MX, false, &a), FP_OK);
    assert_int_equal(a->result, DNS_ANSWER_NODATA);
    free(a);
}

static void test_ids_differ(void **state)
{
    (void)state;
    uint16_t ids[64];
    int same = 0;
    for (int i = 0; i < 64; i++) {
        unsigned char q[DNSMSG_QUERY_MAX];
        size_t n;
        assert_int_equal(dnsmsg_query("example.net", DNS_TYPE_A, q, &n, &ids[i]), FP_OK);
        for (int k = 0; k < i; k++)
            same += ids[k] == ids[i];
    }
    assert_true(same < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_cut_and_changed),
        cmocka_unit_test(test_long_name_is_no_host_name),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tlsa),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_secure),
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_question_names),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
