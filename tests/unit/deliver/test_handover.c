// SPDX-License-Identifier: BSD-2-Clause
// Mail that goes to a folder of this machine: its text, and what becomes of it.
#include "deliver/handover.h"
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const alice[] = {"Alice@d.example"};
static const char *const evil[] = {"../x@d.example"};
static const struct script none = {.connect = "refused"};
#define BODY "Subject: x\r\n\r\n.dot\r\nlone\rcr\r\nend\r\n"
#define TEXT                                                                                       \
    "Return-Path: <s@e.example>\nDelivered-To: Alice@d.example\n"                                  \
    "Subject: x\n\n.dot\nlone\rcr\nend\n"

static const struct session_batch to_alice = {"s@e.example", alice, 1, sizeof BODY - 1, false};
static const struct session_batch to_evil = {"s@e.example", evil, 1, sizeof BODY - 1, false};

static void open_world(struct world *w, const char *const *texts, uint32_t count)
{
    struct target targets[4];
    w->scripts = &none;
    w->script_count = 1;
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(target_parse(slice_str(texts[i]), &targets[i], NULL), FP_OK);
    world_open(w, targets, count, "d.example");
    for (uint32_t i = 0; i < count; i++)
        target_close(&targets[i]);
}

static const char *const maildir[] = {"maildir:///srv/mail/{domain}/{user}/Maildir"};

static void test_delivered(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < sizeof BODY; piece++) {
        struct world w = {.body = SLICE_LIT(BODY), .piece_size = piece};
        open_world(&w, maildir, 1);
        world_give(&w, &to_alice);
        assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
        assert_string_equal(w.outcomes[0].status, "2.0.0");
        assert_string_equal(w.outcomes[0].host, "/srv/mail/d.example/alice/Maildir");
        assert_string_equal(w.wire.p, TEXT);
        assert_non_null(
            strstr(w.trace.p, "HAND OVER /srv/mail/d.example/alice/Maildir standing 9\nFINISH\n"));
        assert_true(w.has_ended && !w.is_connected);
        world_close(&w);
    }
}

// Larger than the scratch buffer, with a CR at its edges.
static void test_large(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    char *body = must_alloc(SIZE);
    size_t want = 0;
    for (size_t i = 0; i < SIZE; i++)
        body[i] = i % 7 == 5 ? '\r' : i % 7 == 6 ? '\n' : 'x';
    memcpy(body + SIZE - 2, "\r\n", 2);
    for (size_t i = 0; i < SIZE; i++)
        want += !(body[i] == '\r' && i + 1 < SIZE && body[i + 1] == '\n');
    struct world w = {.body = slice_of(body, SIZE)};
    struct session_batch b = to_alice;
    b.size = SIZE;
    open_world(&w, maildir, 1);
    world_give(&w, &b);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_int_equal(w.wire.n, want + strlen("Return-Path: <s@e.example>\n") +
                                   strlen("Delivered-To: Alice@d.example\n"));
    assert_null(strstr(w.wire.p, "\r\n"));
    world_close(&w);
    free(body);
}

static const struct {
    enum handover_fault fault;
    const char *status;
    enum outcome_scope scope;
    enum outcome_class klass;
} faults[] = {
    {HANDOVER_FULL, "4.3.1", SCOPE_HOST, CLASS_HOST},
    {HANDOVER_QUOTA, "4.2.2", SCOPE_RECIPIENT, CLASS_MAILBOX_FULL},
    {HANDOVER_DENIED, "4.3.0", SCOPE_RECIPIENT, CLASS_MESSAGE},
    {HANDOVER_MISSING, "4.3.5", SCOPE_HOST, CLASS_HOST},
    {HANDOVER_SHORTAGE, "4.3.0", SCOPE_LOCAL, CLASS_MESSAGE},
    {HANDOVER_BROKEN, "4.3.0", SCOPE_RECIPIENT, CLASS_MESSAGE},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        for (int at_end = 0; at_end < 2; at_end++) {
            struct handover_result r = {.fault = faults[i].fault, .text = "as the library says"};
            struct world w = {.body = SLICE_LIT(BODY),
                              .at_open = at_end ? NULL : &r,
                              .at_end = at_end ? &r : NULL};
            open_world(&w, maildir, 1);
            world_give(&w, &to_alice);
            assert_int_equal(w.outcomes[0].result, OUTCOME_DEFERRED);
            assert_false(w.outcomes[0].in_doubt);
            assert_string_equal(w.outcomes[0].status, faults[i].status);
            assert_int_equal(w.outcomes[0].klass, faults[i].klass);
            assert_int_equal(w.scope, faults[i].scope);
            assert_non_null(strstr(w.outcomes[0].text, "as the library says"));
            assert_true(w.has_ended && !w.is_connected);
            world_close(&w);
        }
}

static void test_address_that_is_no_folder(void **state)
{
    (void)state;
    struct world w = {.body = SLICE_LIT(BODY)};
    open_world(&w, maildir, 1);
    world_give(&w, &to_evil);
    assert_int_equal(w.outcomes[0].result, OUTCOME_FAILED);
    assert_string_equal(w.outcomes[0].status, "5.1.3");
    assert_int_equal(w.connections, 0);
    world_close(&w);
}

