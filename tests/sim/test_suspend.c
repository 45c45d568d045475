// SPDX-License-Identifier: BSD-2-Clause
// What operators suspend is not tried until it is resumed or its end has come, whatever happens
// meanwhile, and nothing is given back for it; everybody else's mail goes on.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char config[] =
    "retry = ( { for = \"*\", jitter = \"0%\" } )\n"
    "route = ( { for = \"example.com\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "  { for = \"example.org\", to = [ \"smtp://192.0.2.9:25\" ] },\n"
    "  { for = \"*\", to = [ \"smtp://192.0.2.2:25\" ] } )\n";

struct stage {
    struct world *w;
    struct host *com, *others, *home;
};

static struct stage make_stage(const char *more)
{
    char text[1024];
    snprintf(text, sizeof text, "%s%s", config, more);
    struct stage s = {
        .w = world_new(&(struct world_options){.seed = 4, .config = text, .keeps_trace = true})};
    s.com = world_host(s.w, "192.0.2.1");
    s.others = world_host(s.w, "192.0.2.2");
    s.home = world_host(s.w, "192.0.2.9");
    return s;
}

static void send(struct stage *s, const char *sender, const char *rcpts)
{
    assert_int_not_equal(world_submit(s->w, sender, rcpts, "Subject: x\r\n\r\nx\r\n"), 0);
}

enum { WORDS_MAX = 4 };

// The words are separated by blanks; returns the answer.
static const char *ask(struct stage *s, int want_exit, const char *verb, const char *words)
{
    char copy[256];
    const char *split[WORDS_MAX];
    size_t count = 0;
    int code;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        split[count++] = at;
    const char *answer = world_ask(s->w, verb, split, count, &code);
    if (code != want_exit)
        print_error("%s %s: exit %d, %s\n", verb, words, code, answer);
    assert_int_equal(code, want_exit);
    return answer;
}

// Each way to name the same mail.
static void test_is_not_tried(void **state)
{
    static const struct {
        const char *target;
        bool holds_others;
    } rows[] = {
        {"example.com", false},
        {"smtp://192.0.2.1:25", false},
        {"EXAMPLE.COM", false},
        {"from=a@example.org", true},
        {"from=A@example.org", true},
        {"from=example.org", true},
        {"from=*", true},
        {"--all", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stage s = make_stage("");
        char words[64];
        snprintf(words, sizeof words, "%s --for=2h --reason=move", rows[i].target);
        ask(&s, 0, "suspend", words);
        send(&s, "a@example.org", "b@example.com");
        send(&s, "a@example.org", "b@else.example");
        world_run(s.w, TIME_HOUR_MS);
        assert_int_equal(s.com->connections, 0);
        assert_int_equal(s.others->received_count, rows[i].holds_others ? 0 : 1);
        world_free(s.w);
    }
}

// What a destination's, sender's or everybody's mail waits for stands in every listing.
static void test_is_shown(void **state)
{
    (void)state;
    static const char *const targets[] = {"example.com", "smtp://192.0.2.1:25",
                                          "from=a@example.org", "--all"};
    static const char says[] = "suspended until 2026-01-01T02:00:00Z by sim: move";
    static const char *const formats[] = {"table", "postfix", "sendmail", "json", "jsonl", "csv"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct stage s = make_stage("");
        char words[64];
        snprintf(words, sizeof words, "%s --for=2h --reason=move", targets[i]);
        ask(&s, 0, "suspend", words);
        send(&s, "a@example.org", "b@example.com");
        world_run(s.w, TIME_MINUTE_MS);
        for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
            snprintf(words, sizeof words, "--format=%s", formats[k]);
            if (!strstr(ask(&s, 0, "list", words), says))
                fail_msg("%s, %s: %s", targets[i], formats[k], world_last_reply(s.w));
        }
        if (!strstr(ask(&s, 0, "list", "--format=jsonl"),
                    "\\\"next_attempt\\\": \\\"2026-01-01T02:00:00Z\\\", \\\"expires\\\": null"))
            fail_msg("%s: %s", targets[i], world_last_reply(s.w));
        if (!strstr(
                ask(&s, 0, "why", "b@example.com"),
                "(in 1h58m), by the end of the suspension\\n  warning:    2026-01-01T04:00+00:00 "
                "(in 3h58m)\\n  gives up:   not while it is suspended"))
            fail_msg("%s: %s", targets[i], world_last_reply(s.w));
        assert_non_null(strstr(ask(&s, 0, "stats", ""), "until 2026-01-01T02:00:00Z"));
        assert_non_null(strstr(ask(&s, 0, "suspend", ""), "until 2026-01-01T02:00:00Z"));
        assert_non_null(strstr(ask(&s, 0, "suspend", "--format=jsonl"), "2026-01-01T02:00:00Z"));
        world_free(s.w);
    }
}

// Without an end nothing says when; with one, a rest that lasts longer counts.
static void test_is_told_without_end(void **state)
{
    (void)state;
    static const char *const targets[] = {"example.com", "smtp://192.0.2.1:25",
                                          "from=a@example.org", "--all"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct stage s = make_stage("");
        char words[64];
        s.com->state = HOST_DOWN;
        send(&s, "a@example.org", "b@example.com");
        world_run(s.w, 3 * TIME_HOUR_MS); // it rests for half an hour at a time
        ask(&s, 0, "suspend", targets[i]);
        world_run(s.w, TIME_MINUTE_MS);
        if (!strstr(ask(&s, 0, "why", "b@example.com"),
                    "next try:   when it is resumed\\n  warning:    2026-01-01T04:00+00:00 (in "
                    "58m59s)\\n  gives up:   not while it is suspended"))
            fail_msg("%s: %s", targets[i], world_last_reply(s.w));
        assert_non_null(strstr(ask(&s, 0, "list", ""), "on resume  -  "));
        snprintf(words, sizeof words, "%s --for=1m", targets[i]);
        ask(&s, 0, "suspend", words);
        if (!strstr(ask(&s, 0, "why", "b@example.com"),
                    "next try:   2026-01-01T03:20+00:00 (in 19m), by rest of the destination"))
            fail_msg("%s: %s", targets[i], world_last_reply(s.w));
        world_free(s.w);
    }
}

// Each kind ends at its time, or by hand, and then the mail goes at once; restarts and crashes
// between change nothing.
static void check_end(const char *target, bool by_hand, bool crashes)
{
    struct stage s = make_stage("");
    char words[64];
    snprintf(words, sizeof words, "%s --for=%s", target, by_hand ? "9h" : "2h");
    ask(&s, 0, "suspend", words);
    for (int i = 0; i < 5; i++)
        send(&s, "a@example.org", "b@example.com");
    for (int i = 0; i < 11; i++) {
        world_run(s.w, 10 * TIME_MINUTE_MS);
        crashes ? world_crash(s.w) : world_restart(s.w);
    }
    assert_int_equal(s.com->connections, 0);
    if (by_hand)
        ask(&s, 0, "resume", target);
    world_run(s.w, by_hand ? TIME_MINUTE_MS : 11 * TIME_MINUTE_MS);
    if (s.com->received_count != 5)
        print_error("%s by_hand=%d crashes=%d: %u\n%s", target, by_hand, crashes,
                    s.com->received_count, s.w->trace.p);
    assert_int_equal(s.com->received_count, 5);
    assert_int_equal(world_queued(s.w), 0);
    assert_non_null(strstr(s.w->trace.p, by_hand ? "operator sim: resume" : "come to its end"));
    assert_non_null(strstr(ask(&s, 0, "suspend", ""), "Nothing is suspended"));
    world_free(s.w);
}

static void test_ends(void **state)
{
    static const char *const targets[] = {"example.com", "smtp://192.0.2.1:25",
                                          "from=a@example.org", "--all"};
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        for (int k = 0; k < 4; k++)
            check_end(targets[i], k & 1, k & 2);
}

// A suspended sender's mail lies in front of everybody else's, and is read once.
static void test_others_go_on(void **state)
{
    (void)state;
    struct stage s = make_stage("");
    ask(&s, 0, "suspend", "from=a@example.org");
    for (int i = 0; i < 500; i++)
        send(&s, "a@example.org", "b@example.com");
    world_restart(s.w); // what is in memory came out of the spool from now on
    for (int i = 0; i < 20; i++)
        send(&s, "c@example.org", "b@example.com");
    world_run(s.w, TIME_MINUTE_MS);
    assert_int_equal(s.com->received_count, 20);
    uint32_t pages = s.w->ops[OP_DUE];
    world_run(s.w, TIME_DAY_MS);
    assert_int_equal(s.w->ops[OP_DUE], pages);
    world_restart(s.w); // where it is put off anew
    world_run(s.w, TIME_MINUTE_MS);
    assert_null(strstr(s.w->trace.p, "the clock was ahead")); // it was not
    ask(&s, 0, "resume", "from=a@example.org");
    world_run(s.w, TIME_MINUTE_MS);
    assert_int_equal(s.com->received_count, 520);
    world_free(s.w);
}

// Nothing is given back while it is suspended, nor before one real attempt behind it; the warning
// is sent all the same.
static void test_does_not_expire(void **state)
{
    static const char *const targets[] = {"example.com", "from=a@example.org", "--all"};
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct stage s = make_stage("");
        s.com->state = HOST_DOWN;
        send(&s, "a@example.org", "b@example.com");
        world_run(s.w, TIME_HOUR_MS);
        ask(&s, 0, "suspend", targets[i]);
        world_run(s.w, 10 * TIME_DAY_MS);
        assert_int_equal(world_queued(s.w), i == 2 ? 2 : 1); // its warning waits, too
        s.com->state = HOST_UP;
        ask(&s, 0, "resume", targets[i]);
        world_run(s.w, 31 * TIME_MINUTE_MS);
        assert_int_equal(s.com->received_count, 1);
        assert_int_equal(host_count_notices(s.home, "Action: delayed", "b@example.com"), 1);
        assert_int_equal(host_count_notices(s.home, "Next try:", "b@example.com"), 0);
        assert_int_equal(host_count_notices(s.home, "Will-Retry-Until:", "b@example.com"), 0);
        assert_int_equal(host_count_notices(s.home, "Action: failed", "b@example.com"), 0);
        world_free(s.w);
    }
}

