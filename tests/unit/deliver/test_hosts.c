// SPDX-License-Identifier: BSD-2-Clause
// MX answers of all kinds, and the order of hosts that they give.
#include "core/must.h"
#include "deliver/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct dns_answer *answer_of(enum dns_result result, const char *const *records,
                                    uint32_t count)
{
    struct dns_answer *a = must_zalloc(sizeof *a + count * sizeof a->records[0]);
    a->type = DNS_TYPE_MX;
    a->result = result;
    a->count = count;
    for (uint32_t i = 0; i < count; i++) {
        char *end;
        a->records[i].preference = (uint16_t)strtoul(records[i], &end, 10);
        snprintf(a->records[i].name, sizeof a->records[i].name, "%s", end + 1);
    }
    return a;
}

static const struct {
    const char *name;
    enum dns_result result;
    const char *records[8];
    const char *hosts; // joined by blanks; NULL: none
    enum dns_fault fault;
} rows[] = {
    {"one", DNS_ANSWER_OK, {"10 a.example"}, "a.example", 0},
    {"by preference",
     DNS_ANSWER_OK,
     {"30 c.example", "10 a.example", "20 b.example"},
     "a.example b.example c.example",
     0},
    {"0 and 65535", DNS_ANSWER_OK, {"65535 b.example", "0 a.example"}, "a.example b.example", 0},
    {"the same twice",
     DNS_ANSWER_OK,
     {"20 A.example", "10 a.example", "30 a.EXAMPLE"},
     "a.example",
     0},
    {"final dot", DNS_ANSWER_OK, {"10 a.example."}, "a.example", 0},
    {"none: implicit", DNS_ANSWER_NODATA, {0}, "d.example", 0},
    {"ok but empty: implicit", DNS_ANSWER_OK, {0}, "d.example", 0},
    {"null MX", DNS_ANSWER_OK, {"0 "}, NULL, DNS_NULL_MX},
    {"null MX as a dot", DNS_ANSWER_OK, {"0 ."}, NULL, DNS_NULL_MX},
    {"null MX beside another is no host", DNS_ANSWER_OK, {"0 ", "10 a.example"}, "a.example", 0},
    {"no such domain", DNS_ANSWER_NXDOMAIN, {0}, NULL, DNS_NXDOMAIN},
    {"servfail", DNS_ANSWER_SERVFAIL, {0}, NULL, DNS_SERVFAIL},
    {"timeout", DNS_ANSWER_TIMEOUT, {0}, NULL, DNS_TIMEOUT},
    {"bad", DNS_ANSWER_BAD, {0}, NULL, DNS_BAD_ANSWER},
    {"aliases in a circle", DNS_ANSWER_ALIAS_LOOP, {0}, NULL, DNS_ALIAS_LOOP},
    {"we first", DNS_ANSWER_OK, {"10 me.example", "20 b.example"}, NULL, DNS_LOOP},
    {"we among equals", DNS_ANSWER_OK, {"10 ME.example.", "10 b.example"}, NULL, DNS_LOOP},
    {"we last",
     DNS_ANSWER_OK,
     {"10 a.example", "20 me.example", "20 b.example", "30 c.example"},
     "a.example",
     0},
    {"we alone", DNS_ANSWER_OK, {"10 me.example"}, NULL, DNS_LOOP},
    {"localhost", DNS_ANSWER_OK, {"10 localhost"}, NULL, DNS_MX_UNUSABLE},
    {"below localhost", DNS_ANSWER_OK, {"10 x.LOCALHOST", "20 a.example"}, "a.example", 0},
    {"an address", DNS_ANSWER_OK, {"10 192.0.2.1"}, NULL, DNS_MX_UNUSABLE},
    {"no host name",
     DNS_ANSWER_OK,
     {"10 a b.example", "10 -\x01.example", "20 ok.example"},
     "ok.example",
     0},
    {"only such", DNS_ANSWER_OK, {"10 a b.example"}, NULL, DNS_MX_UNUSABLE},
};

static void join(const struct host_list *list, char *to)
{
    to[0] = '\0';
    for (uint32_t i = 0; i < list->count; i++) {
        strcat(to, i ? " " : "");
        strcat(to, list->hosts[i].name);
    }
}

static void test_rows(void **state)
{
    (void)state;
    static struct host_list list;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t count = 0;
        while (count < 8 && rows[i].records[count])
            count++;
        struct dns_answer *a = answer_of(rows[i].result, rows[i].records, count);
        enum dns_fault fault = DNS_SERVFAIL;
        char got[20000];
        enum fp_err err = hosts_from_mx(a, slice_str("d.example"), "me.example", i, &list, &fault);
        if ((err == FP_OK) != (rows[i].hosts != NULL))
            fail_msg("%s", rows[i].name);
        if (err == FP_OK) {
            join(&list, got);
            for (char *p = got; *p; p++)
                *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
            assert_string_equal(got, rows[i].hosts);
        } else {
            assert_int_equal(err, FP_NOT_FOUND);
            if (fault != rows[i].fault)
                fail_msg("%s: fault %d", rows[i].name, (int)fault);
        }
        free(a);
    }
}

static void test_equal_ones_take_turns(void **state)
{
    (void)state;
    static const char *const records[] = {"10 a.example", "10 b.example", "10 c.example",
                                          "5 z.example"};
    static struct host_list list;
    struct dns_answer *a = answer_of(DNS_ANSWER_OK, records, 4);
    enum dns_fault fault;
    int first[3] = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        assert_int_equal(hosts_from_mx(a, slice_str("d.example"), "me", seed, &list, &fault),
                         FP_OK);
        assert_int_equal(list.count, 4);
        assert_string_equal(list.hosts[0].name, "z.example");
        first[list.hosts[1].name[0] - 'a']++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(first[i], 60, 140);
    free(a);
}

static void test_as_many_as_there_may_be(void **state)
{
    (void)state;
    static char text[DNS_RECORDS_MAX][24];
    static const char *records[DNS_RECORDS_MAX];
    static struct host_list list;
    enum dns_fault fault;
    for (int i = 0; i < DNS_RECORDS_MAX; i++) {
        snprintf(text[i], sizeof text[i], "%d h%d.example", DNS_RECORDS_MAX - i, i);
        records[i] = text[i];
    }
    struct dns_answer *a = answer_of(DNS_ANSWER_OK, records, DNS_RECORDS_MAX);
    assert_int_equal(hosts_from_mx(a, slice_str("d.example"), "me", 1, &list, &fault), FP_OK);
    assert_int_equal(list.count, HOSTS_MAX);
    assert_string_equal(list.hosts[0].name, "h127.example"); // the best are kept
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_equal_ones_take_turns),
        cmocka_unit_test(test_as_many_as_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
