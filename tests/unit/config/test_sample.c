// SPDX-License-Identifier: BSD-2-Clause
// sample.conf and the code say the same: every setting of the code stands there, and with the value
// that it has when it is not written. (A name in sample.conf that the code does not know is a
// problem of reading it.) Each check is shown a bad sample that it must notice.
#include "config/config_conf.h"
#include "core/size.h"
#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char host_only[] = "hostname = \"mail.example.org\"\n";

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 256 * 1024);
    assert_true(fread(text, 1, 256 * 1024 - 1, f) > 0);
    fclose(f);
    return text;
}

static void describe_rules(const struct config *c, struct buf *to)
{
    struct retry_rule retry;
    struct limit_rule limit;
    rules_retry(&c->rules, &(struct rule_question){.address = SLICE_LIT("user@anywhere.example")},
                &retry);
    rules_limit(&c->rules, "anywhere.example", &limit);
    buf_add_str(to, "schedule");
    for (uint32_t i = 0; i < retry.schedule.count; i++)
        buf_addf(to, " %lld", (long long)retry.schedule.waits_ms[i]);
    buf_add_str(to, "\nwarn_after");
    for (uint32_t i = 0; i < retry.warn_count; i++)
        buf_addf(to, " %lld", (long long)retry.warn_after_ms[i]);
    buf_addf(to, "\nexpire_after %lld\n", (long long)retry.expire_after_ms);
    buf_addf(to, "max_attempts %u jitter %u retry_after %lld %lld\n", retry.attempts_max,
             retry.jitter_permille, (long long)retry.hint_min_ms, (long long)retry.hint_max_ms);
    buf_addf(to, "limit %u %u %u %u\n", limit.connections, limit.messages_per_connection,
             limit.recipients_per_message, limit.rate_count);
}

static void describe_tables(const struct config *c, struct buf *to)
{
    for (uint32_t i = 0; i < c->listen_count; i++) {
        buf_addf(to, "listen %s", c->listens[i].address);
        for (uint32_t n = 0; n < c->listens[i].trusted_count; n++) {
            const struct hostname_network *net = &c->listens[i].trusted[n];
            buf_addf(to, " %d/%d:%d", net->is_ipv6, net->bits, net->bytes[0] + net->bytes[15]);
        }
        buf_add_str(to, "\n");
    }
    for (uint32_t i = 0; i < c->routes.count; i++)
        buf_addf(to, "route %s %s\n", c->routes.rows[i].pattern, c->routes.rows[i].name);
}

// All values as text: two configurations that mean the same have the same.
static void describe(const char *path, struct buf *to)
{
    struct config c;
    struct buf problems;
    buf_init(&problems, CONFIG_PROBLEMS_MAX);
    enum fp_err err = config_load(path, &c, &problems);
    if (err)
        fail_msg("%s", problems.p);
    buf_close(&problems);
    buf_addf(to, "spool %s\nsocket %s\nuser %s\noperators %s\nnameservers %u\nsmtp_port %u\n",
             c.spool, c.socket, c.user ? c.user : "-", c.operators, c.nameserver_count,
             c.smtp_port);
    buf_addf(to, "postmaster %s\nlog %s\nhistory %lld\nsize %lld\nrcpts %u\nreturn %d\n",
             c.postmaster, c.log, (long long)c.history_ms, (long long)c.message_size_max,
             c.rcpts_max, (int)c.notice_return);
    buf_addf(to, "eight_bit %d trust_ad %d chunking %d\n", (int)c.eight_bit, c.trusts_ad,
             c.chunking);
    buf_addf(to, "sessions %u idle %u %lld\n", c.sessions_max, c.idle_connections,
             (long long)c.idle_ms);
    buf_addf(to, "brake %u %u %lld\n", c.brake.failures, c.brake.senders,
             (long long)c.brake.within_ms);
    buf_addf(to, "mode %d %lld\n", (int)c.mode, (long long)c.interactive_timeout_ms);
    buf_addf(to, "pipe %lld\n", (long long)c.pipe_ms);
    describe_tables(&c, to);
    describe_rules(&c, to);
    config_close(&c);
}

static void describe_text(const char *text, struct buf *to)
{
    char path[] = "/tmp/fermoposta-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    describe(path, to);
    unlink(path);
}

static bool says_the_same(const char *text)
{
    struct buf defaults, sample;
    buf_init(&defaults, 65536);
    buf_init(&sample, 65536);
    describe_text(host_only, &defaults);
    describe_text(text, &sample);
    bool is_same = strcmp(defaults.p, sample.p) == 0;
    buf_close(&defaults);
    buf_close(&sample);
    return is_same;
}

static void sample_says_the_defaults(void **state)
{
    (void)state;
    struct buf defaults, sample;
    buf_init(&defaults, 65536);
    buf_init(&sample, 65536);
    describe_text(host_only, &defaults);
    describe(FP_TESTS_DIR "/../sample.conf", &sample);
    assert_string_equal(sample.p, defaults.p);
    buf_close(&defaults);
    buf_close(&sample);
}

static void another_default_is_noticed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "smtp_port = 26\n",
        "history = \"8d\"\n",
        "listen = ( { address = \"127.0.0.1:25\", trusted = [ \"127.0.0.0/8\" ] } )\n",
        "retry = ( { for = \"*\", warn_after = [ \"5h\" ] } )\n",
        "limit = ( { for = \"*\", connections = 21 } )\n",
        "notice = { return = \"full\" }\n",
        "brake = { failures = 21 }\n",
    };
    assert_true(says_the_same(host_only));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(says_the_same(bad[i]));
}

// Does `name =` stand in the text, in a line of its own setting or as a comment's example of one?
static bool stands_in(const char *text, const char *name)
{
    const char *dot = strchr(name, '.');
    const char *word = dot ? dot + 1 : name;
    for (const char *at = text; (at = strstr(at, word)); at++) {
        const char *behind = at + strlen(word);
        if ((at == text || strchr(" \n{,", at[-1])) && strncmp(behind, " = ", 3) == 0)
            return true;
    }
    return false;
}

static void every_setting_stands_in_sample(void **state)
{
    (void)state;
    char *text = read_whole(FP_TESTS_DIR "/../sample.conf");
    size_t count = 0;
    for (const char *const *name = config_setting_names; *name; name++, count++)
        if (!stands_in(text, *name))
            fail_msg("sample.conf lacks %s", *name);
    assert_true(count >= 27);
    assert_false(
        stands_in("# spool here\nspools = 1\nmyspool = 2\n", "spool")); // the check can fail
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_says_the_defaults),
        cmocka_unit_test(another_default_is_noticed),
        cmocka_unit_test(every_setting_stands_in_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