// A warning names no time at which something is to happen that will not.
static void test_warnings_say_when(void **state)
{
    static const char *const targets[] = {"example.com --for=10d", "from=a@example.org --for=10d"};
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct stage s = make_stage("");
        ask(&s, 0, "suspend", targets[i]);
        send(&s, "a@example.org", "b@example.com");
        world_run(s.w, 5 * TIME_HOUR_MS);
        assert_int_equal(host_count_notices(s.home, "Next try:  2026-01-11 00:00:00",
                                            "Will-Retry-Until: Sun, 11 Jan 2026 00:00:00"),
                         1);
        world_free(s.w);
    }
}

// A crash at any moment of suspending and resuming: it is one or the other, and no mail is left
// behind in between.
static void test_crashes(void **state)
{
    static const char *const targets[] = {"example.com", "from=a@example.org", "--all"};
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        for (uint64_t at = 1; at <= 40; at++) {
            struct stage s = make_stage("");
            const char *words[] = {targets[i], "--for=9h"};
            int code;
            for (int k = 0; k < 3; k++)
                send(&s, "a@example.org", "c@nowhere.example");
            s.w->crash_after = s.w->effects + at;
            world_ask(s.w, "suspend", words, 2, &code);
            world_run(s.w, TIME_MINUTE_MS);
            world_ask(s.w, "suspend", words, 2, &code);
            send(&s, "a@example.org", "b@example.com");
            world_run(s.w, 20 * TIME_MINUTE_MS);
            assert_int_equal(s.com->received_count, 0);
            s.w->crash_after = s.w->effects + at;
            world_ask(s.w, "resume", words, 1, &code);
            world_run(s.w, TIME_MINUTE_MS);
            world_ask(s.w, "resume", words, 1, &code); // which it may be
            world_run(s.w, TIME_MINUTE_MS);
            assert_int_equal(world_queued(s.w), 0);
            assert_in_range(s.com->received_count, 1, 2); // twice, when it was just delivered
            world_free(s.w);
        }
}

