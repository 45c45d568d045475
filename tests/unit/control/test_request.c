// SPDX-License-Identifier: BSD-2-Clause
// Tests of control/request: command lines as they are typed, and what is refused before it can do
// harm.
#include "control/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORDS_MAX = 8 };

#define PLAN_FOR                                                                                   \
    "--for wants a length of time from 1ms to 36525d (100 years), such as 90s, 30m, 2h or 1d"
#define SUSPEND_FOR                                                                                \
    "--for wants a length of time from 1s to 36525d (100 years), such as 2h or 1d12h"

static const struct row {
    const char *verb, *words[WORDS_MAX];
    const char *want; // "" accepted, else the sentence
} rows[] = {
    {"list", {NULL}, ""},
    {"list", {"from=*", "--format=jsonl"}, ""},
    {"list", {"--format", "csv", "state=held"}, ""},
    {"list", {"--format"}, "--format is one of table, postfix, sendmail, json, jsonl and csv"},
    {"list", {"--format=xml"}, "--format is one of table, postfix, sendmail, json, jsonl and csv"},
    {"list", {"--dry-run"}, "list changes nothing, so --dry-run has no meaning with it"},
    {"list", {"--all"}, "list needs no --all"},
    {"list", {"--formt=csv"}, "--formt is no option here; did you mean --format?"},
    {"list", {"-x\x1b"}, "-x\\x1b is no option here"},
    {"list", {"--headers"}, "list knows no --headers, --body or --envelope; show does"},
    {"show", {"0A1B2C3D4E5F"}, ""},
    {"show", {"0A1B2C3D4E5F", "--headers"}, ""},
    {"show", {NULL}, "show takes exactly one queue id, such as 0A1B2C3D4E5F"},
    {"show", {"from=a@b"}, "show takes exactly one queue id, such as 0A1B2C3D4E5F"},
    {"show", {"0A1B2C3D4E5F", "from=a@b"}, "show takes exactly one queue id, such as 0A1B2C3D4E5F"},
    {"show",
     {"0A1B2C3D4E5F", "--format=json"},
     "show knows no --format; list, stats, why, plan and route do"},
    {"why", {"0A1B2C3D4E5F"}, ""},
    {"why", {"a=b@x.example", "--format=json"}, ""},
    {"why", {"smtp://relay.example:25", "--format", "text"}, ""},
    {"why", {"--", "-x@y.example"}, ""},
    {"why",
     {NULL},
     "why takes one queue id, one address, or one destination: a domain or the name of a next hop, "
     "such as smtp://relay.example:25"},
    {"why",
     {""},
     "why takes one queue id, one address, or one destination: a domain or the name of a next hop, "
     "such as smtp://relay.example:25"},
    {"why",
     {"a@x.example", "b@x.example"},
     "why takes one queue id, one address, or one destination: a domain or the name of a next hop, "
     "such as smtp://relay.example:25"},
    {"why", {"x.example", "--format=csv"}, "why prints --format=text or --format=json"},
    {"why", {"x.example", "--format"}, "why prints --format=text or --format=json"},
    {"why", {"x.example", "--for=1h"}, "--for is no option here"},
    {"why", {"x.example", "--dry-run"}, "why changes nothing, so --dry-run has no meaning with it"},
    {"route", {"a=b@x.example", "root", "--from", "<>", "--json"}, ""},
    {"route", {"--", "-x@y.example"}, ""},
    {"route", {"a@x.example", "--from"}, "--from wants a sender's address, or <> for notices"},
    {"route", {"a@x.example", "--format=csv"}, "route prints --format=text or --format=json"},
    {"plan", {NULL}, ""},
    {"plan", {"--for", "90m", "--format=json"}, ""},
    {"plan", {"--for=0"}, PLAN_FOR},
    {"plan", {"--for=-1h"}, PLAN_FOR},
    {"plan", {"--for"}, PLAN_FOR},
    {"plan", {"--for=soon"}, PLAN_FOR},
    {"plan", {"--for=36526d"}, PLAN_FOR},
    {"plan", {"--for=36525d"}, ""},
    {"plan",
     {"from=a@b"},
     "plan takes no words, it is of the whole queue; how far it looks ahead is --for=2h"},
    {"plan",
     {"x"},
     "plan takes no words, it is of the whole queue; how far it looks ahead is --for=2h"},
    {"plan", {"--format=csv"}, "plan prints --format=table or --format=json"},
    {"flush", {NULL}, ""},
    {"flush", {"domain=x.example", "--dry-run"}, ""},
    {"hold",
     {NULL},
     "hold without a filter would act on the whole queue; say --all if that is meant"},
    {"release",
     {NULL},
     "release without a filter would act on the whole queue; say --all if that is meant"},
    {"remove",
     {"--dry-run"},
     "remove without a filter would act on the whole queue; say --all if that is meant"},
    {"bounce",
     {"--reason=x"},
     "bounce without a filter would act on the whole queue; say --all if that is meant"},
    {"requeue",
     {"--"},
     "requeue without a filter would act on the whole queue; say --all if that is meant"},
    {"remove", {"--all"}, ""},
    {"remove", {"--all", "from=<>"}, "remove takes either a filter or --all, not both"},
    {"remove", {"from=<>", "--reason", "spam run", "--dry-run"}, ""},
    {"remove", {"from=<>", "--reason"}, "--reason wants a text"},
    {"remove", {"from=<>", "--reason="}, "--reason wants a text"},
    {"remove",
     {"--", "--all"},
     "'--all' is neither a queue id (12 hexadecimal digits) nor a term such as from=*@example.com"},
    {"remove",
     {"1 OR 1=1"},
     "'1 OR 1' is no filter key; there are from, to, domain, state, age, size, attempts, error and "
     "next"},
    {"stats", {NULL}, ""},
    {"stats", {"--format=json"}, ""},
    {"stats", {"--format=csv"}, "stats prints --format=table or --format=json"},
    {"stats", {"from=a@b"}, "stats takes no words, it is of the whole queue; list takes a filter"},
    {"stats", {"x"}, "stats takes no words, it is of the whole queue; list takes a filter"},
    {"suspend", {NULL}, ""},
    {"suspend", {"--format=jsonl"}, ""},
    {"suspend", {"example.com"}, ""},
    {"suspend", {"smtp://relay:25", "--for", "2h", "--reason=it moves"}, ""},
    {"suspend", {"from=*@example.com", "--for=1d12h", "--dry-run"}, ""},
    {"suspend", {"from=<>"}, ""},
    {"suspend", {"--all"}, ""},
    {"suspend", {"mx:mx1.example.net", "--force"}, ""},
    {"resume", {"example.com", "--reason=done"}, ""},
    {"resume", {"--all"}, ""},
    {"suspend",
     {"a@example.com"},
     "'a@example.com' is no destination: write a domain (example.com), a next hop as stats shows "
     "it "
     "(smtp://relay:25), or from=PATTERN for a sender"},
    {"suspend",
     {"\x1b=x"},
     "'\\x1b=x' is no destination: write a domain (example.com), a next hop as stats shows it "
     "(smtp://relay:25), or from=PATTERN for a sender"},
    {"suspend", {"a.example", "b.example"}, "one destination, or one from=PATTERN, at a time"},
    {"suspend", {"a.example", "--all"}, "either a destination or --all, not both"},
    {"suspend", {"--for=2h"}, "suspend what? Write a domain, a next hop, from=PATTERN, or --all"},
    {"suspend", {"a.example", "--for=soon"}, SUSPEND_FOR},
    {"suspend", {"a.example", "--for=100000d"}, SUSPEND_FOR},
    {"suspend", {"a.example", "--for=36525d"}, ""},
    {"suspend", {"a.example", "--for=500ms"}, SUSPEND_FOR},
    {"suspend", {"a.example", "--for"}, SUSPEND_FOR},
    {"suspend", {"--format=csv"}, "suspend prints --format=table, --format=json or --format=jsonl"},
    {"suspend",
     {"a.example", "--format=json"},
     "--format is for the listing, which suspend prints without a destination"},
    {"resume",
     {NULL},
     "resume what? Write a domain, a next hop, from=PATTERN, or --all; fermoposta suspend lists "
     "what "
     "is suspended"},
    {"resume", {"a.example", "--for=2h"}, "resume knows no --for and no --force; suspend does"},
    {"hold", {"--all", "--for=2h"}, "--for is no option here"},
    {"hold", {"--all", "--force"}, "--force is no option here"},
};

