// SPDX-License-Identifier: BSD-2-Clause
// Reading the configuration: what is written is read, and defaults stand where nothing is.
#include "core/must.h"
#include "core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/config/config_file.h"

static void load_warned(const char *text, const char *warnings, struct config *ret)
{
    char problems[4096];
    write_file("c.conf", text);
    assert_int_equal(load(ret, problems, sizeof(problems)), FP_OK);
    assert_string_equal(problems, warnings);
}

static void load_good(const char *text, struct config *ret)
{
    load_warned(text, "", ret);
}

static void defaults_stand_where_nothing_is_written(void **state)
{
    (void)state;
    struct config c;
    load_good(HOST, &c);
    assert_string_equal(c.file, "c.conf");
    assert_string_equal(c.hostname, "mail.example.org");
    assert_string_equal(c.spool, "/var/lib/fermoposta/spool.db");
    assert_string_equal(c.socket, "/run/fermoposta/socket");
    assert_null(c.user);
    assert_string_equal(c.operators, "adm");
    assert_int_equal(c.mode, MODE_BACKGROUND);
    assert_int_equal(c.interactive_timeout_ms, 30 * TIME_SECOND_MS);
    assert_int_equal(c.nameserver_count, 0);
    assert_int_equal(c.smtp_port, 25);
    assert_int_equal(c.eight_bit, EIGHT_BIT_CONVERT);
    assert_false(c.chunking);
    assert_string_equal(config_postmaster_address(&c), "postmaster@mail.example.org");
    assert_int_equal(c.message_size_max, 50 * 1024 * 1024);
    assert_int_equal(c.rcpts_max, 1000);
    assert_string_equal(c.log, "stderr");
    assert_int_equal(c.history_ms, 7 * TIME_DAY_MS);
    assert_int_equal(c.notice_return, RETURN_HEADERS);
    assert_int_equal(c.brake.failures, 20);
    assert_int_equal(c.brake.senders, 3);
    assert_int_equal(c.brake.within_ms, 10 * 60 * 1000);
    assert_int_equal(c.listen_count, 1);
    assert_string_equal(c.listens[0].address, "127.0.0.1:25");
    assert_int_equal(c.listens[0].trusted_count, 2);
    assert_true(hostname_in_network(&c.listens[0].trusted[0], SLICE_LIT("127.1.2.3")));
    assert_true(hostname_in_network(&c.listens[0].trusted[1], SLICE_LIT("::1")));
    assert_int_equal(c.routes.count, 1);
    assert_string_equal(c.routes.rows[0].pattern, "*");
    assert_string_equal(c.routes.rows[0].name, "mx");
    assert_int_equal(c.routes.rows[0].targets[0].kind, TARGET_MX);
    assert_int_equal(c.rules.retry_count, 0);
    assert_int_equal(c.rules.limit_count, 0);
    config_close(&c);
}

static const char everything[] = HOST
    "spool = \"/s/spool.db\"\nsocket = \"/s/socket\"\nuser = \"\"\noperators = \"\"\n"
    "mode = \"interactive\"\ninteractive_timeout = \"1s\"\n"
    "nameservers = [ \"127.0.0.1:5300\", \"::1\", \"[2001:db8::1]:53\" ]\nsmtp_port = 2525\n"
    "trust_ad = true\n"
    "eight_bit = \"bounce\"\nchunking = true\n"
    "postmaster = \"admin@Example.org\"\nmax_message_size = \"1G\"\nmax_recipients = 100000\n"
    "log = \"/s/log\"\nhistory = \"0\"\n"
    "listen = ( { address = \"[::1]:0\", protocol = \"smtp\", trusted = [] },\n"
    "           { address = \"unix:/s/smtp\" } )\n"
    "route = ( { for = \"User@Example.COM\", to = [ \"smtp://[2001:db8::2]:26\", \"mx\" ] },\n"
    "          { for = \".example.net\", to = [ \"smtp://relay.example\" ] } )\n"
    "retry = ( { for = \"*\", schedule = \"1s 2s\", warn_after = [], expire_after = \"8h\" },\n"
    "          { for = \"x.example\", warn_after = [ \"1h\", \"2h\" ] },\n"
    "          { for = \"mx:MX.example\", from = \"<>\", on = \"mailbox-full\", max_attempts = 9,\n"
    "            jitter = \"50%\", retry_after = [ \"1m\", \"1m\" ] },\n"
    "          { for = \"*\", from = \"A@B\", on = \"any\", jitter = \"0%\", retry_after = [] } )\n"
    "limit = ( { for = \"*\", connections = 3, messages_per_connection = 4,\n"
    "            recipients_per_message = 5, rate = \"1000000/1d\" } )\n"
    "tls = ( { for = \"2001:DB8::2\", policy = \"encrypt\", cert_file = \"/c\", key_file = \"/k\" "
    "},\n"
    "        { for = \"MX:mx.example\", policy = \"verify\", names = [ \"A.example\", \".b\" ],\n"
    "          ca_file = \"/ca\" },\n"
    "        { for = \".example\", policy = \"verify\", pins = [ \"" PIN "\" ] } )\n"
    "notice = { return = \"full\", language = \"en\" }\n"
    "brake = { failures = 0, senders = 7, within = \"1h\" }\n";

