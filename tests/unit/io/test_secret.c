// SPDX-License-Identifier: BSD-2-Clause
// Secrets out of files and commands.
#include "io/secret_uv.h"

#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct answer {
    char secret[SECRET_MAX + 1], why[512];
    bool has_secret;
    int count;
};

static uv_loop_t loop;
static char folder[] = "/tmp/fp-secret-XXXXXX";

static void note(void *arg, const char *secret, const char *why)
{
    struct answer *a = arg;
    a->count++;
    a->has_secret = secret != NULL;
    snprintf(a->secret, sizeof a->secret, "%s", secret ? secret : "");
    snprintf(a->why, sizeof a->why, "%s", why ? why : "");
    assert_true((secret == NULL) == (why != NULL));
}

static struct answer ask(struct secrets *s, const struct secret_source *source)
{
    struct answer a = {.count = 0};
    secret_ask(s, source, note, &a);
    assert_int_equal(a.count, 0); // from the loop
    while (a.count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(a.count, 1);
    return a;
}

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, size_t n)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static int set_up(void **state)
{
    must(mkdtemp(folder) != NULL);
    must(uv_loop_init(&loop) == 0);
    *state = secrets_open(&loop);
    return 0;
}

static int tear_down(void **state)
{
    secrets_close(*state);
    uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0);
    char command[320];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    must(system(command) == 0);
    snprintf(folder, sizeof folder, "/tmp/fp-secret-XXXXXX");
    return 0;
}

static void test_files(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *secret, *why; // why: a part of it
    } cases[] = {
        {"geheim\n", 7, "geheim", ""},
        {"geheim", 6, "geheim", ""},
        {"with blanks \r\nsecond line\n", 26, "with blanks ", ""},
        {"", 0, "", "is empty"},
        {"\nsecond\n", 8, "", "is empty"},
        {"a\0b\n", 4, "", "NUL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("pw", cases[i].text, cases[i].n);
        struct answer a = ask(*state, &(struct secret_source){.file = path_of("pw")});
        assert_string_equal(a.secret, cases[i].secret);
        assert_int_equal(a.has_secret, cases[i].secret[0] != '\0');
        assert_non_null(strstr(a.why, cases[i].why));
    }
    struct answer a = ask(*state, &(struct secret_source){.file = path_of("none")});
    assert_non_null(strstr(a.why, "No such file"));
    a = ask(*state, &(struct secret_source){.file = folder});
    assert_false(a.has_secret);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0); // nobody writes: it is not waited for
    alarm(60);
    a = ask(*state, &(struct secret_source){.file = path_of("fifo")});
    alarm(0);
    assert_non_null(strstr(a.why, "is a pipe; write a file, or the command that says the secret"));
}

static void test_a_long_file(void **state)
{
    char *text = must_alloc(SECRET_MAX + 100);
    memset(text, 'x', SECRET_MAX + 100);
    write_file("pw", text, SECRET_MAX + 100);
    struct answer a = ask(*state, &(struct secret_source){.file = path_of("pw")});
    assert_non_null(strstr(a.why, "more than"));
    free(text);
}

