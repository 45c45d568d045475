// SPDX-License-Identifier: BSD-2-Clause
// Tests of bounce/brake and bounce/signature: which refusals have one cause, and when that is too
// much of it.
#include "bounce/brake.h"
#include "bounce/signature.h"
#include "bounce/withheld.h"
#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct signature_row {
    const char *text, *rcpt, *want; // behind "mx.example "
} signatures[] = {
    {"550 5.7.1 Relay access denied", "b@example.com", "550 5.7.1 relay access denied"},
    {"550 5.7.1 <b@example.com>: Relay access denied", "b@example.com",
     "550 5.7.1 <@>: relay access denied"},
    {"550 5.7.1 <other@else.example>: Relay access denied", "b@example.com",
     "550 5.7.1 <@>: relay access denied"},
    {"554 no, 192.0.2.7 is listed (id 7fA3-x)", "b@c", "554 no, # is listed (id #)"},
    {"550 5.1.1 user bob at Example.COM. unknown", "bob@example.com",
     "550 5.1.1 user @ at @ unknown"},
    {"550 bobby is not bob", "bob@example.com", "550 bobby is not @"},
    {"550 5.1.1 5.1.1 twice", "b@c", "550 5.1.1 # twice"},
    {"no code at all", "b@c", "no code at all"},
    {"", "b@c", ""},
    {"550 ...", "b@c", "550 ..."},
    {"550 odd address", "", "550 odd address"},
};

static void make_outcome(struct outcome *o, const char *status, const char *text)
{
    outcome_set(o, OUTCOME_FAILED, SCOPE_RECIPIENT, CLASS_REFUSED, status, "%s", text);
    snprintf(o->host, sizeof o->host, "MX.example");
}

static void signatures_leave_out_what_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(signatures); i++) {
        const struct signature_row *row = &signatures[i];
        struct outcome o;
        struct buf got;
        buf_init(&got, SIGNATURE_MAX);
        make_outcome(&o, "5.0.0", row->text);
        signature_add(&o, slice_str(row->rcpt), &got);
        assert_memory_equal(buf_slice(&got).p, "mx.example ", 11);
        assert_string_equal(got.p + 11, row->want);
        buf_close(&got);
    }
}

static void the_longest_has_room(void **state)
{
    (void)state;
    struct outcome o;
    struct buf got;
    buf_init(&got, SIGNATURE_MAX);
    make_outcome(&o, "5.0.0", "");
    memset(o.host, 'H', sizeof o.host - 1);
    memset(o.text, 'x', sizeof o.text - 1);
    o.host[sizeof o.host - 1] = o.text[sizeof o.text - 1] = '\0';
    signature_add(&o, SLICE_LIT("a@b"), &got);
    assert_int_equal(got.n, sizeof o.host - 1 + 1 + sizeof o.text - 1);
    buf_close(&got);
}

// ---- the brake ---------------------------------------------------------------------------------

static const struct brake_settings usual = {
    .failures = 5, .senders = 2, .within_ms = 10 * TIME_MINUTE_MS};

static int make(void **state)
{
    *state = brake_new();
    return 0;
}

static int drop(void **state)
{
    brake_free(*state);
    return 0;
}

// One refusal by number: its sender and its recipient's domain are those of the number.
static enum brake_verdict refuse(struct brake *b, const struct brake_settings *s,
                                 const char *status, int sender, int domain, int64_t now_ms)
{
    struct outcome o;
    char from[64], to[64], text[128];
    snprintf(from, sizeof from, "s%d@origin.example", sender);
    snprintf(to, sizeof to, "u@d%d.example", domain);
    snprintf(text, sizeof text, "550 %s <%s>: refused", status, to);
    make_outcome(&o, status, text);
    return brake_judge(
        b, s,
        &(struct brake_failure){.outcome = &o, .sender = slice_str(from), .rcpt = slice_str(to)},
        now_ms);
}

