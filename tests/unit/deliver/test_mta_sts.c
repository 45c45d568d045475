// SPDX-License-Identifier: BSD-2-Clause
// What domains publish for MTA-STS: records, policies, and which hosts fit.
#include "core/must.h"
#include "deliver/mta_sts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define LABEL_32    "abcdefghijklmnopqrstuvwxyz012345"

static const struct {
    const char *name, *records[3];
    const char *want; // NULL: no policy
} records[] = {
    {"usual", {"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
    {"no end mark", {"v=STSv1;id=1"}, "1"},
    {"blanks and tabs", {"v=STSv1 ;\t id = x1 ; "}, "x1"},
    {"extensions", {"v=STSv1; a=b; id=7; c=d"}, "7"},
    {"the first id counts", {"v=STSv1; id=7; id=8"}, "7"},
    {"among others", {"v=spf1 -all", "v=STSv1; id=9;", "hello"}, "9"},
    {"32 digits", {"v=STSv1; id=" LABEL_32 ";"}, LABEL_32},
    {"33 digits", {"v=STSv1; id=" LABEL_32 "6;"}, NULL},
    {"two of them", {"v=STSv1; id=1;", "v=STSv1; id=2;"}, NULL},
    {"no id", {"v=STSv1;"}, NULL},
    {"empty id", {"v=STSv1; id=;"}, NULL},
    {"odd id", {"v=STSv1; id=2016-08;"}, NULL},
    {"other version", {"v=STSv2; id=1;"}, NULL},
    {"longer version", {"v=STSv11; id=1;"}, NULL},
    {"other case", {"v=stsv1; id=1;"}, NULL},
    {"only the version", {"v=STSv1"}, NULL},
    {"version not first", {"id=1; v=STSv1;"}, NULL},
    {"empty", {""}, NULL},
    {"nothing", {NULL}, NULL},
};

static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct dns_answer *a = must_zalloc(sizeof *a + 3 * sizeof a->records[0]);
        a->type = DNS_TYPE_TXT;
        for (; a->count < 3 && records[i].records[a->count]; a->count++)
            snprintf(a->records[a->count].name, sizeof a->records[0].name, "%s",
                     records[i].records[a->count]);
        char id[STS_ID_MAX + 1] = "";
        bool is_there = mta_sts_record_id(a, id);
        if (is_there != (records[i].want != NULL) || (is_there && strcmp(id, records[i].want)))
            fail_msg("%s: got \"%s\"", records[i].name, id);
        a->result = DNS_ANSWER_SERVFAIL;
        assert_false(mta_sts_record_id(a, id));
        free(a);
    }
}

#define HEAD "version: STSv1\n"
#define AGE  "max_age: 604800\n"

static const struct {
    const char *name, *text;
    const char *want; // "MODE AGE:MX", or what is wrong
} policies[] = {
    {"as in the RFC",
     "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
     "mx: backupmx.example.com\r\nmax_age: 604800\r\n",
     "enforce 604800: mail.example.com *.example.net backupmx.example.com "},
    {"LF alone, no last one", HEAD "mode:testing\nmx:  MX.Example.Com.  \nmax_age: 1",
     "testing 1: mx.example.com "},
    {"mode none needs no host", HEAD "mode: none\n" AGE, "none 604800:"},
    {"any order", "mx: a.example\nmax_age: 86400\nmode: enforce\n" HEAD,
     "enforce 86400: a.example "},
    {"extensions and junk", HEAD "\nmode: enforce\n\nwhat: ever\njunk\nmx: a.example\n" AGE,
     "enforce 604800: a.example "},
    {"the first counts", HEAD "mode: enforce\nmode: none\nmx: a.example\n" AGE AGE,
     "enforce 604800: a.example "},
    {"a year at most", HEAD "mode: enforce\nmx: a.example\nmax_age: 9999999999\n",
     "enforce 31557600: a.example "},
    {"no version", "mode: enforce\nmx: a.example\n" AGE, "the policy has no version"},
    {"version 2", "version: STSv2\nmode: enforce\nmx: a.example\n" AGE,
     "the policy's version is \"STSv2\", which is not STSv1"},
    {"no mode", HEAD "mx: a.example\n" AGE, "the policy has no mode"},
    {"odd mode", HEAD "mode: Enforce\nmx: a.example\n" AGE,
     "the policy's mode is \"Enforce\", which is not \"enforce\", \"testing\" or \"none\""},
    {"no age", HEAD "mode: enforce\nmx: a.example\n", "the policy has no max_age"},
    {"odd age", HEAD "mode: enforce\nmx: a.example\nmax_age: 1d\n",
     "the policy's max_age is \"1d\", which is not a number of seconds"},
    {"negative age", HEAD "mode: enforce\nmx: a.example\nmax_age: -1\n",
     "the policy's max_age is \"-1\", which is not a number of seconds"},
    {"no host", HEAD "mode: enforce\n" AGE, "the policy has no mx"},
    {"empty host", HEAD "mode: enforce\nmx:\n" AGE,
     "the policy's mx is \"\", which is not the name of a host, or there are too many"},
    {"an inner wildcard", HEAD "mode: enforce\nmx: a.*.example\n" AGE,
     "the policy's mx is \"a.*.example\", which is not the name of a host, or there are too many"},
    {"a page", "<html><body>404</body></html>\n", "the policy has no version"},
    {"empty", "", "the policy has no version"},
};