#define COMMAND(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void test_commands(void **state)
{
    const struct {
        const char *const *words;
        int64_t timeout_ms;
        const char *secret, *why;
    } cases[] = {
        {COMMAND("/bin/echo", "a", "b"), 60000, "a b", ""},
        {COMMAND("/bin/sh", "-c", "echo one; echo two"), 60000, "one", ""},
        {COMMAND("/bin/sh", "-c", "echo one; exit 3"), 60000, "", "/bin/sh: exit status 3"},
        {COMMAND("/bin/sh", "-c", "kill -9 $$"), 60000, "", "signal 9"},
        {COMMAND("/bin/true"), 60000, "", "is empty"},
        {COMMAND("/no/such/program"), 60000, "", "no such file"},
        {COMMAND("/bin/sh", "-c", "sleep 600 & sleep 600"), 50, "", "no answer within"},
        {COMMAND("/bin/sh", "-c", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxx; done"), 60000, "",
         "more than"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct secret_source source = {.words = cases[i].words, .timeout_ms = cases[i].timeout_ms};
        struct answer a = ask(*state, &source);
        print_message("%s: %s\n", cases[i].words[0], a.why);
        assert_string_equal(a.secret, cases[i].secret);
        assert_non_null(strstr(a.why, cases[i].why));
    }
}

#define HUNDRED                                                                                    \
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" \
    "34567890"

// What the command says about itself is told, in one harmless line; what it printed never is.
static void test_what_a_command_says(void **state)
{
    static const struct {
        const char *script, *secret, *why;
    } cases[] = {
        {"echo 'gpg: no agent' >&2; echo more >&2; exit 2", "",
         "/bin/sh: exit status 2: gpg: no agent"},
        {"echo; echo '  late  ' >&2; kill -9 $$", "", "/bin/sh: ended by signal 9: late"},
        {"echo >&2; echo locked >&2", "", "/bin/sh: the first line is empty: locked"},
        {"printf 'a\\033[31mb\\r\\n' >&2; exit 1", "", "/bin/sh: exit status 1: a\\x1b[31mb"},
        {"echo geheim; echo 'said geheim' >&2; exit 1", "", "/bin/sh: exit status 1"},
        {"echo " HUNDRED HUNDRED HUNDRED "; echo " HUNDRED HUNDRED "9 >&2; exit 1", "",
         "/bin/sh: exit status 1"},
        {"echo geheim; exit 1", "", "/bin/sh: exit status 1"},
        {"echo one; echo warning >&2", "one", ""},
        {"echo " HUNDRED HUNDRED HUNDRED " >&2; exit 1", "",
         "/bin/sh: exit status 1: " HUNDRED HUNDRED},
        {"i=0; while [ $i -lt 9999 ]; do echo " HUNDRED " >&2; i=$((i + 1)); done; exit 1", "",
         "/bin/sh: exit status 1: " HUNDRED},
        {"sleep 5 >/dev/null & echo left >&2; exit 1", "", "/bin/sh: exit status 1: left"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct secret_source source = {.words = COMMAND("/bin/sh", "-c", cases[i].script),
                                       .timeout_ms = 60000};
        struct answer a = ask(*state, &source);
        assert_string_equal(a.why, cases[i].why);
        assert_string_equal(a.secret, cases[i].secret);
    }
}

// What a command printed is kept for its time; what was refused is asked for anew.
static void test_keeping(void **state)
{
    write_file("count", "0", 1);
    char script[700];
    snprintf(script, sizeof script, "n=$(cat %s); n=$((n + 1)); echo $n | tee %s", path_of("count"),
             path_of("count"));
    struct secret_source source = {
        .words = COMMAND("/bin/sh", "-c", script), .timeout_ms = 60000, .keep_ms = 3600 * 1000};
    assert_string_equal(ask(*state, &source).secret, "1");
    assert_string_equal(ask(*state, &source).secret, "1");
    secret_forget(*state, &source);
    assert_string_equal(ask(*state, &source).secret, "2");
    source.keep_ms = 0;
    secret_forget(*state, &source);
    assert_string_equal(ask(*state, &source).secret, "3");
    assert_string_equal(ask(*state, &source).secret, "4");
}

// Closing in the middle of a question: no call comes, and nothing is left behind.
static void test_closed_meanwhile(void **state)
{
    struct answer a = {.count = 0};
    struct secrets *s = secrets_open(&loop);
    (void)state;
    secret_ask(s,
               &(struct secret_source){.words = COMMAND("/bin/sleep", "600"), .timeout_ms = 60000},
               note, &a);
    secret_ask(s, &(struct secret_source){.file = "/etc/hostname"}, note, &a);
    secrets_close(s);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(a.count, 0);
    secrets_close(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_files),    TEST(test_a_long_file),
        TEST(test_commands), TEST(test_what_a_command_says),
        TEST(test_keeping),  TEST(test_closed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
