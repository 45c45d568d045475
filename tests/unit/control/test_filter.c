// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/filter: what each term becomes, and the sentence for each way to get it wrong.
#include "control/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct good_row {
    const char *word;
    enum filter_key key;
    enum filter_relation relation;
    int64_t number;
    const char *text;
} good[] = {
    {"0A1B2C3D4E5F", FILTER_ID, FILTER_EQUAL, 0x0A1B2C3D4E5F, ""},
    {"0a1b2c3d4e5f", FILTER_ID, FILTER_EQUAL, 0x0A1B2C3D4E5F, ""},
    {"A1B2C3D4E5F", FILTER_ID, FILTER_EQUAL, 0x0A1B2C3D4E5F, ""},
    {"from=alice@example.org", FILTER_FROM, FILTER_EQUAL, 0, "alice@example.org"},
    {"from=*@Example.org", FILTER_FROM, FILTER_EQUAL, 0, "*@Example.org"},
    {"from=<alice@example.org>", FILTER_FROM, FILTER_EQUAL, 0, "alice@example.org"},
    {"from=<>", FILTER_FROM, FILTER_EQUAL, 0, ""},
    {"from=", FILTER_FROM, FILTER_EQUAL, 0, ""},
    {"FROM=a=b@x", FILTER_FROM, FILTER_EQUAL, 0, "a=b@x"},
    {"to=%", FILTER_TO, FILTER_EQUAL, 0, "%"},
    {"to=' OR 1=1 --", FILTER_TO, FILTER_EQUAL, 0, "' OR 1=1 --"},
    {"to=_\\*?[a]", FILTER_TO, FILTER_EQUAL, 0, "_\\*?[a]"},
    {"domain=*.Example.ORG", FILTER_DOMAIN, FILTER_EQUAL, 0, "*.example.org"},
    {"domain=Example.ORG.", FILTER_DOMAIN, FILTER_EQUAL, 0, "example.org"},
    {"to=b@example.org.", FILTER_TO, FILTER_EQUAL, 0, "b@example.org"},
    {"from=<a@example.org.>", FILTER_FROM, FILTER_EQUAL, 0, "a@example.org"},
    {"state=queued", FILTER_STATE, FILTER_EQUAL, FILTER_QUEUED, ""},
    {"state=Deferred", FILTER_STATE, FILTER_EQUAL, FILTER_DEFERRED, ""},
    {"state=active", FILTER_STATE, FILTER_EQUAL, FILTER_ACTIVE, ""},
    {"state=held", FILTER_STATE, FILTER_EQUAL, FILTER_HELD, ""},
    {"age>4h", FILTER_AGE, FILTER_GREATER, 4 * 3600000, ""},
    {"age<=1h30m", FILTER_AGE, FILTER_LESS_EQUAL, 5400000, ""},
    {"age>=0", FILTER_AGE, FILTER_GREATER_EQUAL, 0, ""},
    {"next<10m", FILTER_NEXT, FILTER_LESS, 600000, ""},
    {"size>1M", FILTER_SIZE, FILTER_GREATER, 1048576, ""},
    {"size=0", FILTER_SIZE, FILTER_EQUAL, 0, ""},
    {"attempts>=3", FILTER_ATTEMPTS, FILTER_GREATER_EQUAL, 3, ""},
    {"attempts=999999999", FILTER_ATTEMPTS, FILTER_EQUAL, 999999999, ""},
    {"error~Connection timed out", FILTER_ERROR, FILTER_MATCH, 0, "Connection timed out"},
    {"error~~x", FILTER_ERROR, FILTER_MATCH, 0, "~x"},
};

static void terms_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct filter f;
        struct buf why;
        buf_init(&why, 1024);
        enum fp_err err = filter_parse(&good[i].word, 1, &f, &why);
        if (err)
            fail_msg("%s: %s", good[i].word, buf_slice(&why).p);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.terms[0].key, good[i].key);
        assert_int_equal(f.terms[0].relation, good[i].relation);
        assert_int_equal(f.terms[0].number, good[i].number);
        assert_string_equal(f.terms[0].text, good[i].text);
        assert_int_equal(why.n, 0);
    }
}

