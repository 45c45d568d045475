// SPDX-License-Identifier: BSD-2-Clause
// Listeners: what can be wrong with an address, old socket files, and running out of descriptors.
#include "io/stream_uv.h"

#include "core/must.h"
#include "io/endpoint_sys.h"
#include "loop.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/fp-listen-XXXXXX";
static char path[64], address[80];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(address, sizeof address, "unix:%s", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int accepted, paused;

static void on_accept(void *arg, struct stream *s)
{
    (void)arg;
    accepted++;
    stream_close(s, false);
}

static void on_pause(void *arg, const char *why)
{
    (void)arg;
    (void)why;
    paused++;
}

static struct buf why;

static enum fp_err open_at(const char *at, int mode, struct listener **ret)
{
    struct listener_handler h = {.on_accept = on_accept, .on_pause = on_pause};
    buf_init(&why, 1000);
    return listener_open(&loop, at, mode, 0, &h, ret, &why);
}

static void test_wrong_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum fp_err want;
        const char *says;
    } rows[] = {
        {"localhost:25", FP_INVALID, "is not an address to listen on"},
        {"127.0.0.1", FP_INVALID, "always with a port"},
        {"::1", FP_INVALID, "\"[::1]:25\""},
        {"[::1]", FP_INVALID, "\"[::1]:25\""},
        {":25", FP_INVALID, "is not an address"},
        {"25", FP_INVALID, "is not an address"},
        {"", FP_INVALID, "is not an address"},
        {"127.0.0.1:smtp", FP_INVALID, "is not an address"},
        {"127.0.0.1:65536", FP_INVALID, "is not an address"},
        {"127.0.0.256:25", FP_INVALID, "is not an address"},
        {"192.0.2.1:25", FP_NOT_FOUND, "does not have that address"},
        {"unix:", FP_INVALID, "a full path"},
        {"unix:run/socket", FP_INVALID, "a full path"},
        {"unix:/nonexistent/socket", FP_NOT_FOUND, "its folder does not exist"},
        {"unix:/dev/null/socket", FP_NOT_FOUND, "its folder does not exist"},
        {"unix:/dev/null", FP_INVALID, "no socket"},
        {"unix:/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
         "0123456789/0123456789/01234567",
         FP_INVALID, "at most 107 bytes"},
    };
    loop_begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener *l = NULL;
        assert_int_equal(open_at(rows[i].address, 0600, &l), rows[i].want);
        print_message("%s\n", why.p);
        assert_non_null(strstr(why.p, rows[i].says));
        assert_null(l);
        buf_close(&why);
    }
    loop_end();
}

// A path of 107 bytes is the longest that fits.
static void test_longest_path(void **state)
{
    (void)state;
    char longest[200];
    size_t n = (size_t)snprintf(longest, sizeof longest, "unix:%s/", folder);
    memset(longest + n, 'x', sizeof longest - n);
    longest[5 + 107] = '\0';
    loop_begin();
    struct listener *l = NULL;
    assert_int_equal(open_at(longest, 0600, &l), FP_OK);
    buf_close(&why);
    listener_close(l);
    loop_end();
}

static void test_port_in_use(void **state)
{
    (void)state;
    static const char *const ips[] = {"127.0.0.1", "[::1]"};
    loop_begin();
    for (int i = 0; i < 2; i++) {
        struct listener *first = NULL, *second = NULL;
        char at[40];
        snprintf(at, sizeof at, "%s:0", ips[i]);
        assert_int_equal(open_at(at, 0, &first), FP_OK);
        assert_true(listener_port(first) > 0);
        snprintf(at, sizeof at, "%s:%u", ips[i], listener_port(first));
        assert_int_equal(open_at(at, 0, &second), FP_BUSY);
        assert_non_null(strstr(why.p, "another program listens there"));
        buf_close(&why);
        listener_close(first);
        // Free again at once, also for a daemon that starts while this one is ending.
        assert_int_equal(open_at(at, 0, &second), FP_OK);
        listener_close(second);
    }
    loop_end();
}

// Both families on one port: "[::]" does not take IPv4 with it.
static void test_both_families(void **state)
{
    (void)state;
    loop_begin();
    struct listener *v6 = NULL, *v4 = NULL;
    assert_int_equal(open_at("[::]:0", 0, &v6), FP_OK);
    char at[40];
    snprintf(at, sizeof at, "0.0.0.0:%u", listener_port(v6));
    assert_int_equal(open_at(at, 0, &v4), FP_OK);
    listener_close(v4);
    listener_close(v6);
    loop_end();
}

