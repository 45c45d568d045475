// SPDX-License-Identifier: BSD-2-Clause
// `fermoposta simulate` as a whole: what it prints, that it says the same again for the same seed,
// and that it leaves nothing behind.
#include "config/config_conf.h"
#include "simulate/simulate_db.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/golden.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static char folder[] = "/tmp/fp-test-XXXXXX";

static const char routes[] =
    "hostname = \"mail.example.org\"\n"
    "route = ( { for = \"example.net\", to = [ \"smtp://relay:2525\" ] },\n"
    "          { for = \"*\", to = [ \"mx\" ] } )\n"
    // Without jitter, and hardly anything at the same time: what is printed are the schedule's own
    // times, and no matter of taste in concurrency.
    "limit = ( { for = \"*\", connections = 2 } )\n"
    "retry = ( { for = \"*\", schedule = \"5m 15m 30m\", jitter = \"0%\", warn_after = [ \"1h\" "
    "],\n"
    "            expire_after = \"3h\" } )\n";

struct result {
    int code;
    struct buf out, notes;
};

static void play_with(struct result *r, const char *text, const volatile sig_atomic_t *stop,
                      const char *const *words, size_t count)
{
    char path[64];
    snprintf(path, sizeof path, "%s/conf", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    struct config config = {0};
    buf_init(&r->out, SIMULATE_OUTPUT_MAX);
    buf_init(&r->notes, SIMULATE_NOTES_MAX);
    assert_int_equal(config_load(path, &config, &r->notes), FP_OK);
    unlink(path);
    struct simulate_task task = {.config = &config, .words = words, .count = count, .stop = stop};
    r->code = simulate_run(&task, &r->out, &r->notes);
    config_close(&config);
}

#define play(r, ...)                                                                               \
    play_with((r), routes, NULL, (const char *const[]){__VA_ARGS__},                               \
              COUNT_OF(((const char *const[]){__VA_ARGS__})))

static void close_result(struct result *r)
{
    buf_close(&r->out);
    buf_close(&r->notes);
}

static void expect(const struct result *r, const char *text)
{
    if (!strstr(buf_slice(&r->out).p, text))
        fail_msg("\"%s\" is not in:\n%s%s", text, buf_slice(&r->out).p, buf_slice(&r->notes).p);
}

static void expect_note(const struct result *r, const char *text)
{
    if (!strstr(buf_slice(&r->notes).p, text))
        fail_msg("\"%s\" is not in: %s", text, buf_slice(&r->notes).p);
}

static void test_outage(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--down", "example.com=2h", "--greylist=example.net=10m", "--messages=40",
         "--to=example.com,example.net");
    assert_int_equal(r.code, EX_OK);
    assert_string_equal(buf_slice(&r.notes).p, "");
    golden_check("simulate-outage.txt", buf_slice(&r.out));
    close_result(&r);
}

static void test_json(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--reject=example.com=1h", "--messages=2", "--format=json");
    assert_int_equal(r.code, EX_OK);
    golden_check("simulate.json", buf_slice(&r.out));
    close_result(&r);
}

static void test_same_again(void **state)
{
    (void)state;
    struct result a, b, c;
    static const char *const words[] = {"--busy=*=1h@10m", "--messages=300", "--over=1h",
                                        "--to=a.example,b.example,c.example", "--seed=7"};
    play_with(&a, "hostname = \"m.example\"\n", NULL, words, COUNT_OF(words));
    play_with(&b, "hostname = \"m.example\"\n", NULL, words, COUNT_OF(words));
    play_with(&c, "hostname = \"m.example\"\n", NULL, words, COUNT_OF(words) - 1);
    assert_string_equal(a.out.p, b.out.p);
    assert_string_not_equal(a.out.p, c.out.p); // the seed counts
    close_result(&a);
    close_result(&b);
    close_result(&c);
}

// A relay's weather, its domain's weather, and one mailbox provider behind a relay.
static void test_relay(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--down=relay=1h", "--to=example.net", "--messages=3");
    expect(&r, "smtp://relay:2525 fails: connect to relay[198.18.0.1]:2525: Connection refused");
    expect(&r, "smtp://relay:2525 answers again: 3 delivered");
    assert_string_equal(buf_slice(&r.notes).p, "");
    close_result(&r);
    play(&r, "--refuse=relay=1h", "--to=example.net", "--messages=3"); // it is about us
    expect(&r, " deferred in 59m1s: blocked here: the relay refuses us: host relay[");
    expect(&r, "+01:00:0");
    expect(&r, "not delivered 0 refused, 0 given up");
    expect(&r, "delivered     3, ");
    close_result(&r);
    play(&r, "--refuse=example.net=1h", "--messages=3"); // and about its recipients
    expect(&r, "not delivered 3 refused, 0 given up");
    close_result(&r);
    play(&r, "--down=example.net=1h", "--messages=3");
    expect(&r, "smtp://relay:2525 answers again: 3 delivered");
    expect_note(&r, "its mail goes to smtp://relay:2525");
    close_result(&r);
    play(&r, "--full=example.net=10m", "--messages=3");
    expect(&r, "smtp://relay:2525 3 deferred: 452 4.2.2 mailbox full");
    expect(&r, "delivered     3,");
    close_result(&r);
}

