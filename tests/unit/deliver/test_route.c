// SPDX-License-Identifier: BSD-2-Clause
// The texts of next hops, and which row fits an address.
#include "core/must.h"
#include "deliver/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *text;
    enum fp_err err;
    enum target_kind kind;
    const char *host;
    uint16_t port;
    const char *said;
} targets[] = {
    {"mx", FP_OK, TARGET_MX, NULL, 0},
    {"MX", FP_OK, TARGET_MX, NULL, 0},
    {"smtp://relay.example", FP_OK, TARGET_SMTP, "relay.example", 25},
    {"smtp://relay.example:587", FP_OK, TARGET_SMTP, "relay.example", 587},
    {"smtp://relay.example.:587", FP_OK, TARGET_SMTP, "relay.example", 587},
    {"SMTP://192.0.2.1:1", FP_OK, TARGET_SMTP, "192.0.2.1", 1},
    {"smtp://192.0.2.1:65535", FP_OK, TARGET_SMTP, "192.0.2.1", 65535},
    {"smtp://[2001:db8::1]", FP_OK, TARGET_SMTP, "2001:db8::1", 25},
    {"smtp://[2001:db8::1]:2525", FP_OK, TARGET_SMTP, "2001:db8::1", 2525},
    {"smtp://localhost:2525", FP_OK, TARGET_SMTP, "localhost", 2525},
    {"", FP_INVALID},
    {"relay.example", FP_INVALID},
    {"smtp://", FP_INVALID},
    {"smtp://:25", FP_INVALID},
    {"smtp://relay.example:", FP_INVALID},
    {"smtp://relay.example:0", FP_INVALID},
    {"smtp://relay.example:65536", FP_INVALID},
    {"smtp://relay.example:99999999999", FP_INVALID},
    {"smtp://relay.example:25x", FP_INVALID},
    {"smtp://relay.example/", FP_INVALID},
    {"smtp://2001:db8::1", FP_INVALID},
    {"smtp://[2001:db8::1", FP_INVALID},
    {"smtp://[2001:db8::1]25", FP_INVALID},
    {"smtp://[nonsense]", FP_INVALID},
    {"smtp://re lay", FP_INVALID},
    {"smtps://relay.example", FP_OK, TARGET_SMTPS, "relay.example", 465},
    {"SMTPS://[2001:db8::1]:466", FP_OK, TARGET_SMTPS, "2001:db8::1", 466},
    {"smtps://", FP_INVALID},
    {"lmtp://host:24", FP_OK, TARGET_LMTP, "host", 24},
    {"lmtp://[::1]:2424", FP_OK, TARGET_LMTP, "::1", 2424},
    {"LMTP:///run/dovecot/lmtp", FP_OK, TARGET_LMTP_UNIX, NULL, 0, "/run/dovecot/lmtp"},
    {"lmtp://host", FP_INVALID},
    {"lmtp://host:25", FP_INVALID},
    {"lmtp:///", FP_INVALID},
    {"lmtp://", FP_INVALID},
    {"lmtp:/run/dovecot/lmtp", FP_INVALID},
    {"maildir:///m/{user}", FP_OK, TARGET_MAILDIR, NULL, 0, "/m/{user}"},
    {"maildir:///m/{user}/", FP_OK, TARGET_MAILDIR, NULL, 0, "/m/{user}"},
    {"maildir:///m/..x", FP_OK, TARGET_MAILDIR, NULL, 0, "/m/..x"},
    {"maildir:///m/{usr}", FP_INVALID},
    {"maildir:///m/../x", FP_INVALID},
    {"maildir:///m/..", FP_INVALID},
    {"maildir://m/{user}", FP_INVALID},
    {"maildir:///", FP_INVALID},
    {"maildir:/m", FP_INVALID},
    {"error:5.1.2 no such domain", FP_OK, TARGET_ERROR, NULL, 0, "5.1.2 no such domain"},
    {"error:4.123.999 later", FP_OK, TARGET_ERROR, NULL, 0, "4.123.999 later"},
    {"error:2.0.0 fine", FP_INVALID},
    {"error:5.1.2", FP_INVALID},
    {"error:5.1.2 ", FP_INVALID},
    {"error:5.1 x", FP_INVALID},
    {"error:5.1.1234 x", FP_INVALID},
    {"error:no such domain", FP_INVALID},
    {"error:5.1.2 two\nlines", FP_INVALID},
    {"error:", FP_INVALID},
    {"discard:", FP_OK, TARGET_DISCARD, NULL, 0},
    {"discard", FP_INVALID},
    {"discard:all", FP_INVALID},
    {"smtps://host:0", FP_INVALID},
    {"mx ", FP_INVALID},
};

