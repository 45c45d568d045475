// SPDX-License-Identifier: BSD-2-Clause
// Tests of deliver/survey: whole ways as text, with a small DNS.
#include "deliver/survey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct zone_row {
    const char *name;
    enum dns_type type;
    enum dns_result result;
    uint16_t preference;
    const char *value;
} zone[] = {
    {"two.example", DNS_TYPE_MX, DNS_ANSWER_OK, 20, "mx2.two.example"},
    {"two.example", DNS_TYPE_MX, DNS_ANSWER_OK, 10, "mx1.two.example"},
    {"mx1.two.example", DNS_TYPE_A, DNS_ANSWER_OK, 0, "192.0.2.1"},
    {"mx1.two.example", DNS_TYPE_AAAA, DNS_ANSWER_OK, 0, "2001:db8::1"},
    {"mx2.two.example", DNS_TYPE_A, DNS_ANSWER_OK, 0, "192.0.2.2"},
    {"null.example", DNS_TYPE_MX, DNS_ANSWER_OK, 0, ""},
    {"own.example", DNS_TYPE_MX, DNS_ANSWER_OK, 10, "mx1.two.example"},
    {"own.example", DNS_TYPE_MX, DNS_ANSWER_OK, 20, "Mail.here.example"},
    {"own.example", DNS_TYPE_MX, DNS_ANSWER_OK, 30, "mx2.two.example"},
    {"own.example", DNS_TYPE_MX, DNS_ANSWER_OK, 5, "192.0.2.9"},
    {"implicit.example", DNS_TYPE_MX, DNS_ANSWER_NODATA, 0, NULL},
    {"implicit.example", DNS_TYPE_A, DNS_ANSWER_OK, 0, "192.0.2.3"},
    {"broken.example", DNS_TYPE_MX, DNS_ANSWER_SERVFAIL, 0, NULL},
    {"relay.example", DNS_TYPE_A, DNS_ANSWER_OK, 0, "192.0.2.4"},
};
enum { ZONE_ROWS = sizeof zone / sizeof zone[0], ANSWER_MAX = 8 };

static struct dns_answer *look_up(const char *name, enum dns_type type)
{
    struct dns_answer *a = calloc(1, sizeof *a + ANSWER_MAX * sizeof a->records[0]);
    a->type = type;
    a->result = DNS_ANSWER_NXDOMAIN;
    for (size_t i = 0; i < ZONE_ROWS; i++) {
        if (strcmp(zone[i].name, name) != 0)
            continue;
        if (zone[i].type != type) {
            a->result =
                a->count || a->result == DNS_ANSWER_SERVFAIL ? a->result : DNS_ANSWER_NODATA;
            continue;
        }
        a->result = zone[i].result;
        if (!zone[i].value)
            continue;
        struct dns_record *r = &a->records[a->count++];
        r->preference = zone[i].preference;
        snprintf(type == DNS_TYPE_MX ? r->name : r->ip, sizeof r->ip, "%s", zone[i].value);
    }
    return a;
}

static void print(const struct survey *s, struct buf *to)
{
    uint32_t count;
    const struct survey_step *steps = survey_steps(s, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct survey_step *it = &steps[i];
        if (it->kind == SURVEY_ANSWER) {
            buf_addf(to, "%s %d", it->name, it->answer->type);
            for (uint32_t k = 0; it->uses && k < it->answer->count; k++)
                buf_addf(to, " %s/%u", it->answer->records[k].name, it->uses[k]);
        } else if (it->kind == SURVEY_TRY && it->path) {
            buf_addf(to, "try %s%s", it->is_command ? "$ " : "", it->path);
        } else if (it->kind == SURVEY_TRY) {
            buf_addf(to, "try %s[%s]:%u", it->host, it->ip, it->port);
        } else {
            buf_addf(to, "note %s", it->note->status);
        }
        buf_addf(to, " (%u)\n", it->target);
    }
    buf_addf(to, "%u tries%s, %s\n", survey_tries(s), survey_is_cut(s) ? " at most" : "",
             survey_end(s) ? survey_end(s)->status : "-");
}