// A flush does not override it, and says so.
static void test_flush(void **state)
{
    static const char *const targets[] = {"example.com", "from=a@example.org", "--all"};
    (void)state;
    for (int is_queue = 0; is_queue < 2; is_queue++)
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
            struct stage s = make_stage(is_queue ? "mode = \"queue\"\n" : "");
            ask(&s, 0, "suspend", targets[i]);
            send(&s, "a@example.org", "b@example.com");
            assert_non_null(strstr(ask(&s, 0, "flush", ""), "still suspended, and not tried: 1"));
            world_run(s.w, TIME_MINUTE_MS);
            ask(&s, 0, "flush", "from=a@example.org");
            world_run(s.w, TIME_MINUTE_MS);
            assert_int_equal(s.com->connections, 0);
            ask(&s, 0, "resume", targets[i]);
            ask(&s, 0, "flush", "");
            world_run(s.w, TIME_MINUTE_MS);
            assert_int_equal(s.com->received_count, 1);
            world_free(s.w);
        }
}

static void test_interactive(void **state)
{
    static const char *const targets[] = {"example.com", "smtp://192.0.2.1:25",
                                          "from=a@example.org", "--all"};
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct stage s = make_stage("mode = \"interactive\"\n");
        ask(&s, 0, "suspend", targets[i]);
        int64_t began_ms = s.w->now_ms;
        send(&s, "a@example.org", "b@example.com");
        assert_true(s.w->now_ms - began_ms < TIME_SECOND_MS); // nobody waited for what cannot be
        assert_int_equal(s.com->connections, 0);
        ask(&s, 0, "resume", targets[i]);
        world_run(s.w, TIME_MINUTE_MS);
        assert_int_equal(s.com->received_count, 1);
        world_free(s.w);
    }
}

