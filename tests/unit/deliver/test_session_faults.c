// SPDX-License-Identifier: BSD-2-Clause
// Every state of a conversation times everything that can go wrong in it.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const rcpts[] = {"a@d.example", "b@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
#define BODY "Subject: x\r\n\r\nhello\r\n"

// What goes wrong, in the reply of the host.
static const struct fault {
    const char *name, *reply;
} faults[] = {
    {"hang", "<HANG>"},
    {"reset", "<RST>"},
    {"close", "<CLOSE>"},
    {"half a reply, then hang", "25<HANG>"},
    {"half a reply, then close", "250-a\r\n250<CLOSE>"},
    {"garbage", "GET / HTTP/1.1\r\n"},
    {"binary", "\x16\x03\x01\x02<CLOSE>"},
    {"mixed", "250-a\r\n550 b\r\n"},
    {"600", "600 x\r\n"},
    {"199", "199 x\r\n"},
    {"empty line", "\r\n"},
    {"421", "421 4.3.2 bye\r\n<CLOSE>"},
    {"4xx", "451 4.3.0 later\r\n"},
    {"5xx", "554 5.6.0 never\r\n"},
};
enum { BROKEN = 11 }; // so many of them are no complete reply

static const struct stage {
    const char *name, *verb; // NULL: the greeting
    const char *broken;      // D, T, F or ? of both recipients, for each that is no complete reply
    const char *on_421, *on_4xx, *on_5xx;
    int64_t waits_ms; // a hang is given up after
} stages[] = {
    {"greeting", NULL, "TT", "TT", "TT", "TT", 5 * TIME_MINUTE_MS},
    {"EHLO", "EHLO", "TT", "TT", "TT", "DD", 5 * TIME_MINUTE_MS}, // 5xx: HELO is tried
    {"MAIL", "MAIL", "TT", "TT", "TT", "FF", 5 * TIME_MINUTE_MS},
    {"RCPT", "RCPT", "TT", "TT", "TD", "FD", 5 * TIME_MINUTE_MS},
    {"DATA", "DATA", "TT", "TT", "TT", "FF", 2 * TIME_MINUTE_MS},
    {"dot", ".", "??", "TT", "TT", "FF", 10 * TIME_MINUTE_MS},
    {"QUIT", "QUIT", "DD", "DD", "DD", "DD", 5 * TIME_SECOND_MS},
};

static const char *want(const struct stage *s, size_t fault)
{
    if (fault < BROKEN)
        return s->broken;
    return fault == BROKEN ? s->on_421 : fault == BROKEN + 1 ? s->on_4xx : s->on_5xx;
}

static void run(const struct stage *s, size_t fault, bool has_pipelining, size_t chunk_size)
{
    struct script script = {.ehlo = has_pipelining ? NULL : "250 mx\r\n",
                            .steps = {{s->verb, faults[fault].reply}}};
    if (!s->verb)
        script = (struct script){.banner = faults[fault].reply};
    struct world w = {
        .scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY), .chunk_size = chunk_size};
    struct session_batch b = {"s@e.example", rcpts, 2, sizeof BODY - 1, false};
    char got[3] = "--";
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    for (int i = 0; i < 2; i++)
        if (w.has_outcome[i])
            got[i] = w.outcomes[i].in_doubt ? '?' : "DTF"[w.outcomes[i].result];
    if (strcmp(got, want(s, fault)) != 0)
        print_error("%s at %s: %s\n", faults[fault].name, s->name, w.outcomes[0].text);
    assert_string_equal(got, want(s, fault));
    assert_int_equal(w.done_count, 1);
    world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    assert_true(w.has_ended && !w.is_connected);
    assert_true(session_deadline(w.session) == TIME_NEVER);
    if (strcmp(faults[fault].reply, "<HANG>") == 0)
        assert_int_equal(w.now_ms - 1000000, s->waits_ms);
    assert_true(w.accepted <= 1);
    world_close(&w);
}

static void test_every_state_and_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++)
            for (int how = 0; how < 4; how++)
                run(&stages[i], f, how & 1, (how & 2) ? 1 : 0);
}