// Two domains behind one host that a row names: one destination, one limit, one weather.
static void test_site(void **state)
{
    (void)state;
    struct result r;
    static const char text[] = "hostname = \"m.example\"\n"
                               "limit = ( { for = \"mx:big.example\", connections = 3 } )\n";
    static const char *const words[] = {"--mx=a.example=Big.example", "--mx=b.example=big.example",
                                        "--to=a.example,b.example", "--down=a.example=1h",
                                        "--messages=100"};
    play_with(&r, text, NULL, words, COUNT_OF(words));
    expect_note(&r, "--down a.example: its mail goes to mx:big.example, so");
    expect(&r, "mx:big.example answers again: 100 delivered");
    expect(&r, "at once at most 3\n");
    close_result(&r);
}

// Routes without an SMTP host that a name stands for.
static void test_other_routes(void **state)
{
    (void)state;
    struct result r;
    static const char text[] =
        "hostname = \"m.example\"\n"
        "route = ( { for = \"gone.example\", to = [ \"discard:\" ] },\n"
        "          { for = \"bad.example\", to = [ \"error:5.1.2 no such place\" ] },\n"
        "          { for = \"box.example\", to = [ \"lmtp:///run/box\" ] },\n"
        "          { for = \"*\", to = [ \"mx\" ] } )\n";
    static const char *const words[] = {"--to=gone.example,bad.example,box.example,[192.0.2.7]",
                                        "--down=/run/box=1h", "--messages=40"};
    play_with(&r, text, NULL, words, COUNT_OF(words));
    assert_string_equal(buf_slice(&r.notes).p, "");
    expect(&r, "discard: 10 delivered: discarded\n");
    expect(&r, "10 refused for good: no such place\n");
    expect(&r, "lmtp:///run/box answers again: 10 delivered");
    expect(&r, "[192.0.2.7] 10 delivered");
    expect(&r, "delivered     30,");
    close_result(&r);
}

#define FOLDERS                                                                                    \
    "hostname = \"m.example\"\n"                                                                   \
    "retry = ( { for = \"*\", schedule = \"10m\", jitter = \"0%\" } )\n"                           \
    "route = ( { for = \"box.example\", to = [ \"maildir:///Mail/{domain}/{user}\" ] },\n"         \
    "          { for = \"false.example\", to = [ \"pipe:///bin/false  -x {user}\" ] },\n"          \
    "          { for = \"true.example\", to = [ \"pipe:///bin/true -x {user}\" ] } )\n"
static const char to_folders[] = "--to=box.example,false.example,true.example";

// Folders and programs are delivered to and counted, and no connections.
static void test_folders(void **state)
{
    (void)state;
    struct result r;
    play_with(&r, FOLDERS, NULL, (const char *const[]){to_folders, "--messages=30"}, 2);
    expect(&r, "maildir:///Mail/{domain}/{user} 10 delivered");
    expect(&r, "pipe:///bin/true -x {user} 10 delivered");
    expect(&r, "delivered     30,");
    expect(&r, "attempts      30\n");
    expect(&r, "connections   0,");
    close_result(&r);
}

// What can be wrong with them: by the domain whose mail goes there, or as the route names them.
static void test_weather_of_folders(void **state)
{
    (void)state;
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"--down=maildir:///Mail/{domain}/{user}=30m", "{user} answers again: 2 delivered"},
        {"--down=box.example=30m", "{user} answers again: 2 delivered"},
        {"--down=*=30m", "pipe:///bin/true -x {user} 2 delivered"}, // that is hosts alone
        {"--full=box.example=5m", "/rcpt0: Disk quota exceeded (over quota)"},
        {"--full=pipe:///bin/false  -x {user}=5m",
         "2 deferred: false ended with status 75, temporary failure: mailbox full"},
        {"--busy=false.example=5m", "false ended with status 75, temporary failure: busy"},
        {"--reject=pipe:///bin/false  -x {user}=5m",
         "{user} 2 refused for good: false ended with status 67, user unknown"},
        {"--refuse=true.example=5m", "2 refused for good: true ended with status 77"},
        {"--slow=true.example=20s", "the longest wait 20s"},
        {"--slow=false.example=1h", "2 deferred: false did not end within"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct result r;
        play_with(&r, FOLDERS, NULL,
                  (const char *const[]){to_folders, "--messages=6", "--for=2h", cases[i].word}, 4);
        expect(&r, cases[i].want);
        close_result(&r);
    }
}