// Without the right to it, a port below 1024 gets a sentence. Only root can give the right up.
static void test_low_port(void **state)
{
    (void)state;
    if (getuid() == 0 && seteuid(65534) < 0)
        skip();
    loop_begin();
    struct listener *l = NULL;
    enum fp_err err = open_at("127.0.0.1:1", 0, &l);
    if (geteuid() != getuid())
        assert_int_equal(seteuid(getuid()), 0);
    if (err == FP_OK) { // a machine that gives low ports to everybody
        listener_close(l);
    } else {
        assert_int_equal(err, FP_DENIED);
        assert_non_null(strstr(why.p, "CAP_NET_BIND_SERVICE"));
    }
    buf_close(&why);
    loop_end();
}

static void make_stale(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd); // the file stays
}

static int connect_raw(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

static void test_socket_file(void **state)
{
    (void)state;
    static const int modes[] = {0666, 0600, 0660};
    loop_begin();
    for (int i = 0; i < 3; i++) {
        mode_t before = umask(i ? 0 : 077); // it neither takes away nor gives
        make_stale();
        struct listener *first = NULL, *second = NULL;
        assert_int_equal(open_at(address, modes[i], &first), FP_OK);
        umask(before);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, modes[i]);
        assert_int_equal(listener_port(first), 0);
        assert_int_equal(open_at(address, 0600, &second), FP_BUSY);
        assert_non_null(strstr(why.p, "another program listens there"));
        buf_close(&why);
        accepted = 0;
        int fd = connect_raw();
        assert_true(fd >= 0);
        while (accepted < 2 && !loop_gave_up) // the one that was asked "is somebody there?" too
            uv_run(&loop, UV_RUN_ONCE);
        close(fd);
        listener_close(first);
        listener_close(first);
        assert_int_equal(stat(path, &st), -1);
    }
    loop_end();
}

// A successor's file at the same path is not taken away.
static void test_successors_file(void **state)
{
    (void)state;
    loop_begin();
    struct listener *first = NULL, *second = NULL;
    assert_int_equal(open_at(address, 0600, &first), FP_OK);
    char aside[80];
    snprintf(aside, sizeof aside, "%s.old", path); // keeps the inode from being used again
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(open_at(address, 0600, &second), FP_OK);
    listener_close(first);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    listener_close(second);
    assert_int_equal(stat(path, &st), -1);
    unlink(aside);
    loop_end();
}

// Files that are no sockets stay as they are.
static void test_ordinary_file(void **state)
{
    (void)state;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    loop_begin();
    struct listener *l = NULL;
    assert_int_equal(open_at(address, 0600, &l), FP_INVALID);
    buf_close(&why);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4);
    unlink(path);
    loop_end();
}

// Without descriptors accepting pauses and neither spins nor drops: the connection that waited is
// taken as soon as there is room.
static void test_out_of_descriptors(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    loop_begin();
    struct listener *l = NULL;
    assert_int_equal(open_at(address, 0600, &l), FP_OK);
    int fd = connect_raw();
    assert_true(fd >= 0);
    int probe = dup(0);
    close(probe);
    few = before;
    few.rlim_cur = (rlim_t)probe; // not one more
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    accepted = paused = 0;
    int turns = 0;
    uint64_t start = uv_now(&loop);
    while (paused < 3 && turns < 10000 && !loop_gave_up) {
        uv_run(&loop, UV_RUN_ONCE);
        turns++;
    }
    uint64_t end = uv_now(&loop);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(paused, 3);
    assert_true(end - start >= 190);
    assert_true(turns < 20);
    assert_int_equal(accepted, 0);
    while (accepted == 0 && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(accepted, 1);
    close(fd);
    listener_close(l);
    loop_end();
}

// Closed while it pauses, closed at once, and NULL.
static void test_close_any_time(void **state)
{
    (void)state;
    loop_begin();
    struct listener *l = NULL;
    assert_int_equal(open_at("127.0.0.1:0", 0, &l), FP_OK);
    listener_close(l);
    listener_close(NULL);
    loop_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_addresses),    cmocka_unit_test(test_longest_path),
        cmocka_unit_test(test_port_in_use),        cmocka_unit_test(test_both_families),
        cmocka_unit_test(test_low_port),           cmocka_unit_test(test_socket_file),
        cmocka_unit_test(test_successors_file),    cmocka_unit_test(test_ordinary_file),
        cmocka_unit_test(test_out_of_descriptors), cmocka_unit_test(test_close_any_time),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
