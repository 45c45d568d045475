// SPDX-License-Identifier: BSD-2-Clause
// Schedules, and which row gives which value for an address.
#include "core/must.h"
#include "core/time.h"
#include "scheduler/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MIN      TIME_MINUTE_MS
#define HOUR     TIME_HOUR_MS
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct parse_row {
    const char *name, *input;
    enum fp_err want;
    const char *bad;
    uint32_t count;
    int64_t waits[4];
};

static const struct parse_row parse_rows[] = {
    {"default", "5m 15m 30m", FP_OK, NULL, 3, {5 * MIN, 15 * MIN, 30 * MIN}},
    {"one", "30m", FP_OK, NULL, 1, {30 * MIN}},
    {"blanks around", "  1h30m \t 90s\n", FP_OK, NULL, 2, {90 * MIN, 90 * 1000}},
    {"shortest", "1s", FP_OK, NULL, 1, {1000}},
    {"not ascending", "1h 1m", FP_OK, NULL, 2, {HOUR, MIN}},
    {"repeated", "5m*3 1h", FP_OK, NULL, 4, {5 * MIN, 5 * MIN, 5 * MIN, HOUR}},
    {"repeated too often", "5m 1m*64", FP_TOO_BIG, "1m*64", 0, {0}},
    {"repeated never", "5m*0", FP_INVALID, "5m*0", 0, {0}},
    {"repeated how often", "5m*", FP_INVALID, "5m*", 0, {0}},
    {"repeated by a word", "5m*a", FP_INVALID, "5m*a", 0, {0}},
    {"repeated beyond all numbers", "5m*99999999999", FP_INVALID, "5m*99999999999", 0, {0}},
    {"grows", "15m x1.5<=4h", FP_OK, NULL, 1, {15 * MIN}},
    {"grows from nothing", "x1.5<=4h", FP_INVALID, "x1.5<=4h", 0, {0}},
    {"grows without bound", "15m x1.5", FP_INVALID, "x1.5", 0, {0}},
    {"shrinks", "15m x0.5<=4h", FP_INVALID, "x0.5<=4h", 0, {0}},
    {"does not grow", "15m x1<=4h", FP_INVALID, "x1<=4h", 0, {0}},
    {"grows too finely", "15m x1.0001<=4h", FP_INVALID, "x1.0001<=4h", 0, {0}},
    {"bounded below", "5h x2<=4h", FP_INVALID, "x2<=4h", 0, {0}},
    {"something behind the growth", "5m x2<=4h 5h", FP_INVALID, "5h", 0, {0}},
    {"empty", "", FP_INVALID, "", 0, {0}},
    {"only blanks", " \t ", FP_INVALID, "", 0, {0}},
    {"no unit", "5m 15 30m", FP_INVALID, "15", 0, {0}},
    {"word", "5m soon", FP_INVALID, "soon", 0, {0}},
    {"commas", "5m, 15m", FP_INVALID, "5m,", 0, {0}},
    {"zero", "5m 0", FP_INVALID, "0", 0, {0}},
    {"under a second", "999ms", FP_INVALID, "999ms", 0, {0}},
    {"negative", "-5m", FP_INVALID, "-5m", 0, {0}},
    {"centuries", "5m 99999999d 1h", FP_INVALID, "99999999d", 0, {0}},
};

static void parses_schedules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parse_rows); i++) {
        const struct parse_row *row = &parse_rows[i];
        struct schedule got = {.count = 77};
        struct slice bad = SLICE_LIT("untouched");
        print_message("%s\n", row->name);
        assert_int_equal(schedule_parse(slice_str(row->input), &got, &bad), row->want);
        if (row->want != FP_OK) {
            assert_int_equal(got.count, 77);
            assert_true(slice_equal(bad, slice_str(row->bad)));
            continue;
        }
        assert_int_equal(got.count, row->count);
        for (uint32_t k = 0; k < row->count; k++)
            assert_int_equal(got.waits_ms[k], row->waits[k]);
    }
}

