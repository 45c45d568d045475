// SPDX-License-Identifier: BSD-2-Clause
// What is answered about mail: why it waits, what is planned, what became of it.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/asking.h"

static const char config[] =
    "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "          { for = \"two.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n";
static const char text[] = "Subject: x\r\n\r\nhello\r\n";

static struct world *make_world(uint64_t seed)
{
    return world_new(&(struct world_options){.seed = seed, .config = config});
}

// Asks, expects this exit code, returns the answer.
// Who names a message that has left hears what became of it.
static void test_gone(void **state)
{
    (void)state;
    static const struct {
        enum host_state host;
        const char *verb; // an operator's, before it is asked about
        const char *want;
    } cases[] = {
        {HOST_UP, NULL, "<b@one.example> was delivered to 192.0.2.1[192.0.2.1]:25 on 2026-01-01T"},
        {HOST_REJECT, NULL, "<b@one.example> was refused for good by 192.0.2.1[192.0.2.1]:25 on"},
        {HOST_DOWN, "remove", "<b@one.example> was removed by an operator on 2026-01-01T"},
        {HOST_GREYLIST, "bounce", "<b@one.example> was given back by an operator on 2026-01-01T"},
    };
    static const char *const verbs[] = {"show",   "list",   "hold",    "release",
                                        "remove", "bounce", "requeue", "flush"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = make_world(i + 1);
        char id[MESSAGE_ID_DIGITS + 1];
        world_host(w, "192.0.2.1")->state = cases[i].host;
        message_id_format(world_submit(w, "a@x.example", "b@one.example", text), id);
        world_run(w, TIME_MINUTE_MS);
        if (cases[i].verb)
            ask(w, cases[i].verb, id);
        world_run(w, TIME_MINUTE_MS);
        const char *terms[] = {id, "size>0"};
        int code;
        assert_says(world_ask(w, "list", terms, 2, &code), cases[i].want);
        assert_int_equal(code, 66);
        for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++) {
            const char *answer = ask_for(w, 66, verbs[k], id);
            assert_says(answer, "no such message in the queue: ");
            assert_says(answer, cases[i].want);
        }
        assert_says(ask_for(w, 66, "show", "0A1B2C3D4E5F"),
                    "no such message in the queue, and history does not know it\"");
        world_free(w);
    }
}

// A message that is there, and that a verb has nothing to do for, is not said to be gone.
static void test_not_gone(void **state)
{
    (void)state;
    struct world *w = make_world(9);
    char id[MESSAGE_ID_DIGITS + 1];
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    message_id_format(world_submit(w, "a@x.example", "b@one.example", text), id);
    world_run(w, TIME_MINUTE_MS);
    assert_says(ask_for(w, 66, "release", id),
                "the message is in the queue, but this changes nothing");
    static const char *const by_id_and_more[] = {"list", "hold", "bounce", "flush"};
    for (size_t i = 0; i < sizeof by_id_and_more / sizeof *by_id_and_more; i++) {
        const char *terms[] = {id, "age>9d"};
        int code;
        assert_says(world_ask(w, by_id_and_more[i], terms, 2, &code),
                    "the message is in the queue, but the other terms select nothing of it");
        assert_int_equal(code, 66);
    }
    assert_says(ask(w, "list", "age>9d"), "No mail in the queue fits.");
    world_free(w);
}

static char *why(struct world *w, int want, const char *about)
{
    return strdup(ask_for(w, want, "why", about));
}

static void assert_why(struct world *w, const char *about, const char *const *wants, size_t count)
{
    char *answer = why(w, 0, about);
    for (size_t i = 0; i < count; i++)
        assert_says(answer, wants[i]);
    free(answer);
}
#define ASSERT_WHY(w, about, ...)                                                                  \
    assert_why((w), (about), (const char *const[]){__VA_ARGS__},                                   \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void submit(struct world *w, const char *rcpts, char id[MESSAGE_ID_DIGITS + 1])
{
    uint64_t message = world_submit(w, "a@x.example", rcpts, text);
    assert_int_not_equal(message, 0);
    message_id_format(message, id);
}

static const char *asks_for_days(const struct host *h, struct slice rcpt, int64_t now_ms, void *arg)
{
    (void)h, (void)rcpt, (void)now_ms, (void)arg;
    return "450 4.7.1 Greylisted. Retry-After: 200000";
}

// Who was asked for more than is heard says so, and whose bound it is.
static void test_of_a_bound(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 14,
        .config = "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
                  "retry = ( { for = \"one.example\", retry_after = [ \"1m\", \"3h\" ] },\n"
                  "          { for = \"*\", schedule = \"10m\", jitter = \"0%\" } )\n"});
    char id[MESSAGE_ID_DIGITS + 1];
    world_host(w, "192.0.2.1")->judge = asks_for_days;
    submit(w, "b@one.example", id);
    world_run(w, TIME_MINUTE_MS);
    ASSERT_WHY(w, id, "next try:   2026-01-01T03:00",
               "by the most that is heard of a reply, 3h: retry \\\"one.example\\\", ");
    world_free(w);
}

