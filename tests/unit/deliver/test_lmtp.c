// SPDX-License-Identifier: BSD-2-Clause
// LMTP: a reply for each recipient behind the end mark, whatever becomes of the connection then.
// And routes that are no host: error:, discard:.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const rcpts[] = {"a@d.example", "b@d.example", "c@d.example"};
static const struct target by_tcp = {.kind = TARGET_LMTP, .host = (char *)"192.0.2.1", .port = 24};
static const struct target by_path = {.kind = TARGET_LMTP_UNIX, .text = (char *)"/run/x/lmtp"};
#define BODY "Subject: x\r\n\r\n.hello\r\n"
#define OK   "250 2.0.0 saved\r\n"

static const struct session_batch three = {"s@e.example", rcpts, 3, sizeof BODY - 1, false};

// D delivered, T deferred, F failed, ? in doubt.
static void letters(const struct world *w, uint32_t count, char *to)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = !w->has_outcome[i]        ? '-'
                : w->outcomes[i].in_doubt ? '?'
                                          : "DTF"[w->outcomes[i].result];
    to[count] = '\0';
}

static const struct {
    const char *name;
    struct script_step steps[5];
    const char *want;
    bool can_reuse;
} cases[] = {
    {"all", {{".", OK OK OK}}, "DDD", true},
    {"some", {{".", OK "452 4.2.2 full\r\n550 5.2.0 no\r\n"}}, "DTF", true},
    {"multi-line", {{".", "250-a\r\n250 b\r\n" OK "250-c\r\n250-d\r\n250 e\r\n"}}, "DDD", true},
    {"none of those refused",
     {{"RCPT", "250 ok\r\n"}, {"RCPT", "550 5.1.1 no\r\n"}, {".", OK OK}},
     "DFD",
     true},
    {"the first refused",
     {{"RCPT", "550 5.1.1 no\r\n"}, {".", "552 5.2.2 full\r\n" OK}},
     "FFD",
     true},
    {"too few, then closed", {{".", OK "<CLOSE>"}}, "D??", false},
    {"too few, then reset", {{".", OK "550 5.2.0 no\r\n<RST>"}}, "DF?", false},
    {"too few, then nothing", {{".", OK OK "<HANG>"}}, "DD?", false},
    {"none, closed", {{".", "<CLOSE>"}}, "???", false},
    {"half of the second", {{".", OK "25<CLOSE>"}}, "D??", false},
    {"garbage for the second", {{".", OK "hello\r\n"}}, "D??", false},
    {"421 for the second", {{".", OK "421 4.3.2 bye\r\n<CLOSE>"}}, "DT?", false},
    {"421 for the last", {{".", OK OK "421 4.3.2 bye\r\n<CLOSE>"}}, "DDT", false},
    {"too many", {{".", OK OK OK OK}}, "DDD", false},
    {"nobody accepted",
     {{"RCPT", "550 5.1.1 a\r\n"}, {"RCPT", "450 4.2.1 b\r\n"}, {"RCPT", "550 5.1.1 c\r\n"}},
     "FTF",
     true},
    {"nobody accepted, and go on",
     {{"RCPT", "550 5.1.1 a\r\n"},
      {"RCPT", "450 4.2.1 b\r\n"},
      {"RCPT", "550 5.1.1 c\r\n"},
      {"DATA", "354 go\r\n"}},
     "FTF",
     false},
    {"DATA refused", {{"DATA", "451 4.3.0 later\r\n"}}, "TTT", true},
};

static void run(size_t i, bool has_pipelining, size_t chunk_size)
{
    struct script script = {.ehlo = has_pipelining ? NULL : "250 mx\r\n"};
    memcpy(script.steps, cases[i].steps, sizeof cases[i].steps);
    struct world w = {
        .scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY), .chunk_size = chunk_size};
    char got[4];
    world_open(&w, &by_tcp, 1, "d.example");
    world_give(&w, &three);
    letters(&w, 3, got);
    if (strcmp(got, cases[i].want) != 0)
        print_error("%s\n", cases[i].name);
    assert_string_equal(got, cases[i].want);
    assert_int_equal(w.done_count, 1);
    assert_int_equal(w.connections, 1);
    assert_non_null(strstr(w.trace.p, "LHLO me.example"));
    assert_null(strstr(w.trace.p, "EHLO"));
    if (chunk_size != 1) // else surplus may come later, and ends the connection then
        assert_int_equal(w.can_reuse, cases[i].can_reuse);
    world_close(&w);
}

static void test_replies_to_the_end_mark(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int how = 0; how < 4; how++) {
            bool needs_pipelining = strstr(cases[i].name, "go on") != NULL;
            run(i, (how & 1) || needs_pipelining, (how & 2) ? 1 : 0);
        }
}