static void test_policies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        struct sts_policy p = {0};
        uint32_t age_s = 0;
        struct buf got;
        buf_init(&got, 1000);
        if (mta_sts_parse(slice_str(policies[i].text), &p, &age_s, &got) == FP_OK)
            buf_addf(&got, "%s %u:%s", sts_mode_name(p.mode), age_s, p.mx);
        if (!slice_equal(buf_slice(&got), slice_str(policies[i].want)))
            fail_msg("%s: got \"%.*s\"", policies[i].name, (int)got.n, got.p);
        buf_close(&got);
        sts_policy_close(&p);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    struct buf text, why;
    struct sts_policy p = {0};
    uint32_t age_s;
    buf_init(&text, SIZE_MAX);
    buf_init(&why, 1000);
    buf_add_str(&text, HEAD "mode: enforce\n" AGE);
    for (int i = 0; i < MTA_STS_MX_MAX; i++)
        buf_addf(&text, "mx: mx%d.example\n", i);
    assert_int_equal(mta_sts_parse(buf_slice(&text), &p, &age_s, &why), FP_OK);
    assert_true(mta_sts_allows(&p, "mx63.example"));
    sts_policy_close(&p);
    buf_add_str(&text, "mx: one.more.example\n");
    assert_int_equal(mta_sts_parse(buf_slice(&text), &p, &age_s, &why), FP_INVALID);
    buf_reset(&text);
    buf_add_str(&text, HEAD "mode: none\n" AGE);
    while (text.n < MTA_STS_TEXT_MAX)
        buf_add_byte(&text, '\n');
    assert_int_equal(mta_sts_parse(buf_slice(&text), &p, &age_s, &why), FP_OK);
    sts_policy_close(&p);
    buf_add_byte(&text, '\n');
    assert_int_equal(mta_sts_parse(buf_slice(&text), &p, &age_s, &why), FP_INVALID);
    buf_close(&text);
    buf_close(&why);
}

static const struct {
    const char *mx, *host;
    bool want;
} hosts[] = {
    {" mail.example.com ", "mail.example.com", true},
    {" mail.example.com ", "MAIL.Example.com", true},
    {" mail.example.com ", "mail.example.com.", true},
    {" mail.example.com ", "a.mail.example.com", false},
    {" mail.example.com ", "ail.example.com", false},
    {" *.example.net ", "mx.example.net", true},
    {" *.example.net ", "example.net", false},
    {" *.example.net ", ".example.net", false},
    {" *.example.net ", "a.mx.example.net", false},
    {" *.example.net ", "mxexample.net", false},
    {" a.example *.b.example ", "c.b.example", true},
    {"", "a.example", false},
};

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct sts_policy p = {.mode = STS_ENFORCE, .mx = (char *)hosts[i].mx};
        assert_int_equal(mta_sts_allows(&p, hosts[i].host), hosts[i].want);
        p.mode = STS_TESTING;
        assert_true(mta_sts_allows(&p, hosts[i].host));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