static const struct flood_row {
    const char *name, *status;
    struct brake_settings settings;
    int senders, domains; // the refusals take turns in so many
    int64_t step_ms;
    int refusals;
    int want_closes; // which refusal closes it, from 1; 0: none
} floods[] = {
    {"five of two senders", "5.7.1", {5, 2, 600000}, 2, 1, 1000, 10, 5},
    {"one sender", "5.7.1", {5, 2, 600000}, 1, 9, 1000, 20, 0},
    {"one sender is enough", "5.7.1", {5, 1, 600000}, 1, 1, 1000, 10, 5},
    {"too slow", "5.7.1", {5, 2, 600000}, 2, 1, 150001, 20, 0},
    {"just fast enough", "5.7.1", {5, 2, 600000}, 2, 1, 150000, 10, 5},
    {"switched off", "5.7.1", {0, 2, 600000}, 2, 2, 1, 50, 0},
    {"at once", "5.7.1", {1, 1, 600000}, 1, 1, 1000, 3, 1},
    {"unknown users of one domain", "5.1.1", {5, 2, 600000}, 9, 1, 1000, 50, 0},
    {"unknown users of many domains", "5.1.1", {5, 2, 600000}, 9, 9, 1000, 10, 5},
    {"full mailboxes of one domain", "5.2.2", {5, 2, 600000}, 9, 1, 1000, 50, 0},
    {"more senders asked for than refusals", "5.7.1", {5, 7, 600000}, 7, 1, 1000, 30, 0},
};

static void closes_at_a_flood(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(floods); i++) {
        const struct flood_row *row = &floods[i];
        struct brake *b = brake_new();
        print_message("%s\n", row->name);
        for (int n = 1; n <= row->refusals; n++) {
            enum brake_verdict want = row->want_closes == 0 || n < row->want_closes ? BRAKE_OPEN
                                      : n == row->want_closes                       ? BRAKE_CLOSES
                                                                                    : BRAKE_CLOSED;
            assert_int_equal(refuse(b, &row->settings, row->status, n % row->senders,
                                    n % row->domains, 1000000 + n * row->step_ms),
                             want);
        }
        brake_free(b);
    }
}

static void opens_when_it_is_quiet(void **state)
{
    struct brake *b = *state;
    int64_t now = TIME_HOUR_MS;
    for (int i = 0; i < 7; i++)
        assert_int_equal(refuse(b, &usual, "5.7.1", i, 1, now), i < 4    ? BRAKE_OPEN
                                                                : i == 4 ? BRAKE_CLOSES
                                                                         : BRAKE_CLOSED);
    now += usual.within_ms;
    assert_int_equal(refuse(b, &usual, "5.7.1", 1, 1, now), BRAKE_CLOSED);
    now += usual.within_ms + 1;
    for (int i = 0; i < 4; i++)
        assert_int_equal(refuse(b, &usual, "5.7.1", i, 1, now), BRAKE_OPEN);
    assert_int_equal(refuse(b, &usual, "5.7.1", 4, 1, now), BRAKE_CLOSES);
}

static void others_go_on(void **state)
{
    struct brake *b = *state;
    for (int i = 0; i < 6; i++)
        refuse(b, &usual, "5.7.1", i, 1, TIME_HOUR_MS);
    assert_int_equal(refuse(b, &usual, "5.7.2", 1, 1, TIME_HOUR_MS), BRAKE_OPEN);
    assert_int_equal(refuse(b, &usual, "5.7.1", 1, 1, TIME_HOUR_MS), BRAKE_CLOSED);
}

static void settings_may_change(void **state)
{
    struct brake *b = *state;
    struct brake_settings stricter = usual;
    stricter.failures = 3;
    for (int i = 0; i < 4; i++)
        assert_int_equal(refuse(b, &usual, "5.7.1", i, 1, TIME_HOUR_MS), BRAKE_OPEN);
    for (int i = 0; i < 2; i++)
        assert_int_equal(refuse(b, &stricter, "5.7.1", i, 1, TIME_HOUR_MS), BRAKE_OPEN);
    assert_int_equal(refuse(b, &stricter, "5.7.1", 2, 1, TIME_HOUR_MS), BRAKE_CLOSES);
}

