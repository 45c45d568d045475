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

static void test_most_exact_row(void **state)
{
    (void)state;
    struct routes r = make_routes();
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        const struct route_row *row = route_find(&r, slice_str(fits[i].address), NULL);
        assert_non_null(row);
        assert_string_equal(row->pattern, fits[i].pattern);
        assert_int_equal(route_is_own(&r, slice_str(fits[i].address)),
                         strcmp(fits[i].pattern, "*") != 0);
    }
    routes_close(&r);
    assert_null(route_find(&r, slice_str("a@example.com"), NULL));
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
    assert_string_equal(route_destination_host(name.p), "mx1.example");
    assert_true(route_wants_host(&r, slice_str("a@elsewhere.example")));
    assert_false(route_wants_host(&r, slice_str("a@example.com"))); // a relay's
    assert_null(route_destination_host("smtp://relay:25"));
    assert_null(route_destination_host("mx1.example"));
    char room[ROUTE_ROOM];
    const struct route_row *mx = &r.rows[0], *relay = &r.rows[3];
    assert_string_equal(route_destination_name(mx, "d.example", NULL, room), "d.example");
    assert_string_equal(route_destination_name(mx, "d.example", "m.example", room), "mx:m.example");
    assert_string_equal(route_destination_name(relay, "d.example", "m.example", room),
                        "smtp://relay:25");
    buf_close(&name);
    routes_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),     cmocka_unit_test(test_what_would_be_right),
        cmocka_unit_test(test_refuses),     cmocka_unit_test(test_most_exact_row),
        cmocka_unit_test(test_destination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
