// SPDX-License-Identifier: BSD-2-Clause
// Addresses given to sendmail become complete ones, or are refused.
#include "command/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const struct word_case {
    const char *name, *word, *want; // want: addresses, or "! sentence"
} senders[] =
    {
        {"sender: as it is", "a@b.example", "a@b.example"},
        {"sender: in brackets", "<a@b.example>", "a@b.example"},
        {"sender: with a name", "A B <a@b.example>", "a@b.example"},
        {"sender: without a domain", "root", "root@host.example"},
        {"sender: null by nothing", "", ""},
        {"sender: null by brackets", "<>", ""},
        {"sender: two", "a@b.example, c@d.example",
         "! bad sender address \"a@b.example, c@d.example\""},
        {"sender: none", "a@b@c", "! bad sender address \"a@b@c\""},
        {"sender: shown harmless", "a\nb", "! bad sender address \"a b\""},
},
  recipients[] = {
      {"recipient: one", "a@b.example", "a@b.example"},
      {"recipient: a list", "a@b.example,c, D <e@f.example>",
       "a@b.example c@host.example e@f.example"},
      {"recipient: twice in a list", "a@b.example,c,a@b.example", "a@b.example c@host.example"},
      {"recipient: letters of the local part count", "A@b.example,a@b.example",
       "A@b.example a@b.example"},
      {"recipient: nothing", "", "! bad recipient address \"\""},
      {"recipient: the null sender", "<>", "! bad recipient address \"<>\""},
      {"recipient: none in the middle", "a@b.example,x@,c", "! bad recipient address \"x@\""},
};

typedef enum fp_err take_word(struct envelope *e, const char *word, const char *hostname,
                              struct buf *why);

static void check(const struct word_case *c, take_word *take)
{
    struct envelope e = {0};
    struct buf why, got;
    buf_init(&why, 4096);
    buf_init(&got, 4096);
    buf_add_str(&got, "");
    if (take(&e, c->word, "host.example", &why) == FP_OK) {
        envelope_drop_duplicates(&e);
        buf_add_str(&got, e.sender ? e.sender : "");
        for (size_t i = 0; i < e.rcpt_count; i++)
            buf_addf(&got, "%s%s", i ? " " : "", e.rcpts[i]);
    } else {
        buf_addf(&got, "! %s", why.p);
    }
    assert_string_equal(got.p, c->want);
    envelope_close(&e);
    buf_close(&why);
    buf_close(&got);
}

static void takes_sender(void **state)
{
    check(*state, envelope_set_sender);
}

static void takes_recipients(void **state)
{
    check(*state, envelope_add_recipients);
}

static void duplicates_go_and_order_stays(void **state)
{
    (void)state;
    static const char *const given[] = {"z@x", "a@x", "z@x", "m@x", "a@x", "z@x", "b@x"};
    static const char *const want[] = {"z@x", "a@x", "m@x", "b@x"};
    struct envelope e = {0};
    envelope_drop_duplicates(&e); // none at all
    for (size_t i = 0; i < COUNT_OF(given); i++)
        envelope_add_address(&e, given[i]);
    envelope_drop_duplicates(&e);
    assert_int_equal(e.rcpt_count, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++)
        assert_string_equal(e.rcpts[i], want[i]);
    envelope_close(&e);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(senders) + COUNT_OF(recipients) + 1];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(senders); i++)
        tests[n++] =
            (struct CMUnitTest){senders[i].name, takes_sender, NULL, NULL, (void *)&senders[i]};
    for (size_t i = 0; i < COUNT_OF(recipients); i++)
        tests[n++] = (struct CMUnitTest){recipients[i].name, takes_recipients, NULL, NULL,
                                         (void *)&recipients[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(duplicates_go_and_order_stays);
    return _cmocka_run_group_tests("envelope", tests, n, NULL, NULL);
}