static void check_row(void **state)
{
    const struct row *r = *state;
    struct request q = {0};
    struct buf why;
    size_t count = 0;
    buf_init(&why, 1024);
    while (count < WORDS_MAX && r->words[count])
        count++;
    assert_true(request_verb_parse(r->verb, &q.verb));
    enum fp_err err = request_parse_words(&q, r->words, count, &why);
    if (!err)
        err = request_check(&q, &why);
    assert_string_equal(buf_slice(&why).p, r->want);
    assert_int_equal(err, r->want[0] ? FP_INVALID : FP_OK);
    buf_close(&why);
}

static void options_are_kept(void **state)
{
    (void)state;
    const char *const words[] = {"to=a@b", "--reason=why not", "--dry-run", "--", "age>1h"};
    struct request q = {.verb = VERB_HOLD, .all = true};
    struct buf why;
    buf_init(&why, 1024);
    assert_int_equal(request_parse_words(&q, words, 5, &why), FP_OK);
    assert_string_equal(q.reason, "why not");
    assert_true(q.dry_run);
    assert_false(q.all); // what was there before is not kept
    assert_int_equal(q.filter.count, 2);
    assert_int_equal(q.verb, VERB_HOLD);
}

static void reasons_have_a_maximum(void **state)
{
    (void)state;
    char reason[257];
    const char *words[] = {"--reason", reason};
    struct request q = {.verb = VERB_HOLD};
    struct buf why;
    buf_init(&why, 1024);
    memset(reason, 'x', sizeof reason);
    reason[255] = '\0';
    assert_int_equal(request_parse_words(&q, words, 2, &why), FP_OK);
    assert_int_equal(strlen(q.reason), 255);
    reason[255] = 'x';
    reason[256] = '\0';
    assert_int_equal(request_parse_words(&q, words, 2, &why), FP_INVALID);
    assert_string_equal(why.p, "--reason takes at most 255 octets");
    buf_close(&why);
}

