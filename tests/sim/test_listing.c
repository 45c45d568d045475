// SPDX-License-Identifier: BSD-2-Clause
// Listings of several pages: whole, both ways over the wire, to a client that is slow or goes away,
// and beside mail that is under way.
#include "command/answer.h"
#include "core/must.h"
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

// Of 500 messages each.
enum { MESSAGES = 2100, PAGES = 5, TEXT_MAX_BYTES = 16 * 1024 * 1024 };

static const char config[] = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
                             "limit = ( { for = \"*\", connections = 60 } )\n";

// Mail that was accepted while its host is down.
static struct world *make_world(uint64_t seed)
{
    struct world *w = world_new(&(struct world_options){.seed = seed, .config = config});
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    for (int i = 0; i < MESSAGES; i++) {
        char to[64];
        snprintf(to, sizeof to, "r%d@one.example", i);
        assert_int_not_equal(world_submit(w, "a@x.example", to, "Subject: x\r\n\r\nx\r\n"), 0);
    }
    world_run(w, TIME_MINUTE_MS);
    return w;
}

// The text of an answer, and its exit code.
static int read_answer(const char *bytes, struct buf *to)
{
    struct answer a;
    struct answer_part part;
    struct slice rest = slice_str(bytes);
    enum answer_kind kind;
    answer_init(&a);
    while ((kind = answer_next(&a, &rest, &part)) == ANSWER_TEXT)
        assert_int_equal(buf_add_slice(to, part.text), FP_OK);
    assert_int_equal(kind, ANSWER_EXIT);
    answer_close(&a);
    return part.code;
}

static void list(struct world *w, const char *format, struct buf *to)
{
    int code;
    const char *answer = world_ask(w, "list", &format, 1, &code);
    buf_reset(to);
    assert_int_equal(read_answer(answer, to), 0);
    assert_int_equal(code, 0);
}

static uint32_t count(const struct buf *text, const char *what)
{
    uint32_t n = 0;
    for (const char *at = text->p; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

// The same text in both ways, each message once and in order.
static void test_whole_and_the_same_both_ways(void **state)
{
    (void)state;
    static const char *const formats[] = {"--format=table", "--format=postfix", "--format=sendmail",
                                          "--format=json",  "--format=jsonl",   "--format=csv"};
    struct world *w = make_world(1);
    struct buf plain, streamed;
    buf_init(&plain, TEXT_MAX_BYTES);
    buf_init(&streamed, TEXT_MAX_BYTES);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        w->wants_stream = false;
        list(w, formats[i], &plain);
        w->wants_stream = true;
        list(w, formats[i], &streamed);
        assert_int_equal(count(&plain, "@one.example"), MESSAGES);
        assert_int_equal(count(&streamed, "@one.example"), MESSAGES);
        if (i > 0) // the table says "in 3m57s", and time passes
            assert_string_equal(plain.p, streamed.p);
    }
    const char *at = plain.p;
    for (int i = 0; i < MESSAGES; i++) {
        char to[64];
        snprintf(to, sizeof to, ",r%d@one.example,", i);
        at = strstr(at, to);
        assert_non_null(at);
    }
    buf_close(&plain);
    buf_close(&streamed);
    world_free(w);
}

// Who takes nothing more is read one page ahead for, and no further; others are not held up.
static void test_a_client_that_stops_reading(void **state)
{
    (void)state;
    struct world *w = make_world(2);
    const char *format = "--format=postfix";
    int code;
    for (uint32_t takes = 0; takes < 3; takes++) {
        w->ops[OP_LIST] = 0;
        w->client_takes = takes;
        w->wants_stream = true;
        world_ask(w, "list", &format, 1, &code);
        assert_int_equal(code, -1);
        assert_int_equal(w->ops[OP_LIST], takes + 2);
        w->client_takes = UINT32_MAX;
        struct buf text;
        buf_init(&text, TEXT_MAX_BYTES);
        w->ops[OP_LIST] = 0;
        list(w, format, &text);
        assert_int_equal(count(&text, "@one.example"), MESSAGES);
        assert_int_equal(w->ops[OP_LIST], PAGES);
        buf_close(&text);
    }
    world_free(w);
}

// Whatever was under way for a client that breaks the connection is let go.
static void test_a_client_that_goes_away(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    for (int i = 0; i < 5; i++) {
        world_tell(w, "list", NULL, 0);
        world_run(w, i);
    }
    world_run(w, TIME_SECOND_MS);
    w->ops[OP_LIST] = 0;
    world_run(w, TIME_MINUTE_MS);
    assert_int_equal(w->ops[OP_LIST], 0);
    world_free(w);
}

// In the world's time.
static int64_t time_of_listing(struct world *w)
{
    struct buf text;
    int64_t began_ms = w->now_ms;
    buf_init(&text, TEXT_MAX_BYTES);
    w->ops[OP_LIST] = 0;
    list(w, "--format=jsonl", &text);
    buf_close(&text);
    return w->now_ms - began_ms;
}

// (A2) While a backlog goes out a listing waits before each page; with nothing else to do it takes
// the time of its reading alone.
static void test_mail_goes_first(void **state)
{
    (void)state;
    enum { PAUSE_MS = 8 };
    struct world *w = make_world(4);
    struct host *h = world_host(w, "192.0.2.1");
    int code;
    w->wants_stream = true;
    int64_t alone_ms = time_of_listing(w);
    h->state = HOST_UP;
    world_ask(w, "flush", NULL, 0, &code);
    assert_int_equal(code, 0);
    while (h->received_count < 100) // the probe has succeeded, and all of it goes
        world_run(w, 1);
    int64_t beside_ms = time_of_listing(w);
    assert_true(world_queued(w) > MESSAGES / 2); // it still goes
    assert_int_equal(w->ops[OP_LIST], PAGES);
    assert_true(alone_ms < (PAGES - 2) * PAUSE_MS);
    assert_true(beside_ms > (PAGES - 2) * PAUSE_MS);
    world_free(w);
}

// An end of the daemon is not put off until everybody has read everything; while it waits for
// something else, who lists is told.
static void test_an_end_in_the_middle(void **state)
{
    (void)state;
    struct world *w = make_world(5);
    int code;
    w->wants_stream = true;
    for (int is_trying = 0; is_trying < 2; is_trying++) {
        if (is_trying) {
            world_host(w, "192.0.2.1")->state = HOST_SILENT;
            world_ask(w, "flush", NULL, 0, &code);
            assert_int_equal(code, 0);
            world_run(w, TIME_SECOND_MS);
        }
        w->ops[OP_LIST] = 0;
        world_request(w, "list", NULL, 0);
        world_restart(w);
        assert_true(w->ops[OP_LIST] < PAGES);
        bool is_told = strstr(world_last_reply(w), "the daemon is stopping") != NULL;
        assert_int_equal(is_told, is_trying);
        assert_int_equal(strstr(world_last_reply(w), "{\"exit\":75}") != NULL, is_told);
    }
    struct buf text;
    buf_init(&text, TEXT_MAX_BYTES);
    list(w, "--format=postfix", &text);
    assert_int_equal(count(&text, "@one.example"), MESSAGES);
    buf_close(&text);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_and_the_same_both_ways),
        cmocka_unit_test(test_a_client_that_stops_reading),
        cmocka_unit_test(test_a_client_that_goes_away),
        cmocka_unit_test(test_mail_goes_first),
        cmocka_unit_test(test_an_end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
