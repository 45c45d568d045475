// SPDX-License-Identifier: BSD-2-Clause
// Is there a way out? In a network of its own, that has nothing but a loopback, there is none.
#include "io/wayout_sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void bring_loopback_up(void)
{
    struct ifreq r = {.ifr_flags = IFF_UP | IFF_RUNNING};
    strcpy(r.ifr_name, "lo");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
    close(fd);
}

static void nothing_but_a_loopback(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNET) != 0)
        skip();
    assert_false(wayout_exists("192.0.2.1"));
    assert_false(wayout_exists("2001:db8::1"));
    bring_loopback_up();
    assert_false(wayout_exists("192.0.2.1"));
    assert_false(wayout_exists("no address at all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_a_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