// Terms beyond the maximum are refused, never dropped: what is left would select more than was
// meant.
static void too_many_terms_are_not_dropped(void **state)
{
    (void)state;
    const char *words[40];
    struct request q = {.verb = VERB_REMOVE};
    struct buf why;
    for (size_t count = 15; count <= 40; count++) {
        buf_init(&why, 1024);
        for (size_t i = 0; i < count; i++)
            words[i] = "attempts>1";
        assert_int_equal(request_parse_words(&q, words, count, &why),
                         count <= 16 ? FP_OK : FP_TOO_BIG);
        buf_close(&why);
    }
}

// A sender's domain stands for all of its senders; names are compared in lower case.
static void targets_are_read(void **state)
{
    static const struct {
        const char *word;
        enum suspension_kind kind;
        const char *name;
    } targets[] = {
        {"Example.COM", SUSPENSION_DESTINATION, "example.com"},
        {"Example.COM.", SUSPENSION_DESTINATION, "example.com"},
        {"from=example.com.", SUSPENSION_SENDER, "*@example.com"},
        {"smtp://Relay:25", SUSPENSION_DESTINATION, "smtp://Relay:25"},
        {"from=a@example.com", SUSPENSION_SENDER, "a@example.com"},
        {"from=example.com", SUSPENSION_SENDER, "*@example.com"},
        {"from=<a@example.com>", SUSPENSION_SENDER, "a@example.com"},
        {"from=*", SUSPENSION_SENDER, "*"},
        {"from=<>", SUSPENSION_SENDER, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct request q = {.verb = VERB_SUSPEND};
        struct buf why;
        buf_init(&why, 1024);
        assert_int_equal(request_parse_words(&q, &targets[i].word, 1, &why), FP_OK);
        assert_true(q.target.is_given);
        assert_int_equal(q.target.kind, targets[i].kind);
        assert_string_equal(q.target.name, targets[i].name);
        assert_true(request_does_change(&q));
        buf_close(&why);
    }
    assert_false(request_does_change(&(struct request){.verb = VERB_SUSPEND}));
}

static void verbs_have_names(void **state)
{
    (void)state;
    for (int v = 0; v < VERB_COUNT; v++) {
        enum request_verb back;
        assert_true(request_verb_parse(request_verb_name((enum request_verb)v), &back));
        assert_int_equal(back, v);
    }
    enum request_verb untouched = VERB_STATS;
    assert_false(request_verb_parse("delete", &untouched));
    assert_false(request_verb_parse("", &untouched));
    assert_int_equal(untouched, VERB_STATS);
}

static void callers_are_kept_apart(void **state)
{
    (void)state;
    assert_int_equal(request_scope_uid(&(struct request_caller){.uid = 0, .is_operator = true}),
                     -1);
    assert_int_equal(request_scope_uid(&(struct request_caller){.uid = 1000}), 1000);
    assert_int_equal(request_scope_uid(&(struct request_caller){.uid = 0}), 0);
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0], MORE = 6 };
    struct CMUnitTest tests[ROWS + MORE];
    char names[ROWS][96];
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(names[i], sizeof names[i], "%zu %s %.60s", i, rows[i].verb,
                 rows[i].words[0] ? rows[i].words[0] : "");
        tests[i] =
            (struct CMUnitTest){names[i], check_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    }
    tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(options_are_kept);
    tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(reasons_have_a_maximum);
    tests[ROWS + 2] = (struct CMUnitTest)cmocka_unit_test(too_many_terms_are_not_dropped);
    tests[ROWS + 3] = (struct CMUnitTest)cmocka_unit_test(verbs_have_names);
    tests[ROWS + 4] = (struct CMUnitTest)cmocka_unit_test(callers_are_kept_apart);
    tests[ROWS + 5] = (struct CMUnitTest)cmocka_unit_test(targets_are_read);
    return _cmocka_run_group_tests("request", tests, ROWS + MORE, NULL, NULL);
}