static const char *const bad[][2] = {
    {"%",
     "'%' is neither a queue id (12 hexadecimal digits) nor a term such as from=*@example.com"},
    {"", "'' is neither a queue id (12 hexadecimal digits) nor a term such as from=*@example.com"},
    {"1 OR 1=1", "'1 OR 1' is no filter key; there are from, to, domain, state, age, size, "
                 "attempts, error and next"},
    {"'; DROP TABLE message; --", "''; DROP TABLE message; --' is neither a queue id (12 "
                                  "hexadecimal digits) nor a term such as from=*@example.com"},
    {"0A1B2C3D4E5", NULL}, // 11 digits are an id, see above; this row keeps the two apart
    {"0A1B2C3D4E", "'0A1B2C3D4E' is neither a queue id (12 hexadecimal digits) nor a term such as "
                   "from=*@example.com"},
    {"0A1B2C3D4E5F6", "'0A1B2C3D4E5F6' is neither a queue id (12 hexadecimal digits) nor a term "
                      "such as from=*@example.com"},
    {"form=a@b", "'form' is no filter key; did you mean from?"},
    {"stat=held", "'stat' is no filter key; did you mean state?"},
    {"=x",
     "'' is no filter key; there are from, to, domain, state, age, size, attempts, error and next"},
    {"\x1b[2J\xff=x", "'\\x1b[2J\\xff' is no filter key; there are from, to, domain, state, age, "
                      "size, attempts, error and next"},
    {"age", "'age' has no relation; write it in quotes, as 'age>4h', so that the shell leaves < "
            "and > alone"},
    {"size", "'size' has no relation; write it in quotes, as 'size>1M', so that the shell leaves < "
             "and > alone"},
    {"from", "'from' has no value; write from=*@example.com"},
    {"age=4h", "'age=4h': age is compared with < <= > >=, as in age>4h"},
    {"age~4h", "'age~4h': age is compared with < <= > >=, as in age>4h"},
    {"from~x", "'from~x': from is compared with =, as in from=*@example.com"},
    {"from>=x", "'from>=x': from is compared with =, as in from=*@example.com"},
    {"error=x", "'error=x': error is compared with ~, as in error~timeout"},
    {"state>held", "'state>held': state is compared with =, as in state=deferred"},
    {"age>4", "'age>4': a length of time is a number with ms, s, m, h, d or w, as in age>4h"},
    {"age>-4h", "'age>-4h': a length of time is a number with ms, s, m, h, d or w, as in age>4h"},
    {"age>999999999999d",
     "'age>999999999999d': a length of time is at most 36525d (100 years), as in age>4h"},
    {"size>1Q", "'size>1Q': a size is a number of bytes, or one with K, M or G, as in size>1M"},
    {"size>", "'size>': a size is a number of bytes, or one with K, M or G, as in size>1M"},
    {"attempts>3.5",
     "'attempts>3.5': a whole number of at most 9 digits is asked for, as in attempts>=3"},
    {"attempts>-1",
     "'attempts>-1': a whole number of at most 9 digits is asked for, as in attempts>=3"},
    {"attempts=1000000000",
     "'attempts=1000000000': a whole number of at most 9 digits is asked for, as in attempts>=3"},
    {"attempts=",
     "'attempts=': a whole number of at most 9 digits is asked for, as in attempts>=3"},
    {"state=frozen",
     "'state=frozen': a state is queued, deferred, active or held, as in state=deferred"},
    {"state=", "'state=': a state is queued, deferred, active or held, as in state=deferred"},
    {"to=", "'to=': a pattern is missing, as in to=*@example.com"},
    {"to=<>", "'to=<>': a pattern is missing, as in to=*@example.com"},
    {"domain=", "'domain=': a pattern is missing, as in domain=example.com"},
    {"error~", "'error~': the text to look for is missing, as in error~timeout"},
};

static void mistakes_get_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct filter f = {.count = 77};
        struct buf why;
        buf_init(&why, 1024);
        enum fp_err err = filter_parse(&bad[i][0], 1, &f, &why);
        assert_int_equal(err, bad[i][1] ? FP_INVALID : FP_OK);
        if (bad[i][1]) {
            assert_string_equal(why.p, bad[i][1]);
            assert_int_equal(f.count, 77); // untouched
        }
        buf_close(&why);
    }
}

static void texts_have_a_maximum(void **state)
{
    (void)state;
    char word[FILTER_TEXT_MAX + 16];
    const char *words[] = {word};
    struct filter f;
    struct buf why;
    buf_init(&why, 1024);
    memset(word, 'x', sizeof word);
    memcpy(word, "to=", 3);
    word[3 + FILTER_TEXT_MAX] = '\0';
    assert_int_equal(filter_parse(words, 1, &f, &why), FP_OK);
    assert_int_equal(strlen(f.terms[0].text), FILTER_TEXT_MAX);
    word[3 + FILTER_TEXT_MAX] = 'x';
    word[3 + FILTER_TEXT_MAX + 1] = '\0';
    assert_int_equal(filter_parse(words, 1, &f, &why), FP_TOO_BIG);
    assert_non_null(strstr(why.p, "...': the text is longer than 320 octets"));
    buf_close(&why);
}

static void terms_have_a_maximum(void **state)
{
    (void)state;
    const char *words[FILTER_TERMS_MAX + 1];
    struct filter f;
    struct buf why;
    buf_init(&why, 1024);
    for (size_t i = 0; i <= FILTER_TERMS_MAX; i++)
        words[i] = "attempts>1";
    assert_int_equal(filter_parse(words, FILTER_TERMS_MAX, &f, &why), FP_OK);
    assert_int_equal(f.count, FILTER_TERMS_MAX);
    assert_int_equal(filter_parse(words, FILTER_TERMS_MAX + 1, &f, &why), FP_TOO_BIG);
    assert_string_equal(why.p, "a filter has at most 16 terms");
    buf_close(&why);
}

static void several_terms_and_one_id(void **state)
{
    (void)state;
    const char *const words[] = {"0A1B2C3D4E5F", "to=a@b", "0A1B2C3D4E60"};
    struct filter f;
    struct buf why;
    buf_init(&why, 1024);
    assert_int_equal(filter_parse(words, 0, &f, &why), FP_OK);
    assert_int_equal(f.count, 0);
    assert_int_equal(filter_parse(words, 2, &f, &why), FP_OK);
    assert_int_equal(f.count, 2);
    assert_true(filter_is_recipient_scoped(&f));
    assert_int_equal(filter_parse(words, 3, &f, &why), FP_INVALID);
    assert_string_equal(
        why.p,
        "'0A1B2C3D4E60' is a second queue id; all terms are to hold, so give one id at a time");
    buf_close(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_read),           cmocka_unit_test(mistakes_get_a_sentence),
        cmocka_unit_test(texts_have_a_maximum),     cmocka_unit_test(terms_have_a_maximum),
        cmocka_unit_test(several_terms_and_one_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