static void takes_as_many_steps_as_fit(void **state)
{
    (void)state;
    char text[(SCHEDULE_STEPS_MAX + 1) * 4 + 1] = "";
    for (int i = 0; i < SCHEDULE_STEPS_MAX; i++)
        memcpy(text + 4 * i, i % 2 ? "10m " : "15m ", 4);
    struct schedule s;
    struct slice bad;
    assert_int_equal(schedule_parse(slice_str(text), &s, &bad), FP_OK);
    assert_int_equal(s.count, SCHEDULE_STEPS_MAX);
    memcpy(text + 4 * SCHEDULE_STEPS_MAX, "99m ", 4);
    assert_int_equal(schedule_parse(slice_str(text), &s, &bad), FP_TOO_BIG);
    assert_true(slice_equal(bad, SLICE_LIT("99m")));
}

static void waits_and_repeats_the_last(void **state)
{
    (void)state;
    struct schedule s = {.count = 3, .waits_ms = {5 * MIN, 15 * MIN, 30 * MIN}};
    static const int64_t want[] = {5 * MIN, 15 * MIN, 30 * MIN, 30 * MIN, 30 * MIN};
    for (uint32_t i = 0; i < COUNT(want); i++)
        assert_int_equal(schedule_wait(&s, i + 1), want[i]);
    assert_int_equal(schedule_wait(&s, UINT32_MAX), 30 * MIN);
}

// Each row names one setting more than needed to see which row gave it: values are their own names.
static struct retry_row retries[] = {
    {.pattern = "*", .schedule = {1, {1 * MIN}}, .expire_after_ms = 1 * HOUR},
    {.pattern = ".example.com", .schedule = {1, {2 * MIN}}},
    {.pattern = ".sub.example.com", .expire_after_ms = 3 * HOUR},
    {.pattern = "example.com", .schedule = {1, {4 * MIN}}, .has_warn = true},
    {.pattern = "user@example.com", .expire_after_ms = 5 * HOUR},
    {.pattern = "example.org",
     .has_warn = true,
     .warn_count = 2,
     .warn_after_ms = {6 * MIN, 6 * HOUR}},
    {.pattern = "\"odd@name\"@example.net", .schedule = {1, {7 * MIN}}},
    {.pattern = "[192.0.2.1]", .schedule = {1, {8 * MIN}}},
};
static struct rules rules = {.retries = retries, .retry_count = COUNT(retries)};

// The index alone: the rows are the test's.
static void drop(struct rules *r)
{
    r->retry_count = r->limit_count = 0;
    r->retries = NULL;
    r->limits = NULL;
    rules_close(r);
}

// Nobody's in particular, before any failure.
static void ask(const struct rules *r, struct slice address, struct retry_rule *ret)
{
    rules_retry(r, &(struct rule_question){.address = address}, ret);
}

struct retry_case {
    const char *name, *address;
    int64_t wait_ms, expire_ms;
    uint32_t warn_count;
    int64_t warn_ms;
};

static const struct retry_case retry_cases[] = {
    {"everybody", "a@example.net", 1 * MIN, 1 * HOUR, 1, 4 * HOUR},
    {"the domain", "other@example.com", 4 * MIN, 1 * HOUR, 0, 0},
    {"the address adds to the domain", "user@example.com", 4 * MIN, 5 * HOUR, 0, 0},
    {"letters' case", "USER@Example.COM", 4 * MIN, 5 * HOUR, 0, 0},
    {"below", "a@mail.example.com", 2 * MIN, 1 * HOUR, 1, 4 * HOUR},
    {"further below", "a@x.sub.example.com", 2 * MIN, 3 * HOUR, 1, 4 * HOUR},
    {"the suffix's own name is not below it", "a@sub.example.com", 2 * MIN, 1 * HOUR, 1, 4 * HOUR},
    {"no label boundary", "a@notexample.com", 1 * MIN, 1 * HOUR, 1, 4 * HOUR},
    {"warnings", "a@example.org", 1 * MIN, 1 * HOUR, 2, 6 * MIN},
    {"quoted at sign", "\"odd@name\"@example.net", 7 * MIN, 1 * HOUR, 1, 4 * HOUR},
    {"only a domain", "example.com", 4 * MIN, 1 * HOUR, 0, 0},
    {"literal", "a@[192.0.2.1]", 8 * MIN, 1 * HOUR, 1, 4 * HOUR},
    {"nothing", "", 1 * MIN, 1 * HOUR, 1, 4 * HOUR},
};