static void test_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct target t = {.host = NULL};
        struct buf why;
        buf_init(&why, 500);
        if (target_parse(slice_str(targets[i].text), &t, &why) != targets[i].err)
            fail_msg("\"%s\": %s", targets[i].text, why.p ? why.p : "taken");
        assert_int_equal(why.n > 0, targets[i].err != FP_OK);
        if (targets[i].err == FP_OK) {
            assert_int_equal(t.kind, targets[i].kind);
            assert_int_equal(t.port, targets[i].port);
            if (targets[i].host)
                assert_string_equal(t.host, targets[i].host);
            if (targets[i].said)
                assert_string_equal(t.text, targets[i].said);
        }
        target_close(&t);
        buf_close(&why);
    }
}

static const struct {
    const char *text, *why;
} wrong[] = {
    {"relay.example", "write \"mx\", \"smtp://HOST[:PORT]\" (an IPv6"},
    {"lmpt://host:24", "write \"lmtp://HOST:PORT\" (not 25) or \"lmtp:///PATH\""},
    {"lmtp://host", "write \"lmtp://HOST:PORT\" (not 25)"},
    {"eror:5.1.2 x", "write \"error:5.1.2 TEXT\""},
    {"error:gone", "write \"error:5.1.2 TEXT\" (4.x.x defers)"},
    {"discard:x", "write \"discard:\""},
    {"smpt://x", "write \"smtp://HOST"},
    {"carrier://x", "or \"discard:\""},
};

static void test_what_would_be_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct target t;
        struct buf why;
        buf_init(&why, 1000);
        assert_int_equal(target_parse(slice_str(wrong[i].text), &t, &why), FP_INVALID);
        if (!strstr(why.p, wrong[i].why))
            fail_msg("%s", why.p);
        buf_close(&why);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    struct target t[] = {{.kind = TARGET_ERROR, .text = (char *)"5.1.2 x"},
                         {.kind = TARGET_DISCARD}};
    struct route_row row = {.targets = t, .target_count = 1};
    assert_true(route_refuses(&row));
    t[0].text = (char *)"4.1.2 x";
    assert_false(route_refuses(&row));
    row.targets = &t[1];
    assert_false(route_refuses(&row));
}

static const char *const patterns[] = {"*",           ".example.com",     ".deep.example.com",
                                       "example.com", "boss@example.com", "host.deep.example.com"};

static struct routes make_routes(void)
{
    struct routes r = {.count = sizeof patterns / sizeof patterns[0]};
    r.rows = must_zalloc(r.count * sizeof r.rows[0]);
    for (uint32_t i = 0; i < r.count; i++) {
        r.rows[i].pattern = must_strdup(patterns[i]);
        r.rows[i].name = must_strdup("smtp://relay:25");
        r.rows[i].target_count = 1;
        r.rows[i].targets = must_zalloc(sizeof r.rows[i].targets[0]);
        r.rows[i].targets[0].kind = i == 3 ? TARGET_SMTP : TARGET_MX;
        r.rows[i].targets[0].host = i == 3 ? must_strdup("relay") : NULL;
    }
    routes_index(&r);
    return r;
}