// K1: a stranger who answers with ever new texts costs a bounded memory, and hides nobody's flood
// that is fresher than his oldest.
static void remembers_a_bounded_number(void **state)
{
    struct brake *b = *state;
    struct outcome o;
    for (int i = 0; i < 4; i++)
        refuse(b, &usual, "5.7.1", i, 1, TIME_HOUR_MS);
    for (int i = 0; i < BRAKE_SIGNATURES_MAX - 1; i++) {
        char text[64];
        snprintf(text, sizeof text, "550 %c%c%c no", 'a' + i % 26, 'a' + i / 26 % 26,
                 'a' + i / 676);
        make_outcome(&o, "5.7.1", text);
        brake_judge(b, &usual, &(struct brake_failure){&o, SLICE_LIT("a@b"), SLICE_LIT("c@d")},
                    TIME_HOUR_MS);
    }
    assert_int_equal(refuse(b, &usual, "5.7.1", 4, 1, TIME_HOUR_MS), BRAKE_CLOSES);
    for (int i = 0; i < BRAKE_SIGNATURES_MAX; i++) {
        char text[64];
        snprintf(text, sizeof text, "551 %c%c%c no", 'a' + i % 26, 'a' + i / 26 % 26,
                 'a' + i / 676);
        make_outcome(&o, "5.7.1", text);
        brake_judge(b, &usual, &(struct brake_failure){&o, SLICE_LIT("a@b"), SLICE_LIT("c@d")},
                    TIME_HOUR_MS);
    }
    assert_int_equal(refuse(b, &usual, "5.7.1", 4, 1, TIME_HOUR_MS), BRAKE_OPEN);
}

// ---- what it holds -----------------------------------------------------------------------------

static void causes_of_what_is_held(void **state)
{
    (void)state;
    static const struct withheld_one ones[] = {
        {"b@one.example", "550 5.7.1 <b@one.example>: denied", "MX.example[192.0.2.1]:25", 500},
        {"c@two.example", "550 5.7.1 go away", "mx.example[192.0.2.1]:25", 300},
        {"d@one.example", "550 5.7.1 <d@one.example>: denied", "mx.example[192.0.2.2]:25", 400},
        {"e@one.example", "550 5.7.1 <e@one.example>: denied", "other.example[192.0.2.3]:25", 600},
        {"", "", "", 0},
    };
    struct withheld_view rows[5];
    struct withheld *w = withheld_new();
    assert_int_equal(withheld_list(w, rows, 5), 0);
    for (size_t i = 0; i < COUNT(ones); i++)
        withheld_add(w, &ones[i]);
    assert_int_equal(withheld_list(w, rows, 5), 4);
    assert_int_equal(rows[0].held, 2);
    assert_int_equal(rows[0].since_ms, 400);
    assert_string_equal(rows[0].host, "MX.example");
    assert_string_equal(rows[0].reply, "550 5.7.1 <b@one.example>: denied");
    assert_int_equal(withheld_list(w, rows, 1), 1);
    char reply[64];
    for (int i = 0; i < 2 * WITHHELD_MAX; i++) {
        snprintf(reply, sizeof reply, "550 %c%c%c", 'a' + i % 26, 'a' + i / 26 % 26,
                 'a' + i / 676 % 26);
        withheld_add(w, &(struct withheld_one){"a@b", reply, "h", 1});
    }
    assert_int_equal(withheld_list(w, rows, 5), 5);
    withheld_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_leave_out_what_differs),
        cmocka_unit_test(the_longest_has_room),
        cmocka_unit_test(closes_at_a_flood),
        cmocka_unit_test_setup_teardown(opens_when_it_is_quiet, make, drop),
        cmocka_unit_test_setup_teardown(others_go_on, make, drop),
        cmocka_unit_test_setup_teardown(settings_may_change, make, drop),
        cmocka_unit_test_setup_teardown(remembers_a_bounded_number, make, drop),
        cmocka_unit_test(causes_of_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
