// SPDX-License-Identifier: BSD-2-Clause
// What `check --explain` says: each value with the row that gives it.
#include "config/config_conf.h"
#include "config/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] =
    "hostname = \"mail.example.org\"\n"
    "route = ( { for = \"example.com\", to = [ \"smtp://relay.example.net:26\", \"mx\" ] } )\n"
    "retry = ( { for = \"*\", schedule = \"5m*3 15m x1.5<=4h\", warn_after = [ \"1h\", \"2h\" ] "
    "},\n"
    "  { for = \"example.com\", on = \"greylist\", schedule = \"1m\", retry_after = [] },\n"
    "  { for = \"example.com\", from = \"<>\", max_attempts = 3, jitter = \"0%\" },\n"
    "  { for = \"mx:mx1.example.net\", max_attempts = 7 },\n"
    "  { for = \"star.example\", from = \"*\", schedule = \"9m\" } )\n"
    "limit = ( { for = \"example.com\", connections = 3, rate = \"5/1m\" } )\n";

static void explain(const char *address, const char *sender, const char *host, struct buf *to)
{
    char path[] = "/tmp/fp-explain-XXXXXX";
    struct config c = {0};
    struct buf problems;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1);
    close(fd);
    buf_init(&problems, 10000);
    assert_int_equal(config_load(path, &c, &problems), FP_OK);
    config_explain(&c, &(struct config_question){address, sender, host}, to);
    // The file's name is another one each time.
    for (char *at; (at = strstr(to->p, path));) {
        memcpy(at, "F", 1);
        memmove(at + 1, at + sizeof path - 1, strlen(at + sizeof path - 1) + 1);
    }
    config_close(&c);
    buf_close(&problems);
    unlink(path);
}

static void each_value_has_its_row(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 100000);
    explain("b@Example.com", NULL, NULL, &got);
    assert_string_equal(
        got.p,
        "b@Example.com (rows for \"mx:HOST\" left out: ask with --mx HOST) (rows for some "
        "senders left out: ask with --from SENDER)\n"
        "  route                     smtp://relay.example.net:26,mx  route \"example.com\", F:2\n"
        "  schedule                  5m*3 15m x1.5<=4h             retry \"*\", F:3\n"
        "  warn_after                1h, 2h                        retry \"*\", F:3\n"
        "  expire_after              5d                            the default\n"
        "  max_attempts              no limit                      the default\n"
        "  jitter                    10%                           the default\n"
        "  retry_after               30s to 2h                     the default\n"
        "on greylist\n"
        "  schedule                  1m                            retry \"example.com\" on "
        "greylist, F:4\n"
        "  retry_after               not heard                     retry \"example.com\" on "
        "greylist, F:4\n"
        "at once, all mail to smtp://relay.example.net:26,mx together\n"
        "  connections               3                             limit \"example.com\", F:8\n"
        "  messages_per_connection   100                           the default\n"
        "  recipients_per_message    100                           the default\n"
        "  rate                      5/1m                          limit \"example.com\", F:8\n");
    buf_close(&got);
}

static void senders_have_rows_too(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 100000);
    explain("b@example.com", "", NULL, &got);
    assert_non_null(strstr(got.p, "b@example.com from <> (rows"));
    assert_non_null(strstr(got.p, "  max_attempts              3      "));
    assert_non_null(strstr(got.p, "retry \"example.com\" from \"<>\", F:5\n"));
    buf_reset(&got);
    explain("b@elsewhere.example", "a@b.example", NULL, &got);
    assert_non_null(strstr(got.p, "  route                     mx "));
    assert_null(strstr(got.p, "greylist"));
    assert_non_null(strstr(got.p, "ask with --mx HOST"));
    buf_reset(&got);
    explain("b@elsewhere.example", NULL, "mx1.example.net", &got);
    assert_non_null(strstr(got.p, "b@elsewhere.example at mx1.example.net (rows for some "));
    assert_non_null(strstr(got.p, "  max_attempts              7      "));
    assert_non_null(strstr(got.p, "retry \"mx:mx1.example.net\", F:6\n"));
    buf_reset(&got);
    explain("b@elsewhere.example", NULL, "MX1.Example.NET.", &got);
    assert_non_null(strstr(got.p, "retry \"mx:mx1.example.net\", F:6\n"));
    assert_non_null(strstr(got.p, "all mail to mx:mx1.example.net together"));
    buf_reset(&got);
    explain("b@elsewhere.example", NULL, "mx.example.net", &got);
    assert_non_null(
        strstr(got.p, " at mx.example.net (no row is for \"mx:mx.example.net\") (rows"));
    assert_non_null(strstr(got.p, "all mail to elsewhere.example together"));
    buf_reset(&got);
    explain("b@star.example", NULL, NULL, &got); // everybody's
    assert_non_null(strstr(got.p, "retry \"star.example\", F:7\n"));
    buf_close(&got);
}

static void schedules_are_written_as_they_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"5m 15m 30m", "30m",           "5m*3 1h",
                                        "15m x2<=4h", "1s x1.125<=1d", "1h30m*2 x1.05<=4h"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct schedule s;
        struct slice bad;
        struct buf b;
        buf_init(&b, 1000);
        assert_int_equal(schedule_parse(slice_str(texts[i]), &s, &bad), FP_OK);
        config_explain_schedule(&s, &b);
        assert_string_equal(b.p, texts[i]);
        buf_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_has_its_row),
        cmocka_unit_test(senders_have_rows_too),
        cmocka_unit_test(schedules_are_written_as_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