static const struct {
    const char *address, *pattern;
} fits[] = {
    {"a@example.com", "example.com"},
    {"a@EXAMPLE.Com", "example.com"},
    {"boss@example.com", "boss@example.com"},
    {"Boss@example.com", "boss@example.com"},
    {"notboss@example.com", "example.com"},
    {"a@x.example.com", ".example.com"},
    {"a@y.x.example.com", ".example.com"},
    {"a@deep.example.com", ".example.com"},
    {"a@x.deep.example.com", ".deep.example.com"},
    {"a@host.deep.example.com", "host.deep.example.com"},
    {"a@notexample.com", "*"},
    {"a@example.com.org", "*"},
    {"\"x@example.com\"@other.org", "*"},
    {"a@[192.0.2.1]", "*"},
    {"", "*"},
};

static const struct route_row *find(const struct routes *r, const char *address, const char *sender)
{
    return route_find(r, &(struct route_question){.address = slice_str(address), .sender = sender});
}

static void test_most_exact_row(void **state)
{
    (void)state;
    struct routes r = make_routes();
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        const struct route_row *row = find(&r, fits[i].address, NULL);
        assert_non_null(row);
        assert_string_equal(row->pattern, fits[i].pattern);
        assert_int_equal(route_is_own(&r, slice_str(fits[i].address)),
                         strcmp(fits[i].pattern, "*") != 0);
    }
    routes_close(&r);
    assert_null(find(&r, "a@example.com", NULL));
    assert_false(route_is_own(&r, slice_str("a@example.com")));
    routes_close(NULL);
}

static void test_destination(void **state)
{
    (void)state;
    struct routes r = make_routes();
    struct buf name;
    buf_init(&name, 300);
    route_destination(&r.rows[0], slice_str("d.example"), NULL, &name);
    assert_string_equal(name.p, "d.example");
    buf_reset(&name);
    route_destination(&r.rows[3], slice_str("example.com"), NULL, &name);
    assert_string_equal(name.p, "smtp://relay:25");
    buf_reset(&name);
    route_destination(&r.rows[0], slice_str("d.example"), "mx1.example", &name);
    assert_string_equal(name.p, "mx:mx1.example");
    assert_true(slice_equal(route_destination_host(name.p), SLICE_LIT("mx1.example")));
    assert_true(
        slice_equal(route_destination_host("mx:m.example,from=<>"), SLICE_LIT("m.example")));
    assert_true(route_wants_host(&r, slice_str("a@elsewhere.example"), NULL));
    assert_false(route_wants_host(&r, slice_str("a@example.com"), NULL)); // a relay's
    assert_null(route_destination_host("smtp://relay:25").p);
    assert_null(route_destination_host("mx1.example").p);
    char room[ROUTE_ROOM];
    const struct route_row *mx = &r.rows[0], *relay = &r.rows[3];
    assert_string_equal(route_destination_name(mx, "d.example", NULL, room), "d.example");
    assert_string_equal(route_destination_name(mx, "d.example", "m.example", room), "mx:m.example");
    assert_string_equal(route_destination_name(relay, "d.example", "m.example", room),
                        "smtp://relay:25");
    buf_close(&name);
    routes_close(&r);
}

static const struct sender_row {
    const char *pattern, *from, *to[2];
} sender_rows[] = {
    {"*", NULL, {"mx", "smtp://fall-back"}},
    {"*", "<>", {"smtp://notices"}},
    {"*", "example.org", {"smtp://ours"}},
    {"*", "boss@example.org", {"smtp://boss", "mx"}},
    {"*", ".example.org", {"mx"}},
    {"example.com", NULL, {"mx"}},
    {"example.com", "boss@example.org", {"mx", "smtp://fall-back"}},
    {"user@example.com", NULL, {"mx"}},
    {"user@example.com", "<>", {"mx"}},
};