// One message from greylisting through an outage and a hold to its delivery.
static void test_of_a_message(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 11,
        .config = "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
                  "retry = ( { for = \"one.example\", on = \"greylist\", schedule = \"7m\" },\n"
                  "          { for = \"*\", schedule = \"10m\", jitter = \"0%\", max_attempts = 9 "
                  "} )\n"});
    struct host *one = world_host(w, "192.0.2.1");
    char id[MESSAGE_ID_DIGITS + 1];
    one->state = HOST_SILENT;
    submit(w, "b@one.example", id);
    world_run(w, TIME_SECOND_MS);
    ASSERT_WHY(w, id, "from <a@x.example> to <b@one.example>", "state:      active, 0 attempts",
               "now:        is being tried", "next try:   under way");
    world_free(w);

    w = world_new(&(struct world_options){
        .seed = 12,
        .config = "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
                  "retry = ( { for = \"one.example\", on = \"greylist\", schedule = \"7m\" },\n"
                  "          { for = \"*\", schedule = \"10m\", jitter = \"0%\", max_attempts = 9 "
                  "} )\n"});
    one = world_host(w, "192.0.2.1");
    one->state = HOST_GREYLIST;
    submit(w, "b@one.example", id);
    world_run(w, TIME_MINUTE_MS);
    ASSERT_WHY(w, id, "state:      deferred, 1 attempt", "now:        not due yet",
               "next try:   2026-01-01T00:07", "by retry \\\"one.example\\\" on greylist",
               "warning:    2026-01-01T04:00+00:00", "gives up:   2026-01-06T00:00+00:00",
               "or after 9 attempts", "192.0.2.1[192.0.2.1]:25, rcpt, greylist", "450 4.7.1");
    one->state = HOST_DOWN;
    world_run(w, 10 * TIME_MINUTE_MS);
    ASSERT_WHY(w, id, "state:      deferred, 2 attempts",
               "now:        its destination smtp://192.0.2.1:25 rests until 2026-01-01T00:17",
               "it has failed 1 time: connect to ", "connect, host", "450 4.7.1",
               "by rest of the destination: retry \\\"*\\\"");
    ask(w, "hold", id);
    ASSERT_WHY(w, id, "state:      held", "now:        held", "next try:   when it is released",
               "warning:    none comes");
    ask(w, "release", id);
    one->state = HOST_UP;
    world_run(w, TIME_HOUR_MS);
    char *answer = why(w, 66, id);
    assert_says(answer, "state:      delivered, 3 attempts");
    assert_says(answer, "end:        <b@one.example> was delivered to 192.0.2.1[192.0.2.1]:25 on ");
    assert_says(answer, "attempts before the end:");
    assert_says(answer, "450 4.7.1");
    free(answer);
    world_free(w);
}

