// SPDX-License-Identifier: BSD-2-Clause
// A broken assumption stops the program at once, whatever NDEBUG says; allocation never gives NULL.
#include "core/must.h"

#include "row.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int signal_of_child(bool holds)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        must(holds);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_must_aborts_only_when_broken(void **state)
{
    (void)state;
    assert_int_equal(signal_of_child(true), 0);
    assert_int_equal(signal_of_child(false), SIGABRT);
}

static void test_allocation_of_nothing_is_something(void **state)
{
    (void)state;
    void *p = must_alloc(0);
    assert_non_null(p);
    p = must_realloc(p, 0);
    assert_non_null(p);
    free(p);
    char *zeroed = must_zalloc(64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(zeroed[i], 0);
    free(zeroed);
}

static void test_copies_end_in_nul(void **state)
{
    (void)state;
    char *s = must_strdup("abc");
    assert_string_equal(s, "abc");
    free(s);
    s = must_memdup("a\0bc", 3);
    assert_memory_equal(s, "a\0b", 4);
    free(s);
    s = must_memdup(NULL, 0);
    assert_string_equal(s, "");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_must_aborts_only_when_broken),
        cmocka_unit_test(test_allocation_of_nothing_is_something),
        cmocka_unit_test(test_copies_end_in_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
