// SPDX-License-Identifier: BSD-2-Clause
// Queue ids in text and back; copies that own all of their strings; outcomes in words.
#include "core/message.h"
#include "core/must.h"
#include "core/outcome.h"

#include "row.h"

#include <stdlib.h>

static void test_ids_go_to_text_and_back(void **state)
{
    (void)state;
    static const struct {
        uint64_t id;
        const char *text;
    } rows[] = {
        {0, "000000000000"},
        {0x0a1b2c3d4e5f, "0A1B2C3D4E5F"},
        {0xffffffffffff, "FFFFFFFFFFFF"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[MESSAGE_ID_DIGITS + 1];
        uint64_t id = 1;
        message_id_format(rows[i].id, text);
        assert_string_equal(text, rows[i].text);
        assert_true(message_id_parse(slice_str(text), &id));
        assert_true(id == rows[i].id);
    }
}

static void test_ids_are_parsed_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"0a1b2c3d4e5f", true},  {"A1B2C3D4E5F", true},    {"", false},
        {"0A1B2C3D4E", false},   {"0A1B2C3D4E5F0", false}, {"0A1B2C3D4E5G", false},
        {"-A1B2C3D4E5F", false}, {"0x1B2C3D4E5F", false},  {" A1B2C3D4E5F", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t id = 42;
        row_number(rows[i].text, message_id_parse(slice_str(rows[i].text), &id), rows[i].ok);
        if (!rows[i].ok)
            row_number(rows[i].text, (long long)id, 42);
    }
}

static void test_copies_are_deep(void **state)
{
    (void)state;
    struct message m = {.id = 7, .size = 9, .sender = must_strdup("a@b")}, copy;
    message_copy(&copy, &m);
    message_close(&m);
    assert_string_equal(copy.sender, "a@b");
    assert_int_equal(copy.size, 9);
    message_close(&copy);
    message_close(&copy);
    message_close(NULL);

    struct recipient r = {.n = 3, .address = must_strdup("c@d")}, other;
    recipient_copy(&other, &r);
    recipient_close(&r);
    assert_string_equal(other.address, "c@d");
    assert_string_equal(other.last_reply, "");
    assert_int_equal(other.n, 3);
    recipient_close(&other);
    recipient_close(&other);
    recipient_close(NULL);
}

static void test_entry_frees_half_built(void **state)
{
    (void)state;
    entry_free(NULL);
    struct entry *e = entry_new();
    assert_int_equal(e->message.uid, -1);
    e->rcpts = must_zalloc(2 * sizeof *e->rcpts);
    e->rcpt_count = 2;
    e->rcpts[0].address = must_strdup("a@b");
    entry_free(e);
}

static void test_classes_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < CLASS_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(outcome_class_name((enum outcome_class)i),
                                    outcome_class_name((enum outcome_class)j));
    assert_string_equal(outcome_class_name(CLASS_MAILBOX_FULL), "mailbox-full");
}

static void test_outcome_set_cuts_and_clears(void **state)
{
    (void)state;
    struct outcome o;
    memset(&o, 0xff, sizeof o);
    outcome_set(&o, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1", "%0600d", 1);
    assert_int_equal(strlen(o.text), OUTCOME_TEXT_SIZE - 1);
    assert_string_equal(o.status, "4.4.1");
    assert_string_equal(o.host, "");
    assert_false(o.has_reply);
    assert_int_equal(o.port, 0);
}

static void test_outcome_is_described(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct outcome outcome;
        const char *want;
    } rows[] = {
        {"a refusal names the host and the command",
         {.result = OUTCOME_DEFERRED,
          .has_reply = true,
          .host = "mx.d.example",
          .ip = "192.0.2.1",
          .text = "450 4.2.0 Greylisted",
          .command = "RCPT TO"},
         "host mx.d.example[192.0.2.1] said: 450 4.2.0 Greylisted (in reply to RCPT TO command)"},
        {"a greeting answers no command",
         {.result = OUTCOME_DEFERRED,
          .has_reply = true,
          .host = "mx.d.example",
          .ip = "2001:db8::1",
          .text = "554 no"},
         "host mx.d.example[2001:db8::1] refused to talk to me: 554 no"},
        {"a delivery is the reply",
         {.result = OUTCOME_DELIVERED,
          .has_reply = true,
          .host = "mx",
          .ip = "192.0.2.1",
          .text = "250 2.0.0 Ok",
          .command = "end of DATA"},
         "250 2.0.0 Ok"},
        {"our own words are as they are",
         {.result = OUTCOME_DEFERRED, .host = "mx", .text = "connect to mx: Connection refused"},
         "connect to mx: Connection refused"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 2000);
        outcome_describe(&rows[i].outcome, &b);
        row_buf(rows[i].name, &b, rows[i].want);
        buf_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_go_to_text_and_back),
        cmocka_unit_test(test_ids_are_parsed_strictly),
        cmocka_unit_test(test_copies_are_deep),
        cmocka_unit_test(test_entry_frees_half_built),
        cmocka_unit_test(test_classes_have_names),
        cmocka_unit_test(test_outcome_set_cuts_and_clears),
        cmocka_unit_test(test_outcome_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