static const struct {
    const char *domain, *targets[3], *want;
    uint32_t last;
} rows[] = {
    {"two.example",
     {"mx"},
     "two.example 15 mx2.two.example/0 mx1.two.example/0 (0)\n"
     "mx1.two.example 28 (0)\nmx1.two.example 1 (0)\n"
     "try mx1.two.example[2001:db8::1]:25 (0)\ntry mx1.two.example[192.0.2.1]:25 (0)\n"
     "mx2.two.example 28 (0)\nmx2.two.example 1 (0)\n"
     "try mx2.two.example[192.0.2.2]:25 (0)\n3 tries, -\n"},
    {"null.example", {"mx"}, "null.example 15 /3 (0)\nnote 5.1.10 (0)\n0 tries, 5.1.10\n"},
    {"own.example",
     {"mx"},
     "own.example 15 mx1.two.example/0 Mail.here.example/1 mx2.two.example/2 192.0.2.9/3 (0)\n"
     "mx1.two.example 28 (0)\nmx1.two.example 1 (0)\n"
     "try mx1.two.example[2001:db8::1]:25 (0)\ntry mx1.two.example[192.0.2.1]:25 (0)\n"
     "2 tries, -\n"},
    {"implicit.example",
     {"mx"},
     "implicit.example 15 (0)\nimplicit.example 28 (0)\nimplicit.example 1 (0)\n"
     "try implicit.example[192.0.2.3]:25 (0)\n1 tries, -\n"},
    {"gone.example", {"mx"}, "gone.example 15 (0)\nnote 5.1.2 (0)\n0 tries, 5.1.2\n"},
    // What may pass outweighs what will not, wherever it stands.
    {"gone.example",
     {"smtp://nowhere.example", "mx"},
     "nowhere.example 28 (0)\nnowhere.example 1 (0)\nnote 4.3.5 (0)\n"
     "gone.example 15 (1)\nnote 5.1.2 (1)\n0 tries, 4.3.5\n"},
    {"broken.example",
     {"mx", "smtp://relay.example:26"},
     "broken.example 15 (0)\nnote 4.4.3 (0)\nrelay.example 28 (1)\nrelay.example 1 (1)\n"
     "try relay.example[192.0.2.4]:26 (1)\n1 tries, 4.4.3\n"},
    {"[192.0.2.7]", {"mx"}, "try 192.0.2.7[192.0.2.7]:25 (0)\n1 tries, -\n"},
    {"two.example",
     {"smtps://192.0.2.8", "error:5.7.1 not that way"},
     "try 192.0.2.8[192.0.2.8]:465 (0)\nnote 5.7.1 (1)\n1 tries, 5.7.1\n"},
    {"two.example",
     {"smtp://192.0.2.8", "smtp://192.0.2.9", "error:4.7.1 later"},
     "try 192.0.2.9[192.0.2.9]:25 (1)\ntry 192.0.2.8[192.0.2.8]:25 (0)\nnote 4.7.1 (2)\n"
     "2 tries, 4.7.1\n",
     5}, // what decides in any case stays behind them
    {"two.example", {"discard:"}, "note 2.0.0 (0)\n0 tries, 2.0.0\n"},
    {"two.example", {"maildir:///var/mail/{user}"}, "try /var/mail/b (0)\n1 tries, -\n"},
    {"two.example",
     {"pipe:///bin/x -f {recipient}", "lmtp:///run/s"},
     "try $ /bin/x -f b@two.example (0)\ntry /run/s (1)\n2 tries, -\n"},
};

static void whole_ways(void **state)
{
    (void)state;
    const struct session_settings settings = {.hostname = "mail.here.example", .smtp_port = 25};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct target targets[3];
        uint32_t count = 0;
        char rcpt[64];
        for (; count < 3 && rows[i].targets[count]; count++)
            assert_int_equal(target_parse(slice_str(rows[i].targets[count]), &targets[count], NULL),
                             FP_OK);
        snprintf(rcpt, sizeof rcpt, "b@%s", rows[i].domain);
        struct survey *s = survey_new(&settings, &(struct survey_mail){.domain = rows[i].domain,
                                                                       .sender = "",
                                                                       .rcpt = rcpt,
                                                                       .targets = targets,
                                                                       .target_count = count,
                                                                       .last = rows[i].last,
                                                                       .seed = 1});
        const char *name;
        enum dns_type type;
        while (survey_pull_question(s, &name, &type)) {
            struct dns_answer *a = look_up(name, type);
            survey_answer(s, name, a, false);
            free(a);
        }
        struct buf got;
        buf_init(&got, 65536);
        assert_true(survey_is_over(s));
        print(s, &got);
        assert_string_equal(got.p, rows[i].want);
        buf_close(&got);
        survey_free(s);
        for (uint32_t t = 0; t < count; t++)
            target_close(&targets[t]);
    }
    survey_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_ways)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
