// SPDX-License-Identifier: BSD-2-Clause
// The log's wording, to the letter: other programs parse it.
#include "core/logline.h"

#include "row.h"

static void test_delays(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {
        {-5, "0"},
        {0, "0"},
        {4, "0"},
        {5, "0.01"},
        {10, "0.01"},
        {14, "0.01"},
        {15, "0.02"},
        {94, "0.09"},
        {100, "0.1"},
        {123, "0.12"},
        {500, "0.5"},
        {994, "0.99"},
        {995, "1"},
        {1000, "1"},
        {1049, "1"},
        {1050, "1.1"},
        {1200, "1.2"},
        {9949, "9.9"},
        {9950, "10"},
        {12345, "12"},
        {12500, "13"},
        {99499, "99"},
        {345678, "346"},
        {432000000, "432000"},
        {INT64_MAX, "9223372036854776"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 40);
        logline_add_delay(rows[i].ms, &b);
        row_buf(rows[i].want, &b, rows[i].want);
        buf_close(&b);
    }
}

static void test_deliveries(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        struct outcome outcome;
        const char *want;
    } rows[] = {
        {"b@d.example",
         {.result = OUTCOME_DELIVERED,
          .has_reply = true,
          .port = 25,
          .status = "2.0.0",
          .host = "mx.d.example",
          .ip = "192.0.2.1",
          .text = "250 2.0.0 Ok: queued as X"},
         "0A1B2C3D4E5F: to=<b@d.example>, relay=mx.d.example[192.0.2.1]:25, delay=1.2, "
         "delays=0.1/0.01/0.5/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)"},
        {"b@d.example",
         {.result = OUTCOME_DEFERRED,
          .status = "4.4.1",
          .text = "connect to mx.d.example[192.0.2.1]:25: Connection refused"},
         "0A1B2C3D4E5F: to=<b@d.example>, relay=none, delay=1.2, delays=0.1/0.01/0.5/0.6, "
         "dsn=4.4.1, status=deferred (connect to mx.d.example[192.0.2.1]:25: Connection refused)"},
        {"b@d.example",
         {.result = OUTCOME_FAILED,
          .has_reply = true,
          .port = 25,
          .status = "5.1.1",
          .host = "mx.d.example",
          .ip = "2001:db8::1",
          .text = "550 5.1.1 no such user",
          .command = "RCPT TO"},
         "0A1B2C3D4E5F: to=<b@d.example>, relay=mx.d.example[2001:db8::1]:25, delay=1.2, "
         "delays=0.1/0.01/0.5/0.6, dsn=5.1.1, status=bounced (host mx.d.example[2001:db8::1] "
         "said: 550 5.1.1 no such user (in reply to RCPT TO command))"},
        {"\"x>, relay=\"@d.example",
         {.result = OUTCOME_DELIVERED,
          .status = "2.0.0",
          .host = "maildir",
          .text = "delivered\r\nABC: removed\x1b[8m"},
         "0A1B2C3D4E5F: to=<\"x\\x3e\\x2c\\x20relay\\x3d\"@d.example>, relay=maildir, delay=1.2, "
         "delays=0.1/0.01/0.5/0.6, dsn=2.0.0, status=sent (delivered ABC: removed\\x1b[8m)"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct logline_delivery d = {.id = 0x0a1b2c3d4e5f,
                                     .address = rows[i].address,
                                     .outcome = &rows[i].outcome,
                                     .delay_ms = 1210,
                                     .delays_ms = {100, 10, 500, 600}};
        struct buf b;
        buf_init(&b, LOGLINE_MAX);
        logline_delivery(&d, &b);
        row_buf(rows[i].address, &b, rows[i].want);
        buf_close(&b);
    }
}

static void test_worst_line_is_whole(void **state)
{
    (void)state;
    char address[MESSAGE_ADDRESS_MAX + 1];
    struct outcome o = {.result = OUTCOME_FAILED, .has_reply = true, .port = 65535};
    memset(address, 1, sizeof address);
    memset(o.status, '5', sizeof o.status);
    memset(o.host, 1, sizeof o.host);
    memset(o.ip, 'f', sizeof o.ip);
    memset(o.text, 1, sizeof o.text);
    memset(o.command, 'x', sizeof o.command);
    address[sizeof address - 1] = o.status[sizeof o.status - 1] = o.host[sizeof o.host - 1] = 0;
    o.ip[sizeof o.ip - 1] = o.text[sizeof o.text - 1] = o.command[sizeof o.command - 1] = 0;
    struct logline_delivery d = {.id = UINT64_MAX, .address = address, .outcome = &o};
    struct buf b;
    buf_init(&b, LOGLINE_MAX);
    logline_delivery(&d, &b);
    row_text("end", slice_from(buf_slice(&b), b.n - 11), SLICE_LIT("x command))"));
    buf_close(&b);
}

static void test_message_lines(void **state)
{
    (void)state;
    struct buf b;
    struct message m = {.id = 0x0a1b2c3d4e5f, .size = 5120, .sender = ""};
    buf_init(&b, LOGLINE_MAX);
    logline_accepted(&m, 3, &b);
    row_buf("accepted", &b, "0A1B2C3D4E5F: from=<>, size=5120, nrcpt=3 (queue active)");
    buf_reset(&b);
    logline_removed(m.id, &b);
    row_buf("removed", &b, "0A1B2C3D4E5F: removed");
    buf_reset(&b);
    logline_expired(m.id, "a@b", &b);
    row_buf("expired", &b, "0A1B2C3D4E5F: from=<a@b>, status=expired, returned to sender");
    buf_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_deliveries),
        cmocka_unit_test(test_worst_line_is_whole),
        cmocka_unit_test(test_message_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
