// SPDX-License-Identifier: BSD-2-Clause
// One message behind a mailing of many thousands to the same destination is tried within the next
// two rounds of its connections: when it is fresh, when both wait in the spool after a restart, and
// when both were deferred and come due. And what else senders and priorities can count on.
#include "simulate/world_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONNECTIONS = 20 };

static const char config[] = "retry = ( { for = \"*\", jitter = \"0%\" } )\n"
                             "limit = ( { for = \"*\", connections = 20 } )\n"
                             "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1:25\" ] } )\n";
static const char text[] = "Subject: x\r\n\r\nx\r\n";

// Slow builds (sanitizers) say FP_EFFORT=low.
static int mailing_size(void)
{
    return getenv("FP_EFFORT") ? 5000 : 100000;
}

static struct world *make_world(struct host **ret)
{
    struct world *w = world_new(&(struct world_options){.seed = 7, .config = config});
    *ret = world_host(w, "192.0.2.1");
    (*ret)->pace = PACE_SLOW_DOT;
    (*ret)->slow_ms = TIME_HOUR_MS; // nothing is delivered while mail comes in
    return w;
}

static void submit(struct world *w, const char *sender, const char *content)
{
    if (world_submit(w, sender, "ann@example.com", content) == 0)
        fail_msg("%s", world_last_reply(w));
}

// Each message of a mailing has a sender of its own.
static void submit_mailing(struct world *w, const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        char sender[64];
        snprintf(sender, sizeof sender, "%s-%d+r%d=example.com@lists.example", name, i, i);
        submit(w, sender, text);
    }
}

static uint32_t count_from(const struct host *h, const char *prefix, const char *within)
{
    uint32_t count = 0;
    for (const struct host_message *m = h->received; m; m = m->next)
        count += strncmp(m->sender, prefix, strlen(prefix)) == 0 &&
                 (!within || strstr(m->content, within));
    return count;
}

// Lets time pass until the host has taken so many more.
static void run_deliveries(struct world *w, const struct host *h, uint32_t more)
{
    uint32_t until = h->received_count + more;
    for (int64_t end_ms = w->now_ms + TIME_DAY_MS; h->received_count < until;) {
        assert_true(w->now_ms < end_ms);
        world_run(w, 5);
    }
}

static void expect_soon(struct world *w, const struct host *h)
{
    run_deliveries(w, h, 2 * CONNECTIONS);
    assert_int_equal(count_from(h, "lone@", NULL), 1);
}

static void test_fresh(void **state)
{
    (void)state;
    struct host *h;
    struct world *w = make_world(&h);
    submit_mailing(w, "news", mailing_size());
    h->slow_ms = 100;
    submit(w, "lone@example.org", text);
    expect_soon(w, h);
    world_free(w);
}

static void test_after_a_restart(void **state)
{
    (void)state;
    struct host *h;
    struct world *w = make_world(&h);
    submit_mailing(w, "news", mailing_size());
    submit(w, "lone@example.org", text);
    h->slow_ms = 100;
    world_crash(w);
    assert_int_equal(count_from(h, "lone@", NULL), 0);
    expect_soon(w, h);
    // And in the middle of the mailing as well as before it.
    submit(w, "lone@example.org", text);
    world_crash(w);
    run_deliveries(w, h, 2 * CONNECTIONS);
    assert_in_range(count_from(h, "lone@", NULL), 2, 3); // one may have been under way
    world_free(w);
}

static void test_deferred(void **state)
{
    (void)state;
    struct host *h;
    struct world *w = make_world(&h);
    h->state = HOST_GREYLIST; // the replies to RCPT come at once
    submit_mailing(w, "news", mailing_size());
    submit(w, "lone@example.org", text);
    int64_t tried_ms = w->now_ms;
    world_run(w, TIME_MINUTE_MS);
    h->state = HOST_UP;
    h->slow_ms = TIME_SECOND_MS; // and now it is slow: what comes due waits behind what was due
    world_run(w, tried_ms + 5 * TIME_MINUTE_MS - w->now_ms - 50);
    assert_int_equal(count_from(h, "lone@", NULL), 0);
    assert_in_range(h->received_count, 1, mailing_size() / 2);
    world_run(w, 100);
    expect_soon(w, h);
    world_free(w);
}

static void expect_even(const struct host *h, const char *const *names, uint32_t count,
                        uint32_t deliveries)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t its = count_from(h, names[i], NULL);
        if (its * count * 5 < deliveries * 4 || its * count * 4 > deliveries * 5)
            fail_msg("%s has %u of %u", names[i], (unsigned)its, (unsigned)deliveries);
    }
}

// Ten mailings, one behind the other, when they come and when they are read.
static void test_ten_senders_share_evenly(void **state)
{
    static const char *const names[] = {"a-", "b-", "c-", "d-", "e-", "f-", "g-", "h-", "i-", "j-"};
    (void)state;
    struct host *h;
    struct world *w = make_world(&h);
    for (size_t i = 0; i < 10; i++) {
        char name[2] = {names[i][0], '\0'};
        submit_mailing(w, name, 1000);
    }
    h->slow_ms = 100;
    run_deliveries(w, h, 1000);
    expect_even(h, names, 10, h->received_count);
    world_crash(w);
    run_deliveries(w, h, 3000);
    expect_even(h, names, 10, h->received_count);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    world_free(w);
}

// The same of the mail of many domains that go one way, most of it in one mailing.
static void test_many_domains_one_way(void **state)
{
    (void)state;
    struct host *h;
    struct world *w = make_world(&h);
    for (int i = 0; i < 3000; i++) {
        char rcpt[64];
        snprintf(rcpt, sizeof rcpt, "r@d%d.example", i % 300);
        assert_int_not_equal(world_submit(w, "news@lists.example", rcpt, text), 0);
    }
    assert_int_not_equal(world_submit(w, "lone@example.org", "r@d299.example", text), 0);
    h->slow_ms = TIME_SECOND_MS;
    world_crash(w);
    expect_soon(w, h);
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    world_free(w);
}

// Bulk mail is four steps below, so it gets one start of 41 while there is other mail, and no
// fewer.
static void test_bulk_mail_goes_behind_and_goes(void **state)
{
    (void)state;
    struct host *h;
    struct world *w = make_world(&h);
    for (int i = 0; i < 500; i++)
        submit(w, "news@lists.example", "Precedence: bulk\r\nSubject: x\r\n\r\nx\r\n");
    for (int i = 0; i < 1000; i++)
        submit(w, i % 2 ? "lone@example.org" : "other@example.org", text);
    for (int run = 0; run < 2; run++) { // as it came, and out of the spool
        h->slow_ms = 100;
        run_deliveries(w, h, 2 * CONNECTIONS); // what was under way already
        uint32_t before = count_from(h, "news@", NULL), all = h->received_count;
        run_deliveries(w, h, 300);
        uint32_t bulk = count_from(h, "news@", NULL) - before;
        assert_in_range(bulk, (h->received_count - all) / 41 - 1,
                        (h->received_count - all) / 41 + 2);
        if (run == 0)
            world_crash(w);
    }
    assert_true(world_run_until_empty(w, TIME_HOUR_MS));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_after_a_restart),
        cmocka_unit_test(test_deferred),
        cmocka_unit_test(test_ten_senders_share_evenly),
        cmocka_unit_test(test_many_domains_one_way),
        cmocka_unit_test(test_bulk_mail_goes_behind_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
