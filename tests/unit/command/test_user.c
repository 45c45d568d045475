// SPDX-License-Identifier: BSD-2-Clause
// Who a uid is, by a file like /etc/passwd; what the file leaves open, the name services answer.
#include "command/user_sys.h"

#include "core/buf.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY_HAS_IT = 4123456789 };

static const char plain[] = "root:x:0:0:root:/root:/bin/bash\n"
                            "al:x:1000:1000:Al B. Bee,Room 7,,:/srv/al:/bin/sh\n"
                            "twice:x:1000:1000:Not me:/:/bin/sh\n"
                            "bob:x:1001:1001:& Jones & Sons:/:\n"
                            "none:x:1002:1002::/:/bin/false\n"
                            "odd:x:1003x:1:Odd:/:\n"
                            "sign:x:+1004:1:Sign:/:\n"
                            "short:x:1005\n"
                            ":x:1006:1:Nameless:/:\n"
                            "\n"
                            "big:x:4294967294:1:Big:/:\n";

static void look_up(const char *text, unsigned uid, struct user *ret)
{
    char path[] = "/tmp/fp-user-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    user_look_up(path, uid, ret);
    unlink(path);
}

static void test_accounts_of_the_file(void **state)
{
    static const struct {
        unsigned uid;
        const char *login, *full_name;
    } rows[] = {
        {0, "root", "root"}, {1000, "al", "Al B. Bee"},  {1001, "bob", "Bob Jones Bob Sons"},
        {1002, "none", ""},  {4294967294, "big", "Big"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct user u = {0};
        look_up(plain, rows[i].uid, &u);
        assert_string_equal(u.login, rows[i].login);
        assert_string_equal(u.full_name, rows[i].full_name);
        user_close(&u);
    }
}

// A line that spans the pieces in which the file is read is a line like others.
static void test_long_file(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, 1024 * 1024);
    for (unsigned i = 0; i < 3000; i++)
        buf_addf(&text, "user%u:x:%u:100:Number %u:/srv/user%u:/bin/sh\n", i, i, i, i);
    for (unsigned i = 0; i < 3000; i += 37) {
        char login[32];
        struct user u = {0};
        snprintf(login, sizeof login, "user%u", i);
        look_up(text.p, i, &u);
        assert_string_equal(u.login, login);
        user_close(&u);
    }
    buf_close(&text);
}

// What is not for us to read is left to the name services, who know nobody of that number.
static void test_left_to_the_name_services(void **state)
{
    char too_long[9000];
    static const char *const starts[] = {"+::::::\n", "-al::::::\n", "+@group::::::\n", ""};
    (void)state;
    if (getpwuid(NOBODY_HAS_IT))
        skip();
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        char text[256];
        struct user u = {0};
        snprintf(text, sizeof text, "%s%s", starts[i],
                 *starts[i] ? "me:x:4123456789:1:Me:/:\n" : "me:x:4123456788:1:Not me:/:\n");
        look_up(text, NOBODY_HAS_IT, &u);
        assert_string_equal(u.login, "uid4123456789");
        assert_string_equal(u.full_name, "");
        user_close(&u);
    }
    struct user u = {0};
    memset(too_long, 'x', sizeof too_long);
    strcpy(too_long + sizeof too_long - 32, "\nme:x:4123456789:1:Me:/:\n");
    look_up(too_long, NOBODY_HAS_IT, &u);
    assert_string_equal(u.login, "uid4123456789");
    user_close(&u);
    user_look_up("/nonexistent/passwd", NOBODY_HAS_IT, &u);
    assert_string_equal(u.login, "uid4123456789");
    user_close(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts_of_the_file),
        cmocka_unit_test(test_long_file),
        cmocka_unit_test(test_left_to_the_name_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