// A peer that does not read: SENT never comes.
static void test_content_that_is_not_taken(void **state)
{
    (void)state;
    struct script script = {0};
    struct world w = {
        .scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY), .piece_size = 4};
    struct session_batch b = {"s@e.example", rcpts, 2, sizeof BODY - 1, false};
    struct session_effect effect;
    world_open(&w, &relay, 1, "d.example");
    world_feed(&w, (struct session_event){.kind = SESSION_BATCH, .batch = &b});
    while (w.body_asked == 0) {
        struct world_event *e = w.first;
        w.first = e->next;
        w.last = e->next ? w.last : NULL;
        world_feed(&w, e->event);
        free(e->bytes);
        free(e);
    }
    world_forget_events(&w);
    assert_true(session_deadline(w.session) == TIME_NEVER); // our own spool has all the time
    struct session_event piece = {
        .kind = SESSION_BODY, .now_ms = w.now_ms, .bytes = SLICE_LIT("a\r\n"), .is_last = false};
    session_feed(w.session, &piece);
    while (session_pull(w.session, &effect))
        assert_int_equal(effect.kind, SESSION_SEND);
    assert_int_equal(session_deadline(w.session), w.now_ms + 3 * TIME_MINUTE_MS);
    world_run(&w);
    assert_int_equal(w.outcome_count, 2);
    assert_false(w.outcomes[0].in_doubt);
    assert_int_equal(w.outcomes[0].scope, SCOPE_MESSAGE);
    assert_string_equal(w.outcomes[0].text, "conversation with 192.0.2.1[192.0.2.1] timed out "
                                            "while sending message body");
    assert_true(w.has_ended);
    world_close(&w);
}

static void say_long(struct script_step *step, char *text, size_t n, const char *head,
                     const char *tail)
{
    size_t at = strlen(head);
    memcpy(text, head, at);
    memset(text + at, 'x', n);
    strcpy(text + at + n, tail);
    step->reply = text;
}

static void test_long_replies(void **state)
{
    (void)state;
    static const size_t sizes[] = {400, 505, 508, 509, 510, 2048, 16000};
    char *text = must_alloc(20000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct script script = {.steps = {{"RCPT", NULL}}};
        say_long(&script.steps[0], text, sizes[i], "550 ", "\r\n");
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = {"s@e.example", rcpts, 2, sizeof BODY - 1, false};
        world_open(&w, &relay, 1, "d.example");
        world_give(&w, &b);
        assert_int_equal(w.outcomes[0].result, OUTCOME_FAILED);
        assert_int_equal(strlen(w.outcomes[0].text),
                         sizes[i] + 4 < OUTCOME_TEXT_SIZE ? sizes[i] + 4 : OUTCOME_TEXT_SIZE - 1);
        assert_int_equal(w.outcomes[1].result, OUTCOME_DELIVERED);
        world_close(&w);
    }
    free(text);
}

// While others wait there is half a minute for the first word, and for nothing else.
static void test_crowded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        struct script script = {.steps = {{stages[i].verb, "<HANG>"}}};
        bool is_greeting = !stages[i].verb;
        if (is_greeting)
            script = (struct script){.banner = "<HANG>"};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
        world_open(&w, &relay, 1, "d.example");
        world_feed(&w, (struct session_event){.kind = SESSION_BATCH, .batch = &b});
        for (struct world_event *e; (e = w.first); free(e)) {
            w.first = e->next;
            w.last = e->next ? w.last : NULL;
            world_feed(&w, e->event);
            free(e->name);
            free(e->bytes);
        }
        uint32_t before = w.outcome_count;
        w.now_ms += 30 * TIME_SECOND_MS - 1;
        world_feed(&w, (struct session_event){.kind = SESSION_CROWDED});
        assert_int_equal(w.outcome_count, before);
        w.now_ms++;
        world_feed(&w, (struct session_event){.kind = SESSION_CROWDED});
        assert_int_equal(w.outcome_count, before + is_greeting);
        world_run(&w);
        world_close(&w);
    }
}

static void test_endless_reply_is_given_up(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 22);
    for (int i = 0; i < 100000; i++)
        buf_add_str(&text, "220-x\r\n");
    struct script script = {.banner = text.p};
    struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
    struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DEFERRED);
    assert_int_equal(w.now_ms, 1000000); // by its size, not by time
    world_close(&w);
    buf_close(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_and_fault),
        cmocka_unit_test(test_content_that_is_not_taken),
        cmocka_unit_test(test_long_replies),
        cmocka_unit_test(test_endless_reply_is_given_up),
        cmocka_unit_test(test_crowded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