static void most_exact_row_wins_setting_by_setting(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(retry_cases); i++) {
        const struct retry_case *c = &retry_cases[i];
        struct retry_rule got;
        print_message("%s\n", c->name);
        ask(&rules, slice_str(c->address), &got);
        assert_int_equal(schedule_wait(&got.schedule, 1), c->wait_ms);
        assert_int_equal(got.expire_after_ms, c->expire_ms);
        struct rule_question q = {.address = slice_str(c->address)};
        assert_int_equal(rules_expire_after(&rules, &q), c->expire_ms);
        assert_int_equal(got.warn_count, c->warn_count);
        if (c->warn_count > 0)
            assert_int_equal(got.warn_after_ms[0], c->warn_ms);
    }
}

static void order_of_rows_does_not_matter(void **state)
{
    (void)state;
    struct retry_row turned[COUNT(retries)];
    for (size_t i = 0; i < COUNT(retries); i++)
        turned[i] = retries[COUNT(retries) - 1 - i];
    struct rules r = {.retries = turned, .retry_count = COUNT(turned)};
    rules_index(&r);
    for (size_t i = 0; i < COUNT(retry_cases); i++) {
        struct retry_rule a, b;
        ask(&rules, slice_str(retry_cases[i].address), &a);
        ask(&r, slice_str(retry_cases[i].address), &b);
        for (int k = 0; k < RULE_FIELDS; k++) // the same rows from the other end
            b.row[k] = b.row[k] < 0 ? -1 : (int32_t)COUNT(retries) - 1 - b.row[k];
        assert_memory_equal(&a, &b, sizeof a);
    }
    drop(&r);
}

static void defaults_fill_the_rest(void **state)
{
    (void)state;
    struct rules none = {0};
    struct retry_rule retry;
    struct limit_rule limit;
    ask(&none, SLICE_LIT("a@example.com"), &retry);
    assert_int_equal(retry.schedule.count, 3);
    assert_int_equal(schedule_wait(&retry.schedule, 2), 15 * MIN);
    assert_int_equal(retry.warn_count, 1);
    assert_int_equal(retry.warn_after_ms[0], 4 * HOUR);
    // RFC 5321 4.5.4.1: at least 4 to 5 days before giving up
    assert_int_equal(retry.expire_after_ms, 5 * TIME_DAY_MS);
    rules_limit(&none, "example.com", &limit);
    assert_int_equal(limit.connections, 20);
    assert_int_equal(limit.messages_per_connection, 100);
    assert_int_equal(limit.recipients_per_message, 100);
}

// RFC 5321 4.5.4.1: 30 minutes between attempts is the SHOULD; two quick retries come before.
static void default_schedule_keeps_the_mean_of_the_rfc(void **state)
{
    (void)state;
    struct rules none = {0};
    struct retry_rule rule;
    ask(&none, SLICE_LIT("a@example.com"), &rule);
    int64_t at = 0;
    uint32_t failures = 0;
    while (at < TIME_DAY_MS)
        at += schedule_wait(&rule.schedule, ++failures);
    assert_true(at / failures >= 28 * MIN);
    assert_true(schedule_wait(&rule.schedule, 3) >= 30 * MIN);
}