// Behind others of its destination, when the rate and the connections are used up.
static void test_in_line(void **state)
{
    (void)state;
    static const struct {
        const char *limit, *want;
    } cases[] = {
        {"rate = \"1/1m\"",
         "now:        due; by the rate of smtp://192.0.2.1:25 its turn comes at about "
         "2026-01-01T00:02:00+00:00 (in 1m59s), 1 before it\\n  next try:   about "
         "2026-01-01T00:02:00+00:00 (in 1m59s), by the rate of its destination, an estimate, "
         "limit "},
        {"connections = 1",
         "now:        due; the one connection that smtp://192.0.2.1:25 may have now "
         "is in use, 1 before it\\n  next try:   as soon as a connection is free, by limit "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf conf;
        buf_init(&conf, 4096);
        buf_addf(&conf, "%slimit = ( { for = \"*\", %s } )\n", config, cases[i].limit);
        struct world *w = world_new(&(struct world_options){.seed = 20, .config = conf.p});
        char id[MESSAGE_ID_DIGITS + 1];
        world_host(w, "192.0.2.1")->state = HOST_SILENT;
        for (int k = 0; k < 3; k++)
            submit(w, "b@one.example", id);
        world_run(w, TIME_SECOND_MS);
        ASSERT_WHY(w, id, cases[i].want, "state:      queued, 0 attempts");
        world_free(w);
        buf_close(&conf);
    }
}

// What is estimated of a rate comes true, in the order in which senders take turns.
static void test_turns_by_rate(void **state)
{
    (void)state;
    enum { MESSAGES = 7 };
    struct buf conf;
    buf_init(&conf, 4096);
    buf_addf(&conf, "%slimit = ( { for = \"*\", rate = \"6/1m\" } )\n", config);
    struct world *w = world_new(&(struct world_options){.seed = 21, .config = conf.p});
    char to[64], want[MESSAGES][64];
    int64_t at_ms[MESSAGES];
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(to, sizeof to, "b%d@one.example", i);
        assert_int_not_equal(
            world_submit(w, i == MESSAGES - 1 ? "z@x.example" : "a@x.example", to, text), 0);
    }
    world_run(w, TIME_SECOND_MS);
    for (int i = 1; i < MESSAGES; i++) {
        snprintf(to, sizeof to, "b%d@one.example", i);
        const char *said = strstr(ask(w, "why", to), "next try:   about 2026-01-01T00:0");
        assert_non_null(said);
        snprintf(want[i], sizeof want[i], "%.19s", said + strlen("next try:   about "));
    }
    const char *planned = ask(w, "plan", NULL);
    assert_says(planned, "smtp://192.0.2.1:25                    6  in 8s      in 58s ");
    world_run(w, 2 * TIME_MINUTE_MS);
    for (const struct host_message *m = world_host(w, "192.0.2.1")->received; m; m = m->next)
        at_ms[m->rcpts[1] - '0'] = m->at_ms;
    for (int i = 1; i < MESSAGES; i++) {
        char got[TIME_TEXT_SIZE];
        time_format_iso(at_ms[i], got);
        assert_memory_equal(got, want[i], 17); // to the tens of seconds
    }
    world_free(w);
    buf_close(&conf);
}

// Mail that a flush has made due is told as due, though the spool knows another time.
static void test_flushed(void **state)
{
    (void)state;
    struct buf conf;
    buf_init(&conf, 4096);
    buf_addf(&conf, "%slimit = ( { for = \"*\", rate = \"1/1m\" } )\n", config);
    struct world *w = world_new(&(struct world_options){.seed = 22, .config = conf.p});
    char id[MESSAGE_ID_DIGITS + 1];
    world_run(w, TIME_SECOND_MS);
    world_host(w, "192.0.2.1")->state = HOST_GREYLIST;
    for (int i = 0; i < 4; i++)
        submit(w, "b@one.example", id);
    world_run(w, 4 * TIME_MINUTE_MS);
    assert_says(ask(w, "list", NULL), "  in ");
    ask(w, "flush", NULL);
    world_run(w, TIME_SECOND_MS);
    ask(w, "why", id);
    const char *answer = ask(w, "list", "attempts=1");
    assert_says(answer, "  now  ");
    if (strstr(answer, "  in "))
        fail_msg("%s", answer);
    world_free(w);
    buf_close(&conf);
}

// A flush right behind a start ends rests that the spool has still to tell of.
static void test_flushed_at_the_start(void **state)
{
    (void)state;
    struct world *w = make_world(23);
    char id[MESSAGE_ID_DIGITS + 1];
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    submit(w, "b@one.example", id);
    world_run(w, TIME_HOUR_MS); // it rests for half an hour at a time
    world_host(w, "192.0.2.1")->state = HOST_UP;
    world_restart(w);
    ask(w, "flush", NULL);
    world_run(w, TIME_SECOND_MS);
    assert_int_equal(world_host(w, "192.0.2.1")->received_count, 1);
    world_free(w);
}