static void everything_written_is_read(void **state)
{
    (void)state;
    struct config c;
    load_warned(everything,
                "c.conf:29: warning: cert_file: /c is not there\n"
                "c.conf:29: warning: key_file: /k is not there\n"
                "c.conf:30: warning: ca_file: /ca is not there\n",
                &c);
    assert_string_equal(c.spool, "/s/spool.db");
    assert_string_equal(c.socket, "/s/socket");
    assert_string_equal(c.user, "");
    assert_string_equal(c.operators, "");
    assert_int_equal(c.mode, MODE_INTERACTIVE);
    assert_int_equal(c.interactive_timeout_ms, 1000);
    assert_int_equal(c.nameserver_count, 3);
    assert_string_equal(c.nameservers[2], "[2001:db8::1]:53");
    assert_true(c.trusts_ad);
    assert_int_equal(c.smtp_port, 2525);
    assert_int_equal(c.eight_bit, EIGHT_BIT_BOUNCE);
    assert_true(c.chunking);
    assert_string_equal(config_postmaster_address(&c), "admin@Example.org");
    assert_int_equal(c.message_size_max, 1024 * 1024 * 1024);
    assert_int_equal(c.rcpts_max, 100000);
    assert_string_equal(c.log, "/s/log");
    assert_int_equal(c.history_ms, 0);
    assert_int_equal(c.listen_count, 2);
    assert_int_equal(c.listens[0].trusted_count, 0);
    assert_string_equal(c.listens[1].address, "unix:/s/smtp");
    assert_int_equal(c.listens[1].trusted_count, 2);
    assert_int_equal(c.routes.count, 3);
    assert_string_equal(c.routes.rows[0].pattern, "user@example.com");
    assert_string_equal(c.routes.rows[0].name, "smtp://[2001:db8::2]:26,mx");
    assert_string_equal(c.routes.rows[0].targets[0].host, "2001:db8::2");
    assert_int_equal(c.routes.rows[0].targets[0].port, 26);
    assert_int_equal(c.routes.rows[1].targets[0].port, 25);
    assert_string_equal(c.routes.rows[2].pattern, "*"); // added, because none was written
    assert_int_equal(c.rules.retries[0].schedule.count, 2);
    assert_int_equal(c.rules.retries[0].schedule.waits_ms[1], 2000);
    assert_true(c.rules.retries[0].has_warn);
    assert_int_equal(c.rules.retries[0].warn_count, 0);
    assert_int_equal(c.rules.retries[0].expire_after_ms, 8 * TIME_HOUR_MS);
    assert_false(c.rules.retries[0].has_jitter || c.rules.retries[0].has_hint);
    assert_int_equal(c.rules.retries[1].warn_after_ms[1], 2 * TIME_HOUR_MS);
    assert_int_equal(c.rules.retries[1].expire_after_ms, 0);
    assert_string_equal(c.rules.retries[2].pattern, "mx:mx.example");
    assert_string_equal(c.rules.retries[2].from, "<>");
    assert_int_equal(c.rules.retries[2].on, CLASS_MAILBOX_FULL);
    assert_int_equal(c.rules.retries[2].attempts_max, 9);
    assert_int_equal(c.rules.retries[2].jitter_permille, 500);
    assert_int_equal(c.rules.retries[2].hint_min_ms, TIME_MINUTE_MS);
    assert_int_equal(c.rules.retries[2].hint_max_ms, TIME_MINUTE_MS);
    assert_string_equal(c.rules.retries[3].from, "a@b");
    assert_int_equal(c.rules.retries[3].on, CLASS_NONE);
    assert_true(c.rules.retries[3].has_jitter && c.rules.retries[3].has_hint);
    assert_int_equal(c.rules.retries[3].hint_max_ms, 0);
    assert_int_equal(c.rules.limits[0].rate_count, 1000000);
    assert_int_equal(c.rules.limits[0].rate_ms, TIME_DAY_MS);
    assert_int_equal(c.rules.limits[0].connections, 3);
    assert_int_equal(c.rules.limits[0].messages_per_connection, 4);
    assert_int_equal(c.rules.limits[0].recipients_per_message, 5);
    assert_int_equal(c.protect->count, 3);
    assert_string_equal(c.protect->rows[0].pattern, "2001:db8::2");
    assert_int_equal(c.protect->rows[0].policy, PROTECT_ENCRYPT);
    assert_string_equal(c.protect->rows[0].cert_file, "/c");
    assert_string_equal(c.protect->rows[0].key_file, "/k");
    assert_string_equal(c.protect->rows[1].pattern, "mx:mx.example");
    assert_int_equal(c.protect->rows[1].name_count, 2);
    assert_string_equal(c.protect->rows[1].names[0], "a.example");
    assert_string_equal(c.protect->rows[1].ca_file, "/ca");
    assert_int_equal(c.protect->rows[2].pin_count, 1);
    assert_int_equal(c.protect->rows[2].pins[0].digest[31], 0xff);
    assert_int_equal(c.notice_return, RETURN_FULL);
    assert_int_equal(c.brake.failures, 0);
    assert_int_equal(c.brake.senders, 7);
    assert_int_equal(c.brake.within_ms, 60 * 60 * 1000);
    config_close(&c);
}

