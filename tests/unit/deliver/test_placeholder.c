// SPDX-License-Identifier: BSD-2-Clause
// "{user}" and the like: which are known, and what may not stand in a path or a word.
#include "deliver/placeholder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *text;
    enum placeholder_use use;
    const char *why; // NULL: fine
} checks[] = {
    {"/mail/x", PLACEHOLDER_PATH, NULL},
    {"/mail/{user}", PLACEHOLDER_PATH, NULL},
    {"/mail/{domain}/{user}/{address}", PLACEHOLDER_PATH, NULL},
    {"/mail/{usr}", PLACEHOLDER_PATH, "{usr} is unknown; did you mean {user}?"},
    {"/mail/{User}", PLACEHOLDER_PATH, "did you mean {user}?"},
    {"/mail/{zzzzzzzz}", PLACEHOLDER_PATH, "there are {user}, {domain} and {address}"},
    {"/mail/{sender}", PLACEHOLDER_PATH, "{sender} is unknown"},
    {"{sender}", PLACEHOLDER_WORD, NULL},
    {"{recipient}", PLACEHOLDER_WORD, NULL},
    {"{zzzzzzzz}", PLACEHOLDER_WORD, "{recipient} and {sender}"},
    {"/mail/{user", PLACEHOLDER_PATH, "a \"{\" stands without its \"}\""},
    {"/mail/user}", PLACEHOLDER_PATH, "a \"}\" stands without its \"{\""},
    {"/mail/{}", PLACEHOLDER_PATH, "is unknown"},
};

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct buf why;
        buf_init(&why, 1000);
        enum fp_err err = placeholder_check(slice_str(checks[i].text), checks[i].use, &why);
        assert_int_equal(err, checks[i].why ? FP_INVALID : FP_OK);
        if (checks[i].why && !strstr(why.p, checks[i].why))
            fail_msg("%s: %s", checks[i].text, why.p);
        buf_close(&why);
    }
}

static const struct {
    const char *text;
    enum placeholder_use use;
    const char *sender, *rcpt, *want; // NULL: refused
} expansions[] = {
    {"/m/{user}", PLACEHOLDER_PATH, "", "Alice@Example.ORG", "/m/alice"},
    {"/m/{domain}/{user}", PLACEHOLDER_PATH, "", "Alice@Example.ORG", "/m/example.org/alice"},
    {"/m/{address}/x", PLACEHOLDER_PATH, "", "a+b@x.org", "/m/a+b@x.org/x"},
    {"/m/x", PLACEHOLDER_PATH, "", "../../etc@x.org", "/m/x"},
    {"/m/{user}", PLACEHOLDER_PATH, "", "../../etc@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", "a/b@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", "\"a/b\"@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", "\"..\"@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", "..@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", "a..b@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", ".a@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", "\"a\\\"b\"@x.org", NULL},
    {"/m/x{user}", PLACEHOLDER_PATH, "", ".a@x.org", NULL},
    {"/m/{user}", PLACEHOLDER_PATH, "", "-rf@x.org", "/m/-rf"},
    {"/m/{user}", PLACEHOLDER_PATH, "", "j\xc3\xb6rg@x.org", "/m/j\xc3\xb6rg"},
    {"/m/{domain}", PLACEHOLDER_PATH, "", "a@[192.0.2.1]", "/m/[192.0.2.1]"},
    {"/m/{domain}", PLACEHOLDER_PATH, "", "a@[x/../y]", NULL},
    {"{recipient}", PLACEHOLDER_WORD, "", "Alice@Example.ORG", "Alice@Example.ORG"},
    {"--to={recipient}", PLACEHOLDER_WORD, "", "-x@x.org", "--to=-x@x.org"},
    {"{recipient}", PLACEHOLDER_WORD, "", "-x@x.org", NULL},
    {"{sender}", PLACEHOLDER_WORD, "", "a@x.org", ""},
    {"{sender}", PLACEHOLDER_WORD, "--evil@x", "a@x.org", NULL},
    {"<{sender}>", PLACEHOLDER_WORD, "s@y.org", "a@x.org", "<s@y.org>"},
};

static void test_expand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expansions / sizeof expansions[0]; i++) {
        struct buf to;
        buf_init(&to, 1000);
        bool is_made = placeholder_expand(slice_str(expansions[i].text), expansions[i].use,
                                          expansions[i].sender, expansions[i].rcpt, &to);
        if (is_made != (expansions[i].want != NULL))
            fail_msg("%s for %s", expansions[i].text, expansions[i].rcpt);
        if (expansions[i].want)
            assert_true(slice_equal(buf_slice(&to), slice_str(expansions[i].want)));
        buf_close(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_expand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