static void test_of_an_address(void **state)
{
    (void)state;
    struct world *w = make_world(30);
    struct host *one = world_host(w, "192.0.2.1");
    char first[MESSAGE_ID_DIGITS + 1], last[MESSAGE_ID_DIGITS + 1], done[MESSAGE_ID_DIGITS + 1];
    submit(w, "B@one.example", done);
    world_run(w, TIME_MINUTE_MS);
    one->state = HOST_DOWN;
    submit(w, "b@one.example c@one.example", first);
    for (int i = 0; i < 24; i++)
        submit(w, "b@one.example", last);
    world_run(w, TIME_MINUTE_MS);
    char *answer = why(w, 0, "<b@ONE.example>");
    assert_true(strstr(answer, last) < strstr(answer, done)); // newest first, then what has gone
    assert_null(strstr(answer, first));
    assert_null(strstr(answer, "c@one.example"));
    assert_says(answer, "and 5 more in the queue");
    assert_says(answer, "was delivered to");
    free(answer);
    free(why(w, 0, "B@One.Example."));
    free(why(w, 66, "nobody@one.example"));
    free(why(w, 66, "0A1B2C3D4E5F"));
    free(why(w, 66, "nowhere.example"));
    free(why(w, 64, NULL));
    world_free(w);
}

