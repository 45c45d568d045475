// SPDX-License-Identifier: BSD-2-Clause
// Which family of addresses goes first, when one of them leads nowhere.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define V6 "2001:db8::1"
#define V4 "192.0.2.1"

static void test_memory(void **state)
{
    (void)state;
    struct families f = {0};
    int64_t now = 1000;
    families_note_fault(&f, V6, FAULT_TIMEOUT, now);
    families_note_fault(&f, V6, FAULT_TIMEOUT, now);
    families_note_reached(&f, V6); // in a row, they must be
    families_note_fault(&f, V6, FAULT_TIMEOUT, now);
    families_note_fault(&f, V6, FAULT_TIMEOUT, now);
    assert_false(families_v4_first(&f, now));
    families_note_fault(&f, V6, FAULT_TIMEOUT, now);
    assert_true(families_v4_first(&f, now));
    assert_true(families_v4_first(&f, now + FAMILIES_MS - 1));
    now += FAMILIES_MS;
    assert_false(families_v4_first(&f, now)); // one try to see whether it is better
    families_note_fault(&f, V6, FAULT_TIMEOUT, now);
    assert_true(families_v4_first(&f, now));
    for (int i = 0; i < FAMILIES_SILENT; i++)
        families_note_fault(&f, V4, FAULT_UNREACHABLE, now);
    assert_false(families_v4_first(&f, now)); // that one is no better
    families_note_reached(&f, V4);
    assert_true(families_v4_first(&f, now));
    families_note_reached(&f, V6);
    assert_false(families_v4_first(&f, now));
}

#define BODY "Subject: x\r\n\r\nhello\r\n"

static const struct world_dns zone[] = {
    {"d.example", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 mx.example"}},
    {"mx.example", DNS_TYPE_A, DNS_ANSWER_OK, {V4, "192.0.2.2"}},
    {"mx.example", DNS_TYPE_AAAA, DNS_ANSWER_OK, {V6}},
    {NULL},
};

static const struct target by_mx = {.kind = TARGET_MX};

// What is heard when a message is delivered: the address that took it, and how many were tried.
static void deliver(struct families *families, const struct script *scripts, uint32_t count,
                    const char *ip, uint32_t connections)
{
    static const char *const rcpts[] = {"a@d.example"};
    const struct session_batch b = {"s@e.example", rcpts, 1, sizeof BODY - 1, false};
    struct world w = {.scripts = scripts, .script_count = count, .dns = zone};
    w.body = SLICE_LIT(BODY);
    w.settings.families = families;
    world_open(&w, &by_mx, 1, "d.example");
    world_give(&w, &b);
    assert_int_equal(w.outcomes[0].result, OUTCOME_DELIVERED);
    assert_string_equal(w.outcomes[0].ip, ip);
    assert_int_equal(w.connections, connections);
    world_close(&w);
}

static void test_sessions(void **state)
{
    (void)state;
    static const struct script silent[] = {{.connect = "hang"}, {0}},
                               refused[] = {{.connect = "refused"}, {0}}, well[] = {{0}};
    struct families f = {0};
    deliver(&f, well, 1, V6, 1);
    for (int i = 0; i < 5; i++)
        deliver(&f, refused, 2, V4, 2); // a host that refuses was reached
    for (int i = 0; i < FAMILIES_SILENT; i++)
        deliver(&f, silent, 2, V4, 2);
    deliver(&f, well, 1, V4, 1);
    deliver(&f, refused, 2, V6, 2); // still in turns
    deliver(&f, well, 1, V6, 1);    // by which it was reached
    deliver(NULL, silent, 2, V4, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
