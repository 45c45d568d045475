// SPDX-License-Identifier: BSD-2-Clause
// A route appears: in a network namespace of its own, where nobody else's come and go. Without the
// right to make one the test is skipped.
#include "io/network_uv.h"

#include "loop.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int appeared;
static bool is_private; // in a namespace of its own: only there anything is changed

static void on_appeared(void *arg)
{
    (void)arg;
    appeared++;
    uv_stop(&loop);
}

static int ask(unsigned long request, struct ifreq *r)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = ioctl(fd, request, r);
    close(fd);
    return rc;
}

static void bring_up(void)
{
    struct ifreq r = {.ifr_name = "lo"};
    assert_int_equal(ask(SIOCGIFFLAGS, &r), 0);
    r.ifr_flags |= IFF_UP;
    assert_int_equal(ask(SIOCSIFFLAGS, &r), 0);
}

static void give_address(const char *name, const char *ip)
{
    struct ifreq r = {.ifr_flags = 0};
    strcpy(r.ifr_name, name);
    struct sockaddr_in *a = (struct sockaddr_in *)&r.ifr_addr;
    a->sin_family = AF_INET;
    inet_pton(AF_INET, ip, &a->sin_addr);
    assert_int_equal(ask(SIOCSIFADDR, &r), 0);
}

// A timer keeps the loop alive as the daemon's sockets do, and ends a test that waits in vain.
static uv_timer_t limit;

static void on_limit(uv_timer_t *t)
{
    (void)t;
    uv_stop(&loop);
}

static void run(uint64_t for_ms)
{
    uv_timer_init(&loop, &limit);
    uv_timer_start(&limit, on_limit, for_ms, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void tells_of_it_once(void **state)
{
    (void)state;
    struct network *n = NULL;
    is_private = unshare(CLONE_NEWNET) == 0;
    if (!is_private)
        skip();
    loop_begin();
    assert_int_equal(network_open(&loop, on_appeared, NULL, &n), FP_OK);
    bring_up();
    for (int i = 1; i < 20; i++) { // many messages, one appearance
        char name[16], ip[16];
        snprintf(name, sizeof name, "lo:%d", i);
        snprintf(ip, sizeof ip, "10.9.8.%d", i);
        give_address(name, ip);
    }
    run(60000);
    assert_int_equal(appeared, 1);
    run(50);
    assert_int_equal(appeared, 1);
    network_close(n);
    network_close(n);
    network_close(NULL);
    loop_end();
}

static void closes_with_news_under_way(void **state)
{
    (void)state;
    struct network *n = NULL;
    loop_begin();
    assert_int_equal(network_open(&loop, on_appeared, NULL, &n), FP_OK);
    if (is_private)
        give_address("lo:77", "10.9.9.77");
    run(5);
    appeared = 0;
    network_close(n);
    run(5);
    assert_int_equal(appeared, 0);
    loop_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_it_once),
        cmocka_unit_test(closes_with_news_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
