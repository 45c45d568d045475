// SPDX-License-Identifier: BSD-2-Clause
// What `fermoposta simulate` is asked for, and what it says to what it cannot read.
#include "core/time.h"
#include "simulate/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const struct options_case {
    const char *name;
    const char *words[8];
    const char *want; // as described below, or "! sentence"
} cases[] = {
    {"defaults", {NULL}, "100 over 0s for 30d from user@example.org seed 1 text"},
    {"value behind a blank",
     {"--messages", "7"},
     "7 over 0s for 30d from user@example.org seed 1 text"},
    {"all plain ones",
     {"--messages=7", "--over=1h", "--for=12h", "--from=a@b.example", "--seed=9", "--format=json"},
     "7 over 1h for 12h from a@b.example seed 9 json"},
    {"notices", {"--from=<>"}, "100 over 0s for 30d from  seed 1 text"},
    {"the last of several senders",
     {"--from=a@a.example,b@b.example"},
     "100 over 0s for 30d from b@b.example seed 1 text"},
    {"domains once each, in lower case",
     {"--to=A.example,b.example,a.EXAMPLE"},
     "100 over 0s for 30d from user@example.org seed 1 text to a.example to b.example"},
    {"weather",
     {"--down", "Example.com=6h", "--greylist=*=10m@2h", "--slow=192.0.2.1=5s"},
     "100 over 0s for 30d from user@example.org seed 1 text down example.com 6h@0s "
     "greylist * 10m@2h slow 192.0.2.1 5s@0s"},
    {"more weather",
     {"--busy=a=1h", "--full=a=1h", "--reject=a=1h"},
     "100 over 0s for 30d from user@example.org seed 1 text busy a 1h@0s full a 1h@0s reject a "
     "1h@0s"},
    {"no host",
     {"--mx=a.example"},
     "! --mx \"a.example\": write DOMAIN=HOST, such as "
     "example.com=mx1.example.net"},
    {"no message", {"--messages=0"}, "! --messages \"0\": write a number from 1 to 1000000"},
    {"too many",
     {"--messages=1000001"},
     "! --messages \"1000001\": write a number from 1 to 1000000"},
    {"no number", {"--messages=-1"}, "! --messages \"-1\": write a number from 1 to 1000000"},
    {"no duration",
     {"--over=soon"},
     "! --over \"soon\": write a duration up to 30 days, such as 1h"},
    {"too long", {"--for=31d"}, "! --for \"31d\": write a duration up to 30 days, such as 12h"},
    {"no time at all", {"--for=0"}, "! --for \"0\": write a duration up to 30 days, such as 12h"},
    {"no address",
     {"--from=me"},
     "! --from \"me\": write addresses such as a@example.org,b@example.org, or <> for notices"},
    {"no domain",
     {"--to=a.example,,b.example"},
     "! --to \"a.example,,b.example\": write domains such as example.com,example.net, without a "
     "blank"},
    {"no seed", {"--seed=x"}, "! --seed \"x\": write a number"},
    {"no format", {"--format=xml"}, "! --format \"xml\": write text or json"},
    {"nothing behind it", {"--seed"}, "! --seed needs a value behind it"},
    {"near", {"--donw=a=1h"}, "! simulate does not know \"--donw=a=1h\"; did you mean --down?"},
    {"far",
     {"quickly"},
     "! simulate does not know \"quickly\"; fermoposta simulate --help lists its options"},
    {"harmless",
     {"--\033[2J"},
     "! simulate does not know \"--\\x1b[2J\"; fermoposta simulate --help lists its options"},
};

static void describe(const struct simulate_options *o, struct buf *to)
{
    buf_addf(to, "%u over ", o->messages);
    time_format_duration(o->over_ms, to);
    buf_add_str(to, " for ");
    time_format_duration(o->for_ms, to);
    buf_addf(to, " from %s seed %llu %s", o->senders[o->sender_count - 1],
             (unsigned long long)o->seed, o->is_json ? "json" : "text");
    for (uint32_t i = 0; i < o->domain_count; i++)
        buf_addf(to, " to %s", o->domains[i]);
    for (uint32_t i = 0; i < o->weather.count; i++) {
        const struct weather_row *row = &o->weather.rows[i];
        buf_addf(to, " %s %s ", weather_name(row->kind), row->name);
        time_format_duration(row->length_ms, to);
        buf_add_str(to, "@");
        time_format_duration(row->start_ms, to);
    }
}

static void test_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct options_case *c = &cases[i];
        size_t count = 0;
        while (count < COUNT_OF(c->words) && c->words[count])
            count++;
        struct simulate_options o;
        struct buf got;
        buf_init(&got, 64 * 1024);
        struct buf why;
        buf_init(&why, 4096);
        if (simulate_options_parse(c->words, count, &o, &why) == FP_OK)
            describe(&o, &got);
        else
            buf_addf(&got, "! %s", buf_slice(&why).p);
        if (strcmp(got.p, c->want) != 0)
            fail_msg("%s: got \"%s\", want \"%s\"", c->name, got.p, c->want);
        simulate_options_close(&o);
        buf_close(&why);
        buf_close(&got);
    }
}

static void test_weather_says_what_is_right(void **state)
{
    (void)state;
    static const char *const bad[] = {"example.com",      "=6h",
                                      "example.com=",     "example.com=0",
                                      "example.com=x",    "example.com=6h@",
                                      "example.com=6h@x", "example.com=-1h"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct weather w = {0};
        struct buf why;
        buf_init(&why, 4096);
        assert_int_equal(weather_add(&w, WEATHER_DOWN, bad[i], &why), FP_INVALID);
        assert_non_null(strstr(why.p, "write NAME=DURATION or NAME=DURATION@START"));
        assert_int_equal(w.count, 0);
        buf_close(&why);
        weather_close(&w);
    }
}

static void test_weather_by_time(void **state)
{
    (void)state;
    struct weather w = {0};
    struct buf why;
    buf_init(&why, 4096);
    assert_int_equal(weather_add(&w, WEATHER_DOWN, "a=1h@30m", &why), FP_OK);
    assert_int_equal(weather_add(&w, WEATHER_GREYLIST, "a=1h@30m", &why), FP_OK);
    assert_false(weather_holds(&w.rows[0], 30 * TIME_MINUTE_MS - 1));
    assert_true(weather_holds(&w.rows[0], 30 * TIME_MINUTE_MS));
    assert_true(weather_holds(&w.rows[0], 90 * TIME_MINUTE_MS - 1));
    assert_false(weather_holds(&w.rows[0], 90 * TIME_MINUTE_MS));
    assert_true(weather_holds(&w.rows[1], TIME_DAY_MS)); // each recipient has its own hour
    weather_close(&w);
    buf_close(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_weather_says_what_is_right),
        cmocka_unit_test(test_weather_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
