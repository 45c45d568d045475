// SPDX-License-Identifier: BSD-2-Clause
// Rows of credentials: what is wrong with them, what is doubtful, and what is read of good ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/config/config_file.h"

#include "core/time.h"

#define ROUTE(host) "route = ( { for = \"*\", to = [ \"smtp://" host ":587\" ] } )\n"
#define ROW(more)   "credentials = ( { for = \"smtp.relay.test\", user = \"ann\", " more " } )\n"
#define SURE        "tls = ( { for = \"smtp.relay.test\", policy = \"verify\" } )\n"
#define COMMAND     "password_command = [ \"/bin/cat\", \"/x\" ]"

// A row is a case: what is written, and what is said about it.
static const struct row {
    const char *name, *text, *want;
    bool is_good;
} rows[] = {
    {"several things",
     HOST "credentials = ( { for = \"relay.test:587\", user = \"\", password_file = \"pw\" },\n"
          " { for = \"h.test\", user = \"u\" },\n"
          " { for = \"H.test.\", user = \"u\", password_file = \"/a\", token_file = \"/b\" },\n"
          " { for = \"i.test\", user = \"u\", password_command = [ \"pass\" ], clear = \"no\" },\n"
          " { for = \"j.test\", user = \"u\", password_credential = \"/x\",\n"
          "   mechanisms = [ \"NTLM\" ] }, { for = \"k.test\", token_file = \"/x\" } )\n",
     "c.conf:2: for: \"relay.test:587\" is no next hop; write its name as the route has it, "
     "without a port: \"smtp.provider.example\"\n"
     "c.conf:2: user must not be empty\n"
     "c.conf:2: password_file: \"pw\" is no full path; it must begin with \"/\"\n"
     "c.conf:4: the row for = \"h.test\" stands twice in credentials; keep one\n"
     "c.conf:5: password_command is the program's full path and its words, no shell is asked: "
     "[ \"/usr/bin/pass\", \"show\", \"smtp\" ]\n"
     "c.conf:5: clear must be true or false (without quotes)\n"
     "c.conf:6: password_credential: \"/x\" is no name of a systemd credential, but a path\n"
     "c.conf:7: mechanisms: \"NTLM\" is unknown; there are SCRAM-SHA-256-PLUS, SCRAM-SHA-256, "
     "SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, OAUTHBEARER, XOAUTH2, PLAIN and LOGIN\n"
     "c.conf:3: this row of credentials lacks a secret; write one of password_file, "
     "password_command, password_credential, token_file, token_command, token_credential\n"
     "c.conf:4: this row of credentials names several secrets; write one of password_file, "
     "password_command, password_credential, token_file, token_command, token_credential\n"
     "c.conf:7: this row of credentials lacks user\n",
     false},
    {"mechanisms that do not go with the secret",
     HOST "credentials = ( { for = \"a.test\", user = \"u\", token_file = \"/t\",\n"
          " mechanisms = [ \"plain\", \"scram-sha-1\" ] } )\n",
     "c.conf:2: mechanisms: none of these takes a token; write \"OAUTHBEARER\" or \"XOAUTH2\"\n",
     false},
    {"the same of a password",
     HOST "credentials = ( { for = \"a.test\", user = \"u\", password_file = \"/t\",\n"
          " mechanisms = [ \"xoauth2\" ] } )\n",
     "c.conf:2: mechanisms: these take a token, and the row has a password; write token_file, "
     "token_command or token_credential\n",
     false},
    {"nothing to say", HOST ROUTE("smtp.relay.test") SURE ROW(COMMAND ", timeout = \"1s\""), "",
     true},
    {"the root's dot, and case", HOST ROUTE("SMTP.relay.test.") SURE ROW(COMMAND), "", true},
    {"for nobody", HOST ROUTE("relay.test") ROW(COMMAND),
     "c.conf:3: warning: this row of credentials is for nobody: no row of route names "
     "\"smtp.relay.test\" (\"smtp://smtp.relay.test:587\"), and hosts found by MX are told no "
     "secret\n",
     true},
    {"told to anybody", HOST ROUTE("smtp.relay.test") ROW(COMMAND),
     "c.conf:3: warning: whoever answers as \"smtp.relay.test\" is told the secret; let its "
     "certificate prove who it is: tls = ( { for = \"smtp.relay.test\", policy = \"verify\" } )\n",
     true},
    {"told to anybody, and meant so", HOST ROUTE("smtp.relay.test") ROW(COMMAND ", clear = true"),
     "", true},
    {"not told to anybody",
     HOST ROUTE("smtp.relay.test") ROW(COMMAND ", mechanisms = [ \"SCRAM-SHA-256\" ]"), "", true},
    {"told to this machine",
     HOST ROUTE("127.0.0.1") "credentials = ( { for = \"127.0.0.1\", user = \"u\", " COMMAND
                             " } )\n",
     "", true},
    {"a program that is not there",
     HOST ROUTE("smtp.relay.test") SURE ROW("password_command = [ \"/nowhere/pass\", \"x\" ]"),
     "c.conf:4: warning: password_command: there is no program to run at \"/nowhere/pass\"\n",
     true},
    {"a file that is not there",
     HOST ROUTE("smtp.relay.test") SURE ROW("password_file = \"/nowhere/pw\", keep = \"1m\""),
     "c.conf:4: warning: keep counts only with a command; a file is read each time\n"
     "c.conf:4: warning: password_file: /nowhere/pw is not there\n",
     true},
    {"a folder", HOST ROUTE("smtp.relay.test") SURE ROW("token_file = \"/\""),
     "c.conf:4: warning: token_file: / is a folder; write the file that holds the secret\n", true},
    {"a file for everybody",
     HOST ROUTE("smtp.relay.test") SURE ROW("password_file = \"/etc/passwd\""),
     "c.conf:4: warning: password_file: /etc/passwd can be read by everybody on this machine; take "
     "that right away (chmod o= FILE)\n",
     true},
};