static struct routes make_sender_routes(size_t from, size_t count)
{
    struct routes r = {.count = (uint32_t)count};
    r.rows = must_zalloc(count * sizeof r.rows[0]);
    for (size_t i = 0; i < count; i++) {
        const struct sender_row *row = &sender_rows[from + i];
        struct route_row *to = &r.rows[i];
        to->pattern = must_strdup(row->pattern);
        to->from = row->from ? must_strdup(row->from) : NULL;
        to->targets = must_zalloc(2 * sizeof to->targets[0]);
        to->name = must_strdup(row->to[0]);
        for (; to->target_count < 2 && row->to[to->target_count]; to->target_count++)
            assert_int_equal(target_parse(slice_str(row->to[to->target_count]),
                                          &to->targets[to->target_count], NULL),
                             FP_OK);
    }
    routes_index(&r);
    return r;
}

static const struct {
    const char *address, *sender;
    size_t row;
    const char *destination;
} sent[] = {
    {"a@else.example", NULL, 0, "else.example"},
    {"a@else.example", "x@else.example", 0, "else.example"},
    {"a@else.example", "", 1, "smtp://notices"},
    {"a@else.example", "X@Example.ORG", 2, "smtp://ours"},
    {"a@else.example", "Boss@example.org", 3, "smtp://boss"},
    {"a@else.example", "x@a.example.org", 4, "else.example,from=.example.org"},
    {"else.example", "boss@example.org", 3, "smtp://boss"},
    // The row for the domain comes before those for everybody, whoever sends.
    {"a@example.com", "", 5, "example.com"},
    {"a@example.com", "x@example.org", 5, "example.com"},
    {"a@example.com", "boss@example.org", 6, "example.com,from=boss@example.org"},
    {"user@example.com", "boss@example.org", 7, "example.com,user@example.com"},
    {"user@example.com", "", 8, "example.com,user@example.com,from=<>"},
};

static void test_senders(void **state)
{
    (void)state;
    struct routes r = make_sender_routes(0, sizeof sender_rows / sizeof sender_rows[0]);
    char room[ROUTE_ROOM];
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
        const struct route_row *row = find(&r, sent[i].address, sent[i].sender);
        const char *at = strchr(sent[i].address, '@');
        struct buf name;
        assert_ptr_equal(row, &r.rows[sent[i].row]);
        assert_string_equal(route_destination_name(row, at ? at + 1 : sent[i].address, NULL, room),
                            sent[i].destination);
        buf_init(&name, 1000);
        route_destination(row, slice_str(at ? at + 1 : sent[i].address), NULL, &name);
        assert_string_equal(name.p, sent[i].destination);
        buf_close(&name);
    }
    assert_true(route_is_own(&r, slice_str("a@example.com")));
    routes_close(&r);
    // Without a longer list nobody need be apart; and a row for some senders opens no relay.
    r = make_sender_routes(4, 1);
    assert_string_equal(
        route_destination_name(find(&r, "a@b.example", "x@a.example.org"), "b.example", NULL, room),
        "b.example");
    assert_null(find(&r, "a@b.example", NULL));
    routes_close(&r);
    r = make_sender_routes(6, 1);
    assert_false(route_is_own(&r, slice_str("a@example.com")));
    routes_close(&r);
}

static void test_walk(void **state)
{
    static const size_t want[] = {8, 7, 6, 5, 1, 3, 2, 4, 0};
    (void)state;
    struct routes r = make_sender_routes(0, sizeof sender_rows / sizeof sender_rows[0]);
    struct route_walk w;
    route_walk_init(&w, &r, &(struct route_question){.address = SLICE_LIT("user@example.com")});
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_ptr_equal(route_walk_next(&w), &r.rows[want[i]]);
    assert_null(route_walk_next(&w));
    routes_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),     cmocka_unit_test(test_what_would_be_right),
        cmocka_unit_test(test_refuses),     cmocka_unit_test(test_most_exact_row),
        cmocka_unit_test(test_destination), cmocka_unit_test(test_senders),
        cmocka_unit_test(test_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