// The rest of a suspended destination goes on; when it is resumed behind its end, it is probed.
static void test_rest_goes_on(void **state)
{
    (void)state;
    struct stage s = make_stage("");
    s.com->state = HOST_DOWN;
    send(&s, "a@example.org", "b@example.com");
    world_run(s.w, TIME_MINUTE_MS);
    ask(&s, 0, "suspend", "example.com");
    world_run(s.w, TIME_HOUR_MS);
    uint32_t connections = s.com->connections;
    s.com->state = HOST_UP;
    ask(&s, 0, "resume", "example.com");
    world_run(s.w, TIME_SECOND_MS);
    assert_int_equal(s.com->connections, connections + 1);
    assert_int_equal(s.com->received_count, 1);
    world_free(s.w);
}

static void test_bad_input(void **state)
{
    static const struct {
        int exit;
        const char *verb, *words, *says;
    } rows[] = {
        {66, "suspend", "exmaple.com", "did you mean example.com?"},
        {66, "suspend", "unheard.of", "--force"},
        {0, "suspend", "unheard.of --force", "until it is resumed"},
        {66, "resume", "unheard.og", "did you mean unheard.of?"},
        {66, "resume", "--all", "is not suspended"},
        {64, "resume", "", "resume what?"},
        {64, "suspend", "--for=2h", "suspend what?"},
        {64, "suspend", "a@example.com", "from=PATTERN"},
        {64, "suspend", "to=example.com", "from=PATTERN"},
        {64, "suspend", "example.com --for=soon", "length of time"},
        {64, "suspend", "example.com --for=0s", "length of time"},
        {64, "suspend", "example.com example.org", "at a time"},
        {64, "suspend", "example.com --all", "not both"},
        {64, "suspend", "--format=csv", "--format=jsonl"},
        {64, "resume", "example.com --for=1h", "suspend does"},
        {0, "suspend", "example.com --for=1h --dry-run", "would suspend example.com until"},
        {0, "resume", "unheard.of --dry-run", "would resume unheard.of"},
        {0, "suspend", "--format=json", "unheard.of"},
    };
    (void)state;
    struct stage s = make_stage("");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strstr(ask(&s, rows[i].exit, rows[i].verb, rows[i].words), rows[i].says))
            fail_msg("%s %s: %s", rows[i].verb, rows[i].words, world_last_reply(s.w));
    world_free(s.w);
}