static void is_said(void **state)
{
    const struct row *row = *state;
    struct config c;
    char problems[8192];
    write_file("c.conf", row->text);
    assert_int_equal(load(&c, problems, sizeof problems), row->is_good ? FP_OK : FP_INVALID);
    assert_string_equal(problems, row->want);
    if (row->is_good)
        config_close(&c);
}

static void is_read(void **state)
{
    (void)state;
    struct config c;
    char problems[8192];
    write_file("c.conf",
               HOST "credentials = (\n"
                    " { for = \"A.test\", user = \"Ann\", token_command = [ \"/t\", \"a b\" ],\n"
                    "   timeout = \"5m\", keep = \"0\", mechanisms = [ \"xoauth2\" ] },\n"
                    " { for = \"2001:db8::1\", user = \"x\", password_credential = \"relay\",\n"
                    "   clear = true } )\n");
    assert_int_equal(load(&c, problems, sizeof problems), FP_OK);
    assert_int_equal(c.credentials->count, 2);
    const struct credential_row *a = credential_find(c.credentials, "a.TEST");
    assert_non_null(a);
    assert_string_equal(a->user, "Ann");
    assert_string_equal(a->words[1], "a b");
    assert_null(a->words[2]);
    assert_int_equal(a->timeout_ms, 5 * TIME_MINUTE_MS);
    assert_int_equal(a->keep_ms, 0);
    assert_int_equal(a->mechanisms, auth_bit(AUTH_XOAUTH2));
    assert_true(a->is_token && !a->permits_clear);
    const struct credential_row *b = credential_find(c.credentials, "2001:db8::1");
    assert_string_equal(b->service_secret, "relay");
    assert_int_equal(b->timeout_ms, 10 * TIME_SECOND_MS);
    assert_int_equal(b->keep_ms, 5 * TIME_MINUTE_MS);
    assert_int_equal(b->mechanisms, 0);
    assert_true(b->permits_clear && !b->is_token);
    assert_null(credential_find(c.credentials, "b.test"));
    config_close(&c);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(rows) + 1];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, is_said, enter_folder, leave_folder,
                                         (void *)&rows[i]};
    tests[n++] =
        (struct CMUnitTest)cmocka_unit_test_setup_teardown(is_read, enter_folder, leave_folder);
    return _cmocka_run_group_tests("config_credentials", tests, n, NULL, NULL);
}