static void test_notes_about_folders(void **state)
{
    (void)state;
    struct result r;
    play_with(&r, FOLDERS, NULL,
              (const char *const[]){to_folders, "--reject=box.example=1h", "--messages=3",
                                    "--greylist=pipe:///bin/true -x {user}=1h"},
              4);
    expect_note(&r, "--reject box.example: maildir:///Mail/{domain}/{user} is a folder, which can "
                    "be --down, --full or --slow\n");
    expect_note(&r, "pipe:///bin/true -x {user} is a program, which can be anything but");
    expect(&r, "delivered     3,");
    close_result(&r);
}

// Two relays at one address are two.
static void test_ports(void **state)
{
    (void)state;
    static const char text[] =
        "hostname = \"m.example\"\n"
        "route = ( { for = \"a.example\", to = [ \"smtp://127.0.0.1:2525\" ] },\n"
        "          { for = \"b.example\", to = [ \"smtp://127.0.0.1:2526\" ] },\n"
        "          { for = \"c.example\", to = [ \"smtp://relay:2525\" ] },\n"
        "          { for = \"d.example\", to = [ \"smtp://[2001:db8::1]:2525\" ] } )\n";
    static const struct {
        const char *word, *down[4]; // the domains it is about
    } cases[] = {
        {"--down=127.0.0.1:2525=1h", {"a"}},
        {"--down=127.0.0.1=1h", {"a", "b"}},
        {"--down=smtp://127.0.0.1:2526=1h", {"b"}},
        {"--down=RELAY:2525=1h", {"c"}},
        {"--down=relay=1h", {"c"}},
        {"--down=b.example=1h", {"b"}},
        {"--down=[2001:db8::1]:2525=1h", {"d"}},
        {"--down=2001:db8::1=1h", {"d"}},
        {"--down=*=1h", {"a", "b", "c", "d"}},
    };
    static const char *const names[] = {"127.0.0.1:2525", "127.0.0.1:2526", "relay:2525",
                                        "[2001:db8::1]:2525"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct result r;
        play_with(&r, text, NULL,
                  (const char *const[]){"--to=a.example,b.example,c.example,d.example",
                                        "--messages=4", cases[i].word},
                  3);
        bool is_down[4] = {false};
        for (size_t k = 0; k < 4 && cases[i].down[k]; k++)
            is_down[cases[i].down[k][0] - 'a'] = true;
        for (size_t k = 0; k < 4; k++) {
            char line[80];
            snprintf(line, sizeof line, "smtp://%s %s", names[k],
                     is_down[k] ? "answers again: 1 delivered" : "1 delivered");
            expect(&r, line);
        }
        close_result(&r);
    }
    struct result r;
    play_with(&r, text, NULL, (const char *const[]){"--down=127.0.0.1:25=1h"}, 1);
    expect_note(&r, "did you mean 127.0.0.1:2525?");
    close_result(&r);
}

// As many senders as domains: each writes to each, as rows of routes and retry may look at both.
static void test_each_sender_to_each_domain(void **state)
{
    (void)state;
    struct result r;
    static const char text[] =
        "hostname = \"m.example\"\n"
        "route = ( { for = \"b.example\", from = \"x@x.example\", to = [ \"smtp://one\" ] },\n"
        "          { for = \"a.example\", from = \"y@x.example\", to = [ \"maildir:///y/{user}\" ] "
        "},\n"
        "          { for = \"b.example\", to = [ \"smtp://two\" ] } )\n";
    static const char *const words[] = {"--from=x@x.example,y@x.example",
                                        "--to=a.example,b.example", "--messages=8"};
    play_with(&r, text, NULL, words, COUNT_OF(words));
    expect(&r, "smtp://one 2 delivered");
    expect(&r, "smtp://two 2 delivered");
    expect(&r, "a.example 2 delivered");
    expect(&r, "maildir:///y/{user} 2 delivered");
    close_result(&r);
}

// What a failed warning says goes to the postmaster: it is no message that came back.
static void test_lost_notices(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--down=example.com=1d", "--down=example.org=1d", "--messages=5");
    expect(&r, "5 failed notices told to the postmaster");
    expect(&r, "notices       5 warnings, 5 returns, 10 to the postmaster\n");
    close_result(&r);
}