static void test_of_a_destination(void **state)
{
    (void)state;
    struct world *w = make_world(40);
    char id[MESSAGE_ID_DIGITS + 1];
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    for (int i = 0; i < 3; i++)
        submit(w, "b@one.example", id);
    world_run(w, TIME_MINUTE_MS);
    static const char *const names[] = {"One.Example", "one.example.", "smtp://192.0.2.1:25",
                                        "SMTP://192.0.2.1:25"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ASSERT_WHY(
            w, names[i], "state:      resting", "health:     failed once, on 2026-01-01T00:00",
            "goes to:    smtp://192.0.2.1:25", "next probe: 2026-01-01T00:0", "by the default",
            "waiting:    3 recipients, ", "connections               20", "Connection refused");
    ask(w, "suspend", "one.example");
    ASSERT_WHY(w, "one.example", "one.example is suspended");
    ASSERT_WHY(w, id, "now:        one.example is suspended");
    assert_says(ask(w, "plan", NULL), "one.example is suspended");
    ask(w, "resume", "one.example");
    assert_null(strstr(ask(w, "why", id), "is suspended"));
    world_free(w);
}

// Idle and healthy is not unknown: where history has a delivery, or a row of ours leads there.
static void test_of_an_idle_destination(void **state)
{
    (void)state;
    struct world *w = make_world(41);
    char id[MESSAGE_ID_DIGITS + 1];
    submit(w, "b@one.example b@three.example", id);
    world_run(w, TIME_HOUR_MS);
    static const char *const worked[] = {"One.Example", "three.example."};
    for (size_t i = 0; i < sizeof worked / sizeof *worked; i++)
        ASSERT_WHY(w, worked[i], "state:      open", "health:     good",
                   "delivered:  last on 2026-01-01T00:00", "waiting:    0 recipients");
    static const char *const led_to[] = {"two.example", "smtp://192.0.2.2:25"};
    for (size_t i = 0; i < sizeof led_to / sizeof *led_to; i++) {
        ASSERT_WHY(w, led_to[i], "state:      open", "waiting:    0 recipients");
        assert_null(strstr(ask(w, "why", led_to[i]), "delivered:"));
    }
    assert_says(ask_for(w, 66, "why", "four.example"), "nothing is known of four.example");
    ask_for(w, 66, "why", "smtp://192.0.2.7:25");
    ask_for(w, 66, "why", "ree.example"); // a part of one
    world_free(w);
}

// What is due, where it goes, and what delays it; before and after it has gone.
static void test_plan(void **state)
{
    (void)state;
    struct buf conf;
    buf_init(&conf, 4096);
    buf_addf(&conf, "%slimit = ( { for = \"two.example\", rate = \"2/1m\" } )\n", config);
    struct world *w = world_new(&(struct world_options){.seed = 50, .config = conf.p});
    char id[MESSAGE_ID_DIGITS + 1];
    assert_says(ask(w, "plan", NULL), "Nothing is due within 1h.");
    world_run(w, TIME_SECOND_MS); // who rests has been read: the first one is tried alone
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    world_host(w, "192.0.2.2")->state = HOST_GREYLIST;
    for (int i = 0; i < 3; i++)
        submit(w, "b@one.example b@two.example c@two.example", id);
    world_run(w, 3 * TIME_MINUTE_MS);
    char *answer = strdup(ask(w, "plan", NULL));
    assert_says(answer, "9 recipients to 2 destinations within 1h");
    assert_says(answer, "smtp://192.0.2.1:25                    3");
    assert_says(answer, "its destination rests until 2026-01-01T00:0");
    assert_says(answer, "smtp://192.0.2.2:25                    6");
    assert_says(answer, "rate 2/1m: takes up to 3m");
    free(answer);
    assert_says(ask(w, "plan", "--for=1s"), "smtp://192.0.2.1:25                    ");
    assert_says(ask(w, "plan", "--format=json"), "\\\"recipients\\\": 9,");
    free(strdup(ask_for(w, 64, "plan", "x")));
    free(strdup(ask_for(w, 64, "plan", "--for=0")));
    world_host(w, "192.0.2.1")->state = world_host(w, "192.0.2.2")->state = HOST_UP;
    world_run(w, TIME_HOUR_MS);
    assert_says(ask(w, "plan", NULL), "Nothing is due within 1h.");
    world_free(w);
    buf_close(&conf);
}

// What was given up is told by what.
static void test_of_given_up(void **state)
{
    (void)state;
    static const struct {
        const char *row, *want;
        bool is_tried;
    } cases[] = {
        {"max_attempts = 2", "was given up by the number of its attempts on ", true},
        {"expire_after = \"1h\", warn_after = []", "was given up by its age on ", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char conf[1024], id[MESSAGE_ID_DIGITS + 1];
        snprintf(conf, sizeof conf, "%sretry = ( { for = \"*\", %s } )\n", config, cases[i].row);
        struct world *w = world_new(&(struct world_options){.seed = 70 + i, .config = conf});
        world_host(w, "192.0.2.1")->state = HOST_FULL;
        submit(w, "b@one.example", id);
        world_run(w, 2 * TIME_HOUR_MS);
        const char *answer = ask_for(w, 66, "why", id);
        assert_says(answer, cases[i].want);
        assert_int_equal(strstr(answer, "last try:   192.0.2.1[192.0.2.1]:25, rcpt") != NULL,
                         cases[i].is_tried);
        world_free(w);
    }
}

// Domains that share a next hop, and only one of them is suspended.
static void test_plan_of_suspended(void **state)
{
    (void)state;
    static const char *const domains[] = {"a.example", "b.example"}; // the first, and the last
    for (size_t i = 0; i < 2; i++) {
        struct world *w = make_world(51 + i);
        char id[MESSAGE_ID_DIGITS + 1], want[64];
        world_host(w, "192.0.2.9")->state = HOST_GREYLIST;
        submit(w, "x@a.example y@b.example z@b.example", id);
        world_run(w, TIME_SECOND_MS);
        const char *words[] = {domains[i], "--for=2h"};
        int code;
        world_ask(w, "suspend", words, 2, &code);
        assert_int_equal(code, 0);
        const char *answer = ask(w, "plan", "--for=3h");
        assert_says(answer, "3 recipients to 2 destinations");
        snprintf(want, sizeof want, "smtp://192.0.2.9:25                    %d  in ", i ? 1 : 2);
        assert_says(answer, want);
        snprintf(want, sizeof want, "%s                              %d  in 1h59m", domains[i],
                 i ? 2 : 1);
        assert_says(answer, want);
        world_free(w);
    }
}

// A trouble of our own is said as that, by whatever is asked.
static void test_blocked_here(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 80, .config = "route = ( { for = \"*\", to = [ \"mx\" ] } )\n"});
    char id[MESSAGE_ID_DIGITS + 1];
    world_dns_is_gone(w, true);
    submit(w, "b@one.example", id);
    world_run(w, 20 * TIME_MINUTE_MS);
    ASSERT_WHY(w, id, "state:      queued, 0 attempts",
               "now:        blocked here: ", "by a rest, as it is our own doing");
    ASSERT_WHY(w, "one.example", "state:      resting; blocked here: ", "health:     good");
    assert_says(ask(w, "plan", NULL), "blocked here: ");
    world_free(w);
}