static void limits_by_domain(void **state)
{
    (void)state;
    struct limit_row rows[] = {
        {.pattern = "*", .connections = 5},
        {.pattern = ".example.com", .messages_per_connection = 7, .connections = 6},
        {.pattern = "mx.example.com", .recipients_per_message = 1},
    };
    struct rules r = {.limits = rows, .limit_count = COUNT(rows)};
    rules_index(&r);
    static const struct {
        const char *domain;
        struct limit_rule want;
    } cases[] = {
        {"example.com", {5, 100, 100}},
        {"a.example.com", {6, 7, 100}},
        {"MX.example.com", {6, 7, 1}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct limit_rule got;
        rules_limit(&r, cases[i].domain, &got);
        assert_int_equal(got.connections, cases[i].want.connections);
        assert_int_equal(got.messages_per_connection, cases[i].want.messages_per_connection);
        assert_int_equal(got.recipients_per_message, cases[i].want.recipients_per_message);
    }
    drop(&r);
}

static void add_hop(struct rules *r, const char *destination, const char *target, const char *host,
                    const char *domain)
{
    rules_add_hop(r, &(struct limit_hop){must_strdup(destination), must_strdup(target),
                                         host ? must_strdup(host) : NULL,
                                         domain ? must_strdup(domain) : NULL});
}

// A next hop has its own limits, whoever's mail it gets.
static void limits_by_next_hop(void **state)
{
    (void)state;
    struct limit_row rows[] = {
        {.pattern = "*", .connections = 5, .messages_per_connection = 6},
        {.pattern = "one.example", .connections = 7, .rate_count = 8, .rate_ms = 9},
        {.pattern = ".test", .messages_per_connection = 10},
        {.pattern = "a.test", .connections = 11},
        {.pattern = "smtp://a.test:26", .connections = 12},
        {.pattern = "mx:a.test", .connections = 13},
        {.pattern = ".below.example", .connections = 14},
    };
    struct rules r = {.limits = rows, .limit_count = COUNT(rows)};
    rules_index(&r);
    add_hop(&r, "smtp://a.test", "smtp://a.test:25", "a.test", "one.example");
    add_hop(&r, "smtp://a.test:26,mx", "smtp://a.test:26", "a.test", "one.example");
    add_hop(&r, "smtp://x", "smtp://x:25", "x", "one.example");
    add_hop(&r, "smtp://y", "smtp://y:25", "y", "one.example");
    add_hop(&r, "smtp://y", "smtp://y:25", "y", "one.example");
    add_hop(&r, "smtp://z", "smtp://z:25", "z", "one.example");
    add_hop(&r, "smtp://z", "smtp://z:25", "z", "two.example");
    add_hop(&r, "smtp://w", "smtp://w:25", "w", "*.below.example");
    add_hop(&r, "lmtp:///run/x", "lmtp:///run/x", NULL, NULL);
    static const struct {
        const char *destination;
        uint32_t connections, messages, rate;
    } cases[] = {
        {"one.example", 7, 6, 8},
        {"one.example,from=a@example.org", 7, 6, 8}, // some senders' mail has another list
        {"mx:a.test,a@one.example", 13, 6, 0},
        {"two.example", 5, 6, 0},
        {"a.test", 11, 10, 0}, // by MX
        {"mx:a.test", 13, 6, 0},
        {"mx:one.example", 5, 6, 0},
        {"smtp://a.test", 11, 10, 8},
        {"smtp://a.test:26,mx", 12, 10, 8},
        {"smtp://x", 7, 6, 8},
        {"smtp://y", 7, 6, 8}, // both rows of route are for that domain
        {"smtp://z", 5, 6, 0},
        {"smtp://w", 14, 6, 0},
        {"lmtp:///run/x", 5, 6, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct limit_rule got;
        print_message("%s\n", cases[i].destination);
        rules_limit(&r, cases[i].destination, &got);
        assert_int_equal(got.connections, cases[i].connections);
        assert_int_equal(got.messages_per_connection, cases[i].messages);
        assert_int_equal(got.rate_count, cases[i].rate);
    }
    rules_forget_hops(&r);
    drop(&r);
}

// Rows of one `for`, told apart by whose mail it is and what happened; and by the host.
static void rows_may_hold_for_less(void **state)
{
    (void)state;
    static struct retry_row rows[] = {
        {.pattern = "*", .schedule = {1, {1 * MIN}}, .expire_after_ms = HOUR},
        {.pattern = "*", .on = CLASS_GREYLIST, .schedule = {1, {2 * MIN}}},
        {.pattern = "*", .from = ".example.org", .schedule = {1, {3 * MIN}}},
        {.pattern = "*", .from = "example.org", .schedule = {1, {4 * MIN}}},
        {.pattern = "*", .from = "a@example.org", .attempts_max = 5},
        {.pattern = "*", .from = "a@example.org", .on = CLASS_RATE, .schedule = {1, {6 * MIN}}},
        {.pattern = "*", .from = "<>", .schedule = {1, {7 * MIN}}},
        {.pattern = "mx:mx.example.net", .schedule = {1, {8 * MIN}}},
        {.pattern = "example.com", .on = CLASS_DNS, .schedule = {1, {9 * MIN}}},
        {.pattern = "mx:mx.example.net", .from = "*", .has_jitter = true, .jitter_permille = 7},
    };
    struct rules r = {.retries = rows, .retry_count = COUNT(rows)};
    rules_index(&r);
    static const struct {
        const char *name, *address, *sender, *host;
        enum outcome_class klass;
        int row, attempts_row;
    } cases[] = {
        {"anybody's", "x@d.example", "s@d.example", "", CLASS_NONE, 0, -1},
        {"the class", "x@d.example", "s@d.example", "", CLASS_GREYLIST, 1, -1},
        {"below the sender's domain", "x@d.example", "s@a.example.org", "", CLASS_GREYLIST, 2, -1},
        {"the sender's domain", "x@d.example", "s@Example.org", "", CLASS_NONE, 3, -1},
        {"the sender", "x@d.example", "A@example.org", "", CLASS_NONE, 3, 4},
        {"the sender and the class", "x@d.example", "a@example.org", "", CLASS_RATE, 5, 4},
        {"notices", "x@d.example", "", "", CLASS_HOST, 6, -1},
        {"no sender is meant", "x@d.example", NULL, "", CLASS_HOST, 0, -1},
        {"the host", "x@d.example", "a@example.org", "MX.example.net", CLASS_RATE, 7, 4},
        {"another host", "x@d.example", "s@d.example", "mx2.example.net", CLASS_NONE, 0, -1},
        {"the domain before the host", "x@example.com", "s@d.example", "mx.example.net", CLASS_DNS,
         8, -1},
        {"but not for this class", "x@example.com", "s@d.example", "mx.example.net", CLASS_HOST, 7,
         -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct retry_rule got;
        struct rule_question q = {
            .address = slice_str(cases[i].address),
            .sender = slice_str(cases[i].sender),
            .has_sender = cases[i].sender != NULL,
            .host = slice_str(cases[i].host),
            .klass = cases[i].klass,
        };
        print_message("%s\n", cases[i].name);
        rules_retry(&r, &q, &got);
        assert_int_equal(got.row[RULE_SCHEDULE], cases[i].row);
        assert_int_equal(schedule_wait(&got.schedule, 1), (cases[i].row + 1) * MIN);
        assert_int_equal(got.row[RULE_ATTEMPTS], cases[i].attempts_row);
        assert_int_equal(got.row[RULE_EXPIRE], 0);
        assert_int_equal(got.row[RULE_JITTER], cases[i].row == 7 ? 9 : got.row[RULE_JITTER]);
    }
    drop(&r);
}

// A table of nothing but senders is not gone through again for each of its rows.
static void many_senders_are_linked_at_once(void **state)
{
    (void)state;
    enum { SENDERS = 20000 };
    struct rules r = {.retry_count = SENDERS};
    r.retries = calloc(SENDERS, sizeof *r.retries);
    for (int i = 0; i < SENDERS; i++) {
        r.retries[i].pattern = strdup("*");
        r.retries[i].from = malloc(32);
        snprintf(r.retries[i].from, 32, "s%d@d.example", i);
        r.retries[i].attempts_max = (uint32_t)i + 1;
    }
    rules_index(&r);
    struct retry_rule got;
    struct rule_question q = rule_question("x@y.example", "s19999@d.example", CLASS_NONE);
    rules_retry(&r, &q, &got);
    assert_int_equal(got.attempts_max, SENDERS);
    rules_close(&r);
}

static void rows_have_names(void **state)
{
    (void)state;
    struct retry_row rows[] = {
        {.pattern = "*", .place = "f.conf:7"},
        {.pattern = "a.example", .from = "<>", .on = CLASS_DNS},
    };
    struct limit_row limits[] = {{.pattern = "b.example", .place = "f.conf:9"}};
    struct rules r = {
        .retries = rows, .retry_count = 2, .limits = limits, .limit_count = COUNT(limits)};
    struct buf b;
    buf_init(&b, 1000);
    rules_name_retry(&r, 0, &b);
    buf_add_byte(&b, '|');
    rules_name_retry(&r, 1, &b);
    buf_add_byte(&b, '|');
    rules_name_retry(&r, -1, &b);
    buf_add_byte(&b, '|');
    rules_name_limit(&r, 0, &b);
    assert_string_equal(b.p, "retry \"*\", f.conf:7|retry \"a.example\" from \"<>\" on dns|"
                             "the default|limit \"b.example\", f.conf:9");
    buf_close(&b);
}

static void waits_are_spread(void **state)
{
    (void)state;
    struct retry_rule rule = {.schedule = {2, {100 * MIN, 200 * MIN}}, .jitter_permille = 100};
    struct slice nothing = SLICE_LIT("450 later");
    int64_t least = INT64_MAX, most = 0, sum = 0;
    for (uint64_t salt = 0; salt < 1000; salt++) {
        int64_t ms = rules_wait(&rule, 1, nothing, salt);
        assert_int_equal(ms, rules_wait(&rule, 1, nothing, salt));
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
        sum += ms;
    }
    assert_in_range(least, 95 * MIN, 95 * MIN + 3000);
    assert_in_range(most, 105 * MIN - 3000, 105 * MIN);
    assert_in_range(sum / 1000, 99 * MIN, 101 * MIN);
    rule.jitter_permille = 0;
    assert_int_equal(rules_wait(&rule, 1, nothing, 5), 100 * MIN);
    assert_int_equal(rules_wait(&rule, 7, nothing, 5), 200 * MIN);
    rule.schedule.waits_ms[0] = TIME_SECOND_MS;
    rule.jitter_permille = 500;
    for (uint64_t salt = 0; salt < 100; salt++)
        assert_true(rules_wait(&rule, 1, nothing, salt) >= TIME_SECOND_MS);
}

static void replies_are_heard_once_and_within_bounds(void **state)
{
    (void)state;
    struct retry_rule rule = {
        .schedule = {1, {60 * MIN}}, .hint_min_ms = 2 * MIN, .hint_max_ms = 10 * MIN};
    static const struct {
        const char *reply;
        uint32_t failures;
        int64_t want_ms;
        enum rules_hearing want;
    } cases[] = {
        {"450 try again in 300 seconds", 1, 5 * MIN, HEARS_HINT},
        {"450 try again in 300 seconds", 2, 60 * MIN, HEARS_NOTHING},
        {"450 try again in 5 seconds", 1, 2 * MIN, HEARS_SHORTEST},
        {"450 try again in 2 minutes", 1, 2 * MIN, HEARS_HINT},
        {"450 try again in 10 minutes", 1, 10 * MIN, HEARS_HINT},
        {"450 try again in 5 days", 1, 10 * MIN, HEARS_LONGEST},
        {"450 try again", 1, 60 * MIN, HEARS_NOTHING},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice reply = slice_str(cases[i].reply);
        assert_int_equal(rules_wait(&rule, cases[i].failures, reply, i), cases[i].want_ms);
        assert_int_equal(rules_hears(&rule, cases[i].failures, reply), cases[i].want);
    }
    rule.jitter_permille = 500; // never before what it asked for
    for (uint64_t salt = 0; salt < 100; salt++)
        assert_in_range(rules_wait(&rule, 1, SLICE_LIT("450 try again in 300 seconds"), salt),
                        5 * MIN, 7 * MIN + MIN / 2);
    for (uint64_t salt = 0; salt < 100; salt++) { // nor beyond the bound
        assert_in_range(rules_wait(&rule, 1, SLICE_LIT("450 try again in 9 minutes"), salt),
                        9 * MIN, 10 * MIN);
        assert_int_equal(rules_wait(&rule, 1, SLICE_LIT("450 try again in 5 days"), salt),
                         10 * MIN);
    }
    rule.hint_max_ms = rule.hint_min_ms = 0;
    assert_int_equal(rules_hears(&rule, 1, SLICE_LIT("450 try again in 300 seconds")),
                     HEARS_NOTHING);
}

static void sweep_looks_no_earlier_than_needed(void **state)
{
    (void)state;
    struct retry_row all = {.pattern = "*",
                            .has_warn = true,
                            .warn_count = 2,
                            .warn_after_ms = {8 * HOUR, 24 * HOUR},
                            .expire_after_ms = 9 * TIME_DAY_MS};
    struct retry_row one = {
        .pattern = "example.com", .has_warn = true, .warn_count = 1, .warn_after_ms = {HOUR}};
    struct retry_row no_warning = {.pattern = "*", .has_warn = true};
    struct retry_row both[] = {all, one};
    static const struct {
        const char *name;
        uint32_t level;
        int64_t want[4]; // by table: none, all, both, no_warning
    } cases[] = {
        {"not warned", 0, {4 * HOUR, 8 * HOUR, HOUR, 5 * TIME_DAY_MS}},
        {"warned once", 1, {5 * TIME_DAY_MS, 24 * HOUR, 24 * HOUR, 5 * TIME_DAY_MS}},
        {"warned twice", 2, {5 * TIME_DAY_MS, 9 * TIME_DAY_MS, 9 * TIME_DAY_MS, 5 * TIME_DAY_MS}},
    };
    const struct rules tables[] = {{.retry_count = 0},
                                   {.retries = &all, .retry_count = 1},
                                   {.retries = both, .retry_count = 2},
                                   {.retries = &no_warning, .retry_count = 1}};
    static const uint32_t levels[] = {1, 2, 2, 1};
    for (size_t k = 0; k < COUNT(tables); k++)
        assert_int_equal(rules_warn_levels(&tables[k]), levels[k]);
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].name);
        for (size_t k = 0; k < COUNT(tables); k++)
            assert_int_equal(rules_sweep_age(&tables[k], cases[i].level), cases[i].want[k]);
    }
}