// A folder that cannot be opened leaves the next one of the list its chance.
static void test_next_of_the_list(void **state)
{
    (void)state;
    static const char *const lists[][3] = {
        {"maildir:///gone/{user}", "error:5.2.1 closed"},
        {"smtp://192.0.2.1", "maildir:///mail/{user}"},
    };
    struct handover_result missing = {.fault = HANDOVER_MISSING, .text = "gone"};
    struct world w = {.body = SLICE_LIT(BODY), .at_open = &missing};
    open_world(&w, lists[0], 2);
    world_give(&w, &to_alice);
    assert_string_equal(w.outcomes[0].status, "5.2.1");
    world_close(&w);
    w = (struct world){.body = SLICE_LIT(BODY)};
    open_world(&w, lists[1], 2);
    world_give(&w, &to_alice);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_string_equal(w.outcomes[0].host, "/mail/alice");
    assert_int_equal(w.connections, 2);
    world_close(&w);
}

static const char *const command[] = {
    "pipe:///usr/bin/filter  -f {sender} -- <{recipient}> {user}"};

static const struct {
    struct handover_result result;
    enum outcome_result want;
    const char *status, *text;
} ends[] = {
    {{.text = ""}, OUTCOME_DELIVERED, "2.0.0", "delivered to filter"},
    {{.text = "stored as 7\n"}, OUTCOME_DELIVERED, "2.0.0", "delivered to filter: stored as 7"},
    {{.exit_code = 67, .text = "no\nbody\n"},
     OUTCOME_FAILED,
     "5.1.1",
     "filter ended with status 67, user unknown: no body"},
    {{.exit_code = 65, .text = ""},
     OUTCOME_FAILED,
     "5.6.0",
     "filter ended with status 65, data format error"},
    {{.exit_code = 77, .text = ""},
     OUTCOME_FAILED,
     "5.7.0",
     "filter ended with status 77, permission denied"},
    {{.exit_code = 64, .text = ""},
     OUTCOME_DEFERRED,
     "4.3.5",
     "filter ended with status 64, command line usage error"},
    {{.exit_code = 71, .text = ""},
     OUTCOME_DEFERRED,
     "4.3.0",
     "filter ended with status 71, system resource problem"},
    {{.exit_code = 74, .text = ""},
     OUTCOME_DEFERRED,
     "4.3.0",
     "filter ended with status 74, input/output error"},
    {{.exit_code = 75, .text = "later"},
     OUTCOME_DEFERRED,
     "4.3.0",
     "filter ended with status 75, temporary failure: later"},
    {{.exit_code = 1, .text = ""},
     OUTCOME_DEFERRED,
     "4.3.0",
     "filter ended with status 1, no status of sysexits.h"},
    {{.signal = 11, .text = ""}, OUTCOME_DEFERRED, "4.3.0", "filter was ended by signal 11"},
};

static void test_ends_of_a_program(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        for (int at_once = 0; at_once < 2; at_once++) { // it need not read anything
            struct world w = {.body = SLICE_LIT(BODY),
                              .at_open = at_once ? &ends[i].result : NULL,
                              .at_end = &ends[i].result};
            open_world(&w, command, 1);
            world_give(&w, &to_alice);
            assert_int_equal(w.outcomes[0].result, ends[i].want);
            assert_string_equal(w.outcomes[0].status, ends[i].status);
            assert_string_equal(w.outcomes[0].text, ends[i].text);
            assert_string_equal(w.outcomes[0].host, "/usr/bin/filter");
            assert_true(w.scope <= SCOPE_RECIPIENT);
            assert_false(w.outcomes[0].in_doubt);
            assert_true(w.has_ended && !w.is_connected);
            world_close(&w);
        }
}

static void test_words(void **state)
{
    (void)state;
    static const char want[] = "/usr/bin/filter\0-f\0s@e.example\0--\0<Alice@d.example>\0alice";
    struct target t;
    struct handover h = {.order = {.path = NULL}};
    assert_int_equal(target_parse(slice_str(command[0]), &t, NULL), FP_OK);
    assert_true(handover_make(&h, &t, "me.example", "s@e.example", alice[0]));
    assert_int_equal(h.order.words_n, sizeof want);
    assert_memory_equal(h.order.words, want, sizeof want);
    assert_string_equal(h.order.path, "/usr/bin/filter");
    assert_false(handover_make(&h, &t, "me.example", "-x@e.example", alice[0]));
    handover_close(&h);
    target_close(&t);
}

// The limit counts from the start, however the content goes.
static void test_a_program_that_does_not_end(void **state)
{
    (void)state;
    struct world w = {.body = SLICE_LIT(BODY), .never_ends = true};
    open_world(&w, command, 1);
    world_give(&w, &to_alice);
    assert_int_equal(w.now_ms, 1000000 + 5 * TIME_MINUTE_MS);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DEFERRED);
    assert_string_equal(w.outcomes[0].status, "4.3.0");
    assert_string_equal(w.outcomes[0].text, "filter did not end within 300 s and was killed");
    assert_true(w.has_ended && !w.is_connected);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_of_a_program),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_program_that_does_not_end),
        cmocka_unit_test(test_delivered),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_address_that_is_no_folder),
        cmocka_unit_test(test_next_of_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