static void an_empty_listen_listens_nowhere(void **state)
{
    (void)state;
    struct config c;
    load_good(HOST "listen = ()\n", &c);
    assert_int_equal(c.listen_count, 0);
    config_close(&c);
}

// Paths are relative to the file that includes; a word in a string or a comment is no include.
static void includes_keep_their_places(void **state)
{
    (void)state;
    struct config c;
    char problems[4096];
    assert_int_equal(mkdir("sub", 0700), 0);
    write_file("sub/more.conf", "log = \"syslog\"\n@include \"deep.conf\"\nsmtp_port = 0");
    write_file("sub/deep.conf", "# here\nhistory = \"1x\"");
    write_file("c.conf", HOST "/* a comment\n@include \"not.conf\"\n*/\n"
                              "@include \"sub/more.conf\" # and more\nmax_recipients = 0\n");
    assert_int_equal(load(&c, problems, sizeof(problems)), FP_INVALID);
    assert_string_equal(
        problems,
        "sub/deep.conf:2: history: \"1x\" is no duration; write \"90s\", \"30m\", \"4h\" or "
        "\"5d\"\n"
        "sub/more.conf:3: smtp_port is 0, but must be from 1 to 65535\n"
        "c.conf:6: max_recipients is 0, but must be from 1 to 100000\n");
    unlink("sub/deep.conf");
    write_file("sub/deep.conf", "history = \"1d\"");
    write_file("sub/more.conf", "log = \"syslog\"\n@include \"deep.conf\"\nsmtp_port = 24");
    char text[512];
    snprintf(text, sizeof(text), HOST "@include \"%s/sub/more.conf\"\nmax_recipients = 100\n",
             folder);
    load_good(text, &c);
    assert_string_equal(c.log, "syslog");
    assert_int_equal(c.history_ms, TIME_DAY_MS);
    assert_int_equal(c.smtp_port, 24);
    config_close(&c);
}

static void a_file_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct config c;
    struct buf said;
    buf_init(&said, CONFIG_PROBLEMS_MAX);
    assert_int_equal(config_load("none.conf", &c, &said), FP_NOT_FOUND);
    assert_string_equal(said.p, "none.conf:1: no such file\n");
    buf_reset(&said);
    assert_int_equal(config_load("/tmp", &c, &said), FP_INVALID);
    assert_string_equal(said.p, "/tmp:1: not a regular file\n");
    buf_close(&said);
}

enum { ROWS_MANY = 100000 };

static void add_rows(struct buf *to, const char *table, const char *value, uint32_t count)
{
    buf_addf(to, "%s = (\n", table);
    for (uint32_t i = 0; i < count; i++)
        buf_addf(to, "{ for = \"%sd%u.example\", %s }%s\n", i % 4 ? "" : ".", i, value,
                 i + 1 < count ? "," : " )");
}

static const struct route_row *route_of(const struct config *c, const char *address)
{
    return route_find(&c->routes, &(struct route_question){.address = slice_str(address)});
}