static void walks_from_age_to_age(void **state)
{
    (void)state;
    struct retry_row rows[] = {
        {.pattern = "*", .has_warn = true, .warn_count = 2, .warn_after_ms = {2 * HOUR, 8 * HOUR}},
        {.pattern = "example.com", .expire_after_ms = 8 * HOUR},
        {.pattern = "example.org", .has_warn = true, .expire_after_ms = 9 * TIME_DAY_MS},
    };
    const struct rules none = {.retry_count = 0}, some = {.retries = rows, .retry_count = 3};
    static const int64_t want[] = {2 * HOUR, 4 * HOUR, 8 * HOUR, 5 * TIME_DAY_MS, 9 * TIME_DAY_MS};
    int64_t age = 0;
    for (size_t i = 0; i < COUNT(want); i++)
        assert_int_equal(age = rules_next_age(&some, age), want[i]);
    assert_true(rules_next_age(&some, age) == TIME_NEVER);
    assert_int_equal(rules_next_age(&none, 0), 4 * HOUR);
    assert_int_equal(rules_next_age(&none, 4 * HOUR), 5 * TIME_DAY_MS);
    assert_true(rules_next_age(&none, 5 * TIME_DAY_MS) == TIME_NEVER);
}

static void waits_that_grow(void **state)
{
    (void)state;
    static const int64_t want[] = {5 * MIN,          15 * MIN, 22 * MIN + 30000,
                                   33 * MIN + 45000, HOUR,     HOUR};
    struct schedule s;
    struct slice bad;
    assert_int_equal(schedule_parse(SLICE_LIT("5m 15m x1.5<=1h"), &s, &bad), FP_OK);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(schedule_wait(&s, i + 1), want[i]);
    assert_int_equal(schedule_wait(&s, 5), 50 * MIN + 37500);
    assert_int_equal(schedule_wait(&s, 6), HOUR);
    assert_int_equal(schedule_wait(&s, UINT32_MAX), HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_that_grow),
        cmocka_unit_test(walks_from_age_to_age),
        cmocka_unit_test(parses_schedules),
        cmocka_unit_test(takes_as_many_steps_as_fit),
        cmocka_unit_test(waits_and_repeats_the_last),
        cmocka_unit_test(most_exact_row_wins_setting_by_setting),
        cmocka_unit_test(order_of_rows_does_not_matter),
        cmocka_unit_test(defaults_fill_the_rest),
        cmocka_unit_test(default_schedule_keeps_the_mean_of_the_rfc),
        cmocka_unit_test(limits_by_domain),
        cmocka_unit_test(limits_by_next_hop),
        cmocka_unit_test(rows_may_hold_for_less),
        cmocka_unit_test(many_senders_are_linked_at_once),
        cmocka_unit_test(rows_have_names),
        cmocka_unit_test(waits_are_spread),
        cmocka_unit_test(replies_are_heard_once_and_within_bounds),
        cmocka_unit_test(sweep_looks_no_earlier_than_needed),
    };
    rules_index(&rules);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    drop(&rules);
    return failed;
}