// In mode "queue" a flush goes on for those that are not suspended meanwhile.
static void test_beside_a_flush(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 6,
        .config = "mode = \"queue\"\nlimit = ( { for = \"*\", connections = 1 } )\n"
                  "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
                  " { for = \"*\", to = [ \"smtp://192.0.2.2:25\" ] } )\n"});
    struct host *h = world_host(w, "192.0.2.2");
    const char *word = "one.example";
    int code;
    h->pace = PACE_SLOW_DOT;
    h->slow_ms = TIME_SECOND_MS;
    assert_int_not_equal(world_submit(w, "a@example.org", "b@one.example", "\r\nx\r\n"), 0);
    world_host(w, "192.0.2.1")->pace = PACE_SLOW_DOT;
    world_host(w, "192.0.2.1")->slow_ms = TIME_MINUTE_MS;
    for (int i = 0; i < 20; i++)
        assert_int_not_equal(world_submit(w, "a@example.org", "b@two.example", "\r\nx\r\n"), 0);
    world_ask(w, "flush", NULL, 0, &code);
    world_run(w, 3500);
    world_ask(w, "suspend", &word, 1, &code);
    assert_int_equal(code, 0);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    assert_int_equal(h->received_count, 20);
    world_free(w);
}

// The spool fails from the first such op on.
struct failing {
    struct world *w;
    enum op_kind behind;
    uint32_t postponed; // in the end
};

static void fail_behind(void *arg, const struct op *op)
{
    struct failing *f = arg;
    if (op->kind == f->behind)
        world_spool_fails(f->w, true);
    if (op->kind == OP_POSTPONE && !op->err)
        f->postponed++;
}

// What could not be put off, and later not be made due, is done when the spool can do it again.
static void test_spool_fails(void **state)
{
    (void)state;
    struct stage s = make_stage("");
    struct failing f = {.w = s.w, .behind = OP_ACCEPT};
    ask(&s, 0, "suspend", "from=a@example.org");
    s.w->stored = fail_behind;
    s.w->stored_arg = &f;
    send(&s, "a@example.org", "b@example.com");
    world_run(s.w, 10 * TIME_SECOND_MS);
    assert_int_equal(f.postponed, 0);
    world_spool_fails(s.w, false);
    world_run(s.w, 10 * TIME_SECOND_MS);
    assert_int_equal(f.postponed, 1);
    f.behind = OP_SUSPEND;
    ask(&s, 0, "resume", "from=a@example.org");
    world_run(s.w, 10 * TIME_SECOND_MS);
    assert_int_equal(s.com->received_count, 0);
    world_spool_fails(s.w, false);
    assert_true(world_run_until_empty(s.w, TIME_MINUTE_MS));
    assert_int_equal(s.com->received_count, 1);
    world_free(s.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_not_tried),
        cmocka_unit_test(test_is_shown),
        cmocka_unit_test(test_is_told_without_end),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_others_go_on),
        cmocka_unit_test(test_does_not_expire),
        cmocka_unit_test(test_warnings_say_when),
        cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_interactive),
        cmocka_unit_test(test_rest_goes_on),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_beside_a_flush),
        cmocka_unit_test(test_spool_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
