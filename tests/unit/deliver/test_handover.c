// SPDX-License-Identifier: BSD-2-Clause
// Mail that goes to a folder of this machine: its text, and what becomes of it.
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivered),        cmocka_unit_test(test_large),
        cmocka_unit_test(test_faults),           cmocka_unit_test(test_address_that_is_no_folder),
        cmocka_unit_test(test_next_of_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