// As many rows as there may be: what looked at every row for every row would not come to an end.
static void tables_may_be_large(void **state)
{
    (void)state;
    struct config c;
    char problems[4096];
    struct buf text;
    struct limit_rule limit;
    buf_init(&text, 64 * 1024 * 1024);
    buf_add_str(&text, HOST);
    add_rows(&text, "route", "to = [ \"mx\" ]", ROWS_MANY);
    add_rows(&text, "retry", "schedule = \"7s\"", ROWS_MANY / 10);
    add_rows(&text, "limit", "connections = 3", ROWS_MANY / 10);
    load_good(text.p, &c);
    assert_int_equal(c.routes.count, ROWS_MANY + 1);
    assert_string_equal(route_of(&c, "a@d99998.example")->pattern, "d99998.example");
    assert_string_equal(route_of(&c, "a@x.d99996.example")->pattern, ".d99996.example");
    assert_string_equal(route_of(&c, "a@x.d99997.example")->pattern, "*");
    rules_limit(&c.rules, "d9999.example", &limit);
    assert_int_equal(limit.connections, 3);
    config_close(&c);

    text.n -= strlen(" )\n");
    buf_add_str(&text, ",\n{ for = \"D1.Example\" } )\n");
    write_file("c.conf", text.p);
    assert_int_equal(load(&c, problems, sizeof(problems)), FP_INVALID);
    assert_string_equal(
        problems, "c.conf:120005: the row for = \"d1.example\" stands twice in limit; keep one\n");
    buf_close(&text);
}

// A row-wise count of the settings: one that the reader does not know would be "unknown" here.
static void every_setting_named_is_known(void **state)
{
    (void)state;
    struct config c;
    char problems[4096], text[512];
    for (const char *const *name = config_setting_names; *name; name++) {
        const char *dot = strchr(*name, '.');
        if (dot && ((*name)[0] == 'n' || (*name)[0] == 'b'))
            snprintf(text, sizeof(text), "%.*s = { %s = () }\n", (int)(dot - *name), *name,
                     dot + 1);
        else if (dot)
            snprintf(text, sizeof(text), "%.*s = ( { %s = () } )\n", (int)(dot - *name), *name,
                     dot + 1);
        else
            snprintf(text, sizeof(text), "%s = ()\n", *name);
        write_file("c.conf", text);
        assert_int_equal(load(&c, problems, sizeof(problems)),
                         strcmp(*name, "nameservers") == 0 ? FP_OK : FP_INVALID);
        assert_null(strstr(problems, "unknown"));
        if (strcmp(*name, "nameservers") == 0)
            config_close(&c);
    }
}

static void own_places_are_those_of_the_listeners(void **state)
{
    (void)state;
    struct config_listen listens[] = {{.address = (char *)"192.0.2.1:25"},
                                      {.address = (char *)"[2001:db8::1]:25"},
                                      {.address = (char *)"192.0.2.2:2525"},
                                      {.address = (char *)"unix:/run/x:25"},
                                      {.address = (char *)"0.0.0.0:25"}};
    struct config c = {.listens = listens, .machine_ips = (char *)"127.0.0.1 ::1 "};
    static const char *const wants[] = {" ", " 192.0.2.1:25 ", " 192.0.2.1:25 2001:db8::1:25 "};
    struct buf ips;
    buf_init(&ips, 1000);
    for (c.listen_count = 0; c.listen_count < 3; c.listen_count++) {
        buf_reset(&ips);
        config_own_places(&c, &ips);
        assert_string_equal(ips.p, wants[c.listen_count]);
    }
    c.listen_count = 5;
    buf_reset(&ips);
    config_own_places(&c, &ips);
    assert_non_null(strstr(ips.p, " 192.0.2.2:2525 127.0.0.1:25 ::1:25 "));
    assert_null(strstr(ips.p, "run"));
    buf_close(&ips);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_stand_where_nothing_is_written, enter_folder,
                                        leave_folder),
        cmocka_unit_test_setup_teardown(everything_written_is_read, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(an_empty_listen_listens_nowhere, enter_folder,
                                        leave_folder),
        cmocka_unit_test_setup_teardown(includes_keep_their_places, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(tables_may_be_large, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_said, enter_folder,
                                        leave_folder),
        cmocka_unit_test_setup_teardown(every_setting_named_is_known, enter_folder, leave_folder),
        cmocka_unit_test(own_places_are_those_of_the_listeners),
    };
    return cmocka_run_group_tests_name("config_read", tests, NULL, NULL);
}
