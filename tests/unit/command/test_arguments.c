// SPDX-License-Identifier: BSD-2-Clause
// Command lines of fermoposta, mailq and postqueue.
#include "command/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

typedef enum fp_err parse(struct arguments *ret, const char *const *argv, size_t count,
                          struct buf *why);

static const struct line_case {
    const char *name;
    parse *parse;
    const char *argv[8];
    const char *want; // "verb FILE|word|word", "help VERB", "version", or "! sentence"
} cases[] = {
    {"verb", arguments_parse, {"list"}, "list -"},
    {"words stay as they are",
     arguments_parse,
     {"list", "from=<>", "--format=csv"},
     "list -|from=<>|--format=csv"},
    {"file before the verb", arguments_parse, {"-c", "f", "stats"}, "stats f"},
    {"file behind the words", arguments_parse, {"hold", "a>1h", "-cf"}, "hold f|a>1h"},
    {"file without a name", arguments_parse, {"hold", "-c"}, "! -c needs a value behind it"},
    {"a file is no word behind --", arguments_parse, {"hold", "--", "-c"}, "hold -|--|-c"},
    {"nor in the place of a reason",
     arguments_parse,
     {"hold", "--reason", "-c", "-c", "f"},
     "hold f|--reason|-c"},
    {"daemon", arguments_parse, {"daemon", "-c", "f"}, "daemon f"},
    {"check", arguments_parse, {"check"}, "check -"},
    {"simulate",
     arguments_parse,
     {"simulate", "--down", "a=1h", "-c", "f"},
     "simulate f|--down|a=1h"},
    {"no verb", arguments_parse, {NULL}, "! a verb is missing; fermoposta --help lists them"},
    {"near verb", arguments_parse, {"chekc"}, "! unknown verb \"chekc\"; did you mean \"check\"?"},
    {"far verb",
     arguments_parse,
     {"postpone"},
     "! unknown verb \"postpone\"; fermoposta --help lists the verbs"},
    {"option for a verb",
     arguments_parse,
     {"-q"},
     "! unknown option \"-q\"; fermoposta --help lists the verbs"},
    {"controls are shown harmless",
     arguments_parse,
     {"\033[2J"},
     "! unknown verb \"\\x1b[2J\"; fermoposta --help lists the verbs"},
    {"help", arguments_parse, {"--help"}, "help -"},
    {"help for a verb", arguments_parse, {"list", "x", "--help"}, "help list"},
    {"version", arguments_parse, {"--version"}, "version -"},
    {"mailq", arguments_parse_mailq, {NULL}, "list -|--format=postfix"},
    {"mailq with file and filter",
     arguments_parse_mailq,
     {"-C", "f", "-v", "age>1h"},
     "list f|--format=postfix|age>1h"},
    {"mailq help", arguments_parse_mailq, {"--help"}, "help list"},
    {"postqueue -p", arguments_parse_postqueue, {"-p"}, "list -|--format=postfix"},
    {"postqueue -j", arguments_parse_postqueue, {"-c", "f", "-j"}, "list f|--format=jsonl"},
    {"postqueue -f", arguments_parse_postqueue, {"-v", "-f"}, "flush -"},
    {"postqueue -i", arguments_parse_postqueue, {"-i", "0A1B2C3D4E5F"}, "flush -|0A1B2C3D4E5F"},
    {"postqueue -i attached",
     arguments_parse_postqueue,
     {"-i0A1B2C3D4E5F"},
     "flush -|0A1B2C3D4E5F"},
    {"postqueue -i alone", arguments_parse_postqueue, {"-i"}, "! -i needs a value behind it"},
    {"postqueue twice",
     arguments_parse_postqueue,
     {"-p", "-f"},
     "! only one of -p, -j, -f and -i ID can be asked for"},
    {"postqueue with something else",
     arguments_parse_postqueue,
     {"-x"},
     "! write one of -p, -j, -f and -i ID"},
    {"postqueue with a word",
     arguments_parse_postqueue,
     {"p"},
     "! write one of -p, -j, -f and -i ID"},
    {"postqueue alone",
     arguments_parse_postqueue,
     {NULL},
     "! write one of -p (list), -j (list as JSON), -f (flush) and -i ID (flush one)"},
};

static void describe(const struct arguments *a, struct buf *to)
{
    const char *verb = a->verb ? a->verb : "-";
    if (a->kind == ARGUMENTS_HELP || a->kind == ARGUMENTS_VERSION) {
        buf_addf(to, "%s %s", a->kind == ARGUMENTS_HELP ? "help" : "version", verb);
        return;
    }
    buf_addf(to, "%s %s", verb, a->config_file ? a->config_file : "-");
    for (size_t i = 0; i < a->count; i++)
        buf_addf(to, "|%s", a->words[i]);
}

static void reads_the_line(void **state)
{
    const struct line_case *c = *state;
    size_t count = 0;
    while (count < COUNT_OF(c->argv) && c->argv[count])
        count++;
    struct arguments a;
    struct buf why, got;
    buf_init(&why, ARGUMENTS_WHY_MAX);
    buf_init(&got, ARGUMENTS_WHY_MAX);
    if (c->parse(&a, c->argv, count, &why) == FP_OK)
        describe(&a, &got);
    else
        buf_addf(&got, "! %s", why.p);
    assert_string_equal(got.p, c->want);
    arguments_close(&a);
    buf_close(&why);
    buf_close(&got);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] =
            (struct CMUnitTest){cases[i].name, reads_the_line, NULL, NULL, (void *)&cases[i]};
    return _cmocka_run_group_tests("arguments", tests, COUNT_OF(cases), NULL, NULL);
}