// One mail that the relay does not want from us makes no rest of its destination.
static void test_blocked_alone(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){
        .seed = 81,
        .config = "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n"
                  "retry = ( { for = \"*\", warn_after = [], expire_after = \"1m\" } )\n"});
    char id[MESSAGE_ID_DIGITS + 1];
    world_host(w, "192.0.2.1")->state = HOST_AUTH;
    submit(w, "b@one.example", id);
    world_run(w, 20 * TIME_MINUTE_MS + 10 * TIME_SECOND_MS);
    ASSERT_WHY(w, id, "now:        blocked here: the relay refuses our credentials",
               "gives up:   not while it is blocked here");
    ASSERT_WHY(w, "one.example",
               "state:      open; blocked here: the relay refuses our credentials");
    assert_says(ask(w, "plan", NULL), "blocked here: the relay refuses our credentials");
    assert_says(ask(w, "stats", NULL), "Blocked here");
    assert_says(ask(w, "show", id), "gives up:   not while it is blocked here");
    assert_says(ask(w, "list", "--format=jsonl"), "\\\"expires\\\": null");
    world_host(w, "192.0.2.1")->state = HOST_UP;
    world_run(w, 5 * TIME_MINUTE_MS);
    assert_int_equal(world_queued(w), 0);
    assert_null(strstr(ask(w, "stats", NULL), "Blocked here"));
    world_free(w);
}

static uint32_t count(const char *in, const char *what)
{
    uint32_t n = 0;
    for (const char *at = in; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

// More recipients than are told of at once, some of them gone: each once, in order; also to a
// client that goes away, and one that breaks off.
static void test_many_recipients(void **state)
{
    (void)state;
    enum { RCPTS = 120 };
    struct world *w = make_world(60);
    struct buf rcpts;
    char id[MESSAGE_ID_DIGITS + 1], name[64];
    buf_init(&rcpts, 64 * 1024);
    world_host(w, "192.0.2.1")->state = HOST_GREYLIST;
    for (int i = 0; i < RCPTS; i++)
        buf_addf(&rcpts, "%sr%d@%s.example", i ? " " : "", i, i % 2 ? "one" : "two");
    submit(w, rcpts.p, id);
    world_run(w, TIME_MINUTE_MS);
    char *answer = why(w, 0, id);
    const char *at = answer;
    for (int i = 0; i < RCPTS; i++) {
        snprintf(name, sizeof name, "to <r%d@", i);
        at = strstr(at, name);
        assert_non_null(at);
    }
    assert_int_equal(count(answer, "state:      deferred, 1 attempt"), RCPTS / 2);
    assert_int_equal(count(answer, "state:      delivered, 1 attempt"), RCPTS / 2);
    free(answer);
    const char *word = id;
    int code;
    for (uint32_t takes = 0; takes < 3; takes++) {
        w->client_takes = takes;
        world_ask(w, "why", &word, 1, &code);
        assert_int_equal(code, -1);
        w->client_takes = UINT32_MAX;
        world_tell(w, "why", &word, 1);
        world_run(w, takes);
    }
    world_run(w, TIME_MINUTE_MS);
    free(why(w, 0, id));
    world_free(w);
    buf_close(&rcpts);
}

// A queue of many pages and more destinations than a plan shows.
static void test_large_plan(void **state)
{
    (void)state;
    enum { DOMAINS = 1200 };
    struct world *w = world_new(
        &(struct world_options){.seed = 70,
                                .config = "limit = ( { for = \"*\", rate = \"1/1h\" } )\n"
                                          "route = ( { for = \"*\", to = [ \"mx\" ] } )\n"});
    world_dns_fails(w, true);
    char to[64];
    for (int i = 0; i < DOMAINS; i++) {
        snprintf(to, sizeof to, "b@d%d.example", i);
        assert_int_not_equal(world_submit(w, "a@x.example", to, text), 0);
    }
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(world_submit(w, "a@x.example", "b@zzz.example", text), 0);
    char *answer = strdup(ask(w, "plan", "--for=2d"));
    assert_says(answer, "1203 recipients to 1201 destinations within 2d");
    assert_says(answer, "shown are the 1000 with most");
    assert_says(answer, "zzz.example ");
    assert_int_equal(count(answer, ".example "), 1000);
    free(answer);
    world_tell(w, "plan", NULL, 0);
    world_run(w, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_not_gone),
        cmocka_unit_test(test_of_a_bound),
        cmocka_unit_test(test_of_given_up),
        cmocka_unit_test(test_of_a_message),
        cmocka_unit_test(test_in_line),
        cmocka_unit_test(test_flushed),
        cmocka_unit_test(test_flushed_at_the_start),
        cmocka_unit_test(test_turns_by_rate),
        cmocka_unit_test(test_of_an_address),
        cmocka_unit_test(test_of_a_destination),
        cmocka_unit_test(test_of_an_idle_destination),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_of_suspended),
        cmocka_unit_test(test_many_recipients),
        cmocka_unit_test(test_large_plan),
        cmocka_unit_test(test_blocked_here),
        cmocka_unit_test(test_blocked_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