// What was said of the first ones is told while the others' replies are awaited; failures are not.
static void test_told_as_they_come(void **state)
{
    (void)state;
    static const struct {
        const char *replies, *told;
    } rows[] = {
        {OK OK "<HANG>", "DECIDED 0\nDECIDED 1\n"},
        {"550 5.2.0 no\r\n" OK "<HANG>", "DECIDED 1\n"},
        {OK "<CLOSE>", "DECIDED 0\n"},
        {"<HANG>", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t chunk_size = 0; chunk_size < 2; chunk_size++) {
            struct script script = {.steps = {{".", rows[i].replies}}};
            struct world w = {.scripts = &script,
                              .script_count = 1,
                              .body = SLICE_LIT(BODY),
                              .chunk_size = chunk_size};
            world_open(&w, &by_tcp, 1, "d.example");
            world_give(&w, &three);
            const char *told = strstr(w.trace.p, "DECIDED");
            assert_memory_equal(told ? told : "", rows[i].told, strlen(rows[i].told));
            assert_true(told != NULL || rows[i].told[0] == '\0');
            assert_int_equal(w.outcome_count, 3); // and told again in the end, as all are
            world_close(&w);
        }
}

static void test_two_messages_on_one_connection(void **state)
{
    (void)state;
    struct script script = {
        .steps = {{".", OK "552 5.2.2 full\r\n" OK}, {".", "450 4.2.0 x\r\n" OK OK}}};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    char got[4];
    world_open(&w, &by_tcp, 1, "d.example");
    world_give(&w, &three);
    letters(&w, 3, got);
    assert_string_equal(got, "DFD");
    assert_string_equal(w.outcomes[1].status, "5.2.2");
    assert_string_equal(w.outcomes[1].command, "end of DATA");
    world_give(&w, &three);
    letters(&w, 3, got);
    assert_string_equal(got, "TDD");
    assert_int_equal(w.connections, 1);
    assert_int_equal(session_delivered_count(w.session), 2);
    assert_string_equal(w.content.p, BODY);
    world_close(&w);
}

static void test_by_unix_socket(void **state)
{
    (void)state;
    struct script scripts[] = {{.steps = {{".", OK OK OK}}}, {.connect = "refused"}};
    char got[4];
    for (int i = 0; i < 2; i++) {
        struct world w = {.scripts = &scripts[i], .script_count = 1, .body = SLICE_LIT(BODY)};
        world_open(&w, &by_path, 1, "d.example");
        world_give(&w, &three);
        letters(&w, 3, got);
        assert_string_equal(got, i == 0 ? "DDD" : "TTT");
        assert_non_null(strstr(w.trace.p, "CONNECT /run/x/lmtp\n"));
        assert_int_equal(w.asked_dns, 0);
        assert_string_equal(w.outcomes[0].host, "/run/x/lmtp");
        assert_string_equal(w.outcomes[0].ip, "");
        if (i == 1)
            assert_string_equal(w.outcomes[0].text, "connect to /run/x/lmtp: Connection refused");
        world_close(&w);
    }
}

// No HELO behind it, and the reason names the word that was said.
static void test_lhlo_refused(void **state)
{
    (void)state;
    struct script script = {.steps = {{"LHLO", "502 5.5.1 what?\r\n"}}};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    char got[4];
    world_open(&w, &by_tcp, 1, "d.example");
    world_give(&w, &three);
    letters(&w, 3, got);
    assert_string_equal(got, "TTT");
    assert_null(strstr(w.trace.p, "HELO"));
    assert_string_equal(w.outcomes[0].command, "LHLO");
    assert_int_equal(w.scope, SCOPE_HOST);
    world_close(&w);
}

// What answered is named: EHLO's refusal led to HELO, and is not the reason.
static void test_helo_refused(void **state)
{
    (void)state;
    static const struct target by_smtp = {
        .kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
    struct script script = {.steps = {{"EHLO", "502 what?\r\n"}, {"HELO", "550 not you\r\n"}}};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    char got[4];
    world_open(&w, &by_smtp, 1, "d.example");
    world_give(&w, &three);
    letters(&w, 3, got);
    assert_string_equal(got, "TTT");
    assert_string_equal(w.outcomes[0].command, "HELO");
    assert_string_equal(w.outcomes[0].text, "550 not you");
    world_close(&w);
}

static const struct {
    const char *text, *want, *status, *said;
} decided[] = {
    {"error:5.1.2 no such domain", "FFF", "5.1.2", "no such domain"},
    {"error:4.7.1 come back", "TTT", "4.7.1", "come back"},
    {"discard:", "DDD", "2.0.0", "discarded"},
};

static void run_decided(const char *text, bool is_second, struct world *w)
{
    static const struct script refused = {.connect = "refused"};
    struct target t[2] = {by_tcp};
    assert_int_equal(target_parse(slice_str(text), &t[1], NULL), FP_OK);
    *w = (struct world){.scripts = &refused, .script_count = 1, .body = SLICE_LIT(BODY)};
    world_open(w, is_second ? t : &t[1], is_second ? 2 : 1, "d.example");
    world_give(w, &three);
    target_close(&t[1]);
}

static void test_routes_that_decide(void **state)
{
    (void)state;
    struct world w;
    char got[4];
    for (size_t i = 0; i < sizeof decided / sizeof decided[0]; i++)
        for (int is_second = 0; is_second < 2; is_second++) {
            run_decided(decided[i].text, is_second, &w);
            letters(&w, 3, got);
            assert_string_equal(got, decided[i].want);
            assert_string_equal(w.outcomes[2].status, decided[i].status);
            assert_string_equal(w.outcomes[2].text, decided[i].said);
            assert_string_equal(w.outcomes[2].host, "");
            assert_false(w.outcomes[2].has_reply);
            assert_true(w.scope < SCOPE_HOST);
            assert_int_equal(w.connections, is_second);
            assert_int_equal(w.body_asked, 0);
            assert_true(w.has_ended);
            world_close(&w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_to_the_end_mark),
        cmocka_unit_test(test_told_as_they_come),
        cmocka_unit_test(test_two_messages_on_one_connection),
        cmocka_unit_test(test_by_unix_socket),
        cmocka_unit_test(test_lhlo_refused),
        cmocka_unit_test(test_helo_refused),
        cmocka_unit_test(test_routes_that_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