static void test_expires(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--down=example.com=1d", "--messages=10", "--from=a@example.net");
    expect(&r, "10 warnings to senders");
    expect(&r, "10 messages returned to senders");
    expect(&r, "smtp://relay:2525 10 notices delivered");
    expect(&r, "not delivered 0 refused, 10 given up");
    expect(&r, "waiting       0\n");
    close_result(&r);
}

// What several senders get back for the same reason is kept for an operator, and the rest of it is
// not waited for.
static void test_brake(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--refuse=example.com=1h", "--messages=100",
         "--from=a@example.org,b@example.org,c@example.org");
    expect(&r, "refused for good, and held for an operator: 550 5.7.1 we do not");
    expect(&r, "waiting       0, held ");
    expect(&r, "ended         +00:00:0");
    close_result(&r);
}

static void test_ends(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--down=*=1d", "--messages=10", "--for=30m");
    expect(&r, "waiting       10\n");
    expect(&r, "ended         +00:30:00");
    close_result(&r);
    static const volatile sig_atomic_t stopped = 15;
    static const char *const words[] = {"--messages=10"};
    play_with(&r, routes, &stopped, words, 1);
    expect(&r, "messages      10, accepted 0");
    close_result(&r);
}

static void test_slow(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--slow=example.com=20s", "--messages=1");
    expect(&r, "the longest wait 20s");
    close_result(&r);
}

static void test_modes(void **state)
{
    (void)state;
    struct result r;
    static const char *const words[] = {"--messages=5", "--for=1h"};
    play_with(&r, "hostname = \"m.example\"\nmode = \"queue\"\n", NULL, words, 2);
    expect_note(&r, "nothing is tried until it is flushed");
    expect(&r, "waiting       5\n");
    close_result(&r);
    play_with(&r, "hostname = \"m.example\"\nmode = \"interactive\"\n", NULL, words, 2);
    expect(&r, "messages      5, accepted 5\ndelivered     5,");
    close_result(&r);
    static const char discarding[] =
        "hostname = \"m.example\"\nmode = \"interactive\"\n"
        "route = ( { for = \"example.com\", to = [ \"discard:\" ] } )\n";
    play_with(&r, discarding, NULL, words, 2);
    expect(&r, "discard: 5 delivered: discarded\n");
    expect(&r, "delivered     5,");
    close_result(&r);
}

static void test_notes(void **state)
{
    (void)state;
    struct result r;
    play(&r, "--down=exmple.com=1h", "--to=example.com", "--messages=1");
    assert_int_equal(r.code, EX_OK);
    expect_note(&r,
                "--down exmple.com: no message goes there, and no route names such a next hop; did "
                "you mean example.com?\n");
    close_result(&r);
    play(&r, "--down=example.com");
    assert_int_equal(r.code, EX_USAGE);
    assert_int_equal(r.out.n, 0);
    close_result(&r);
}

static int count_entries(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; // . and ..
}

// Hosts keep to every policy of TLS, and let in who has credentials.
static void test_protected(void **state)
{
    (void)state;
    struct result r;
    static const char *const words[] = {"--messages", "10"};
    play_with(
        &r,
        "hostname = \"mail.example.org\"\n"
        "route = ( { for = \"*\", to = [ \"smtp://relay.example:587\" ] } )\n"
        "tls = ( { for = \"relay.example\", policy = \"verify\" } )\n"
        "credentials = ( { for = \"relay.example\", user = \"u\", mechanisms = [ \"PLAIN\" ],\n"
        "                  password_command = [ \"/bin/cat\" ] } )\n",
        NULL, words, COUNT_OF(words));
    assert_int_equal(r.code, EX_OK);
    expect(&r, "delivered     10,");
    close_result(&r);
}

static void test_leaves_nothing(void **state)
{
    (void)state;
    struct result r;
    assert_int_equal(count_entries(), 0); // of all tests before, which had their spools there
    setenv("TMPDIR", "/nonexistent", 1);
    play(&r, "--messages=1");
    setenv("TMPDIR", folder, 1);
    assert_int_equal(r.code, EX_CANTCREAT);
    expect_note(&r, "no folder could be made for the simulation (/nonexistent/");
    expect_note(&r, "TMPDIR may name another");
    close_result(&r);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_relay),
        cmocka_unit_test(test_site),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_protected),
        cmocka_unit_test(test_brake),
        cmocka_unit_test(test_other_routes),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_weather_of_folders),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_notes_about_folders),
        cmocka_unit_test(test_lost_notices),
        cmocka_unit_test(test_each_sender_to_each_domain),
        cmocka_unit_test(test_leaves_nothing),
    };
    if (!mkdtemp(folder) || setenv("TMPDIR", folder, 1) != 0)
        return EX_CANTCREAT;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
