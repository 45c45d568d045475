// SPDX-License-Identifier: BSD-2-Clause
// Streams over loopback and Unix sockets: two ends on one loop, what happened is written down and
// compared after the run.
#include "io/stream_uv.h"

#include "ends.h"
#include "io/endpoint_sys.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/fp-stream-XXXXXX";
static char unix_address[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(unix_address, sizeof unix_address, "unix:%s/s", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); // fails when a socket file was left
}

static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", unix_address};

// Echo of little and of much (more than socket buffers hold): every byte comes back in order.
static void test_echo(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4096, 65536, 5 * 1024 * 1024 + 3};
    for (size_t i = 0; i < 3 * 4; i++) {
        size_t n = sizes[i % 4];
        struct end client = {.send_n = n}, server = {.at_bytes = DO_ECHO, .at_eof = DO_CLOSE};
        struct end *c = &client;
        c->at_eof = DO_CLOSE;
        loop_begin();
        struct listener *l = listen_on(addresses[i / 4], &server);
        struct stream_handler h = handler(c);
        c->stream = i / 4 == 2 ? stream_connect_unix(&loop, unix_address + 5, &h)
                               : stream_connect_tcp(&loop, i / 4 ? "::1" : "127.0.0.1",
                                                    listener_port(l), &h);
        while (c->received_n < n && !loop_gave_up)
            uv_run(&loop, UV_RUN_ONCE);
        char *p = pattern(n);
        uint64_t want = sum(0, p, n);
        free(p);
        stream_close(server.stream, true);
        listener_close(l);
        loop_end();
        assert_int_equal(c->received_n, n);
        assert_true(c->received_sum == want);
        assert_int_equal(c->eof, 1);
        assert_int_equal(c->drained, c->wrote_at_once ? 0 : 1);
        assert_int_equal(c->closed + server.closed, 2);
        assert_false(c->was_reentered || server.was_reentered);
    }
}

// A small write goes out at once; a large one says so later, and flush waits for it.
static void test_write_at_once(void **state)
{
    (void)state;
    struct end client = {.send_n = 100, .at_connect = DO_FLUSH_CLOSE};
    struct end server = {.at_eof = DO_CLOSE};
    play("127.0.0.1:0", &client, &server);
    assert_true(client.wrote_at_once);
    assert_int_equal(client.drained, 0);
    assert_int_equal(server.received_n, 100);
    assert_int_equal(server.eof, 1);
}

static void test_flush_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t n = 8 * 1024 * 1024;
        struct end client = {.send_n = n, .at_connect = DO_FLUSH_CLOSE};
        struct end server = {.at_eof = DO_CLOSE};
        play(addresses[i], &client, &server);
        assert_false(client.wrote_at_once);
        assert_int_equal(client.drained, 0); // closed by its owner: only on_closed
        assert_int_equal(server.received_n, n);
        char *p = pattern(n);
        assert_true(server.received_sum == sum(0, p, n));
        free(p);
    }
}

// Several unfinished writes are one wait: told once, in order, and a flush waits for all of them.
static void test_several_writes(void **state)
{
    (void)state;
    for (int flushes = 0; flushes < 2; flushes++) {
        loop_begin();
        struct end client = {.at_drained = DO_CLOSE}, server = {.at_eof = DO_CLOSE};
        struct listener *l = listen_on("127.0.0.1:0", &server);
        struct stream_handler h = handler(&client);
        client.stream = stream_connect_tcp(&loop, "127.0.0.1", listener_port(l), &h);
        while (!(server.stream && client.connected) && !loop_gave_up)
            uv_run(&loop, UV_RUN_ONCE);
        client.send_n = 4 * 1024 * 1024;
        for (int i = 0; i < 3; i++)
            send_pattern(&client);
        if (flushes)
            stream_close(client.stream, true);
        listener_close(l);
        loop_end();
        char *p = pattern(client.send_n);
        uint64_t want = sum(sum(sum(0, p, client.send_n), p, client.send_n), p, client.send_n);
        free(p);
        assert_int_equal(server.received_n, 3 * client.send_n);
        assert_true(server.received_sum == want);
        assert_int_equal(client.drained, flushes ? 0 : 1);
    }
}

static void test_drained(void **state)
{
    (void)state;
    struct end client = {.send_n = 8 * 1024 * 1024, .at_drained = DO_CLOSE};
    struct end server = {.at_eof = DO_CLOSE};
    play("127.0.0.1:0", &client, &server);
    assert_int_equal(client.drained, 1);
    assert_int_equal(server.received_n, client.send_n);
}

// Closing within any callback.
static void test_close_in_callbacks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct end client, server;
    } rows[] = {
        {"client at connect", {.at_connect = DO_CLOSE}, {.at_eof = DO_CLOSE}},
        {"server at accept", {.at_eof = DO_CLOSE}, {.at_connect = DO_CLOSE}},
        {"both at connect", {.at_connect = DO_CLOSE}, {.at_connect = DO_CLOSE}},
        {"server at bytes",
         {.send_n = 10, .at_eof = DO_CLOSE, .at_fault = DO_CLOSE},
         {.at_bytes = DO_CLOSE}},
        {"server at bytes, flush",
         {.send_n = 10, .at_eof = DO_CLOSE, .at_fault = DO_CLOSE},
         {.at_bytes = DO_FLUSH_CLOSE}},
        {"client at drained",
         {.send_n = 8000000, .at_drained = DO_FLUSH_CLOSE},
         {.at_eof = DO_CLOSE, .at_fault = DO_CLOSE}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t k = 0; k < 3; k++) {
            struct end client = rows[i].client, server = rows[i].server;
            print_message("%s, %s\n", rows[i].name, addresses[k]);
            play(addresses[k], &client, &server);
        }
}

// Faults of connecting are told by the loop, also those known at once.
static void test_connect_failures(void **state)
{
    (void)state;
    static const struct {
        const char *name, *ip, *path;
        enum stream_fault want;
        const char *detail;
    } rows[] = {
        {"refused", "127.0.0.1", NULL, STREAM_REFUSED, "Connection refused"},
        {"refused, IPv6", "::1", NULL, STREAM_REFUSED, "Connection refused"},
        {"no address", "not-an-address", NULL, STREAM_OTHER, "Invalid argument"},
        {"empty", "", NULL, STREAM_OTHER, "Invalid argument"},
        {"no socket file", NULL, "/nonexistent/socket", STREAM_REFUSED,
         "No such file or directory"},
        {"path too long", NULL,
         "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
         "0123456789/0123456789",
         STREAM_OTHER, "File name too long"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        loop_begin();
        struct end server = {0}, client = {.at_failed = DO_CLOSE, .send_n = 5};
        struct listener *l = listen_on("127.0.0.1:0", &server);
        uint16_t port = listener_port(l); // nobody is on this port once it is closed
        listener_close(l);
        struct stream_handler h = handler(&client);
        client.is_in_call = true;
        client.stream = rows[i].path ? stream_connect_unix(&loop, rows[i].path, &h)
                                     : stream_connect_tcp(&loop, rows[i].ip, port, &h);
        client.is_in_call = false;
        loop_end();
        print_message("%s: %s\n", rows[i].name, client.detail);
        assert_int_equal(client.failed, 1);
        assert_int_equal(client.connected, 0);
        assert_int_equal(client.closed, 1);
        assert_int_equal(client.fault, rows[i].want);
        assert_string_equal(client.detail, rows[i].detail);
        assert_false(client.was_reentered);
    }
}

// Closing before the connect has an answer: nothing but on_closed, once, however often.
static void test_close_while_connecting(void **state)
{
    (void)state;
    static const char *const ips[] = {"127.0.0.1", "nonsense"};
    for (size_t i = 0; i < 2; i++) {
        loop_begin();
        struct end server = {.at_eof = DO_CLOSE}, client = {0};
        struct listener *l = listen_on("127.0.0.1:0", &server);
        struct stream_handler h = handler(&client);
        struct stream *s = stream_connect_tcp(&loop, ips[i], listener_port(l), &h);
        struct slice hello = SLICE_LIT("hello");
        assert_false(stream_write(s, &hello, 1)); // kept while connecting
        stream_close(s, true);
        stream_close(s, false);
        stream_close(s, true);
        assert_true(stream_write(s, &hello, 1)); // dropped
        listener_close(l);
        loop_end();
        assert_int_equal(client.closed, 1);
        assert_int_equal(client.connected + client.failed + client.faults, 0);
    }
}

// A reset (SO_LINGER 0 on a raw peer) is told as such, once.
static void reset_peer(int fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

static int raw_connect(uint16_t port)
{
    union endpoint to;
    assert_int_equal(endpoint_from_ip("127.0.0.1", port, &to), FP_OK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &to.any, sizeof to.v4), 0);
    return fd;
}

static void test_reset(void **state)
{
    (void)state;
    loop_begin();
    struct end server = {.at_fault = DO_CLOSE};
    struct listener *l = listen_on("127.0.0.1:0", &server);
    int fd = raw_connect(listener_port(l));
    while (!server.stream && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    reset_peer(fd);
    listener_close(l);
    loop_end();
    assert_int_equal(server.faults, 1);
    assert_int_equal(server.fault, STREAM_RESET);
    assert_string_equal(server.detail, "Connection reset by peer");
    assert_int_equal(server.closed, 1);
}

// (T3) A peer that says its last word and is gone: the word is read although our write fails first.
static void test_last_words(void **state)
{
    (void)state;
    loop_begin();
    struct end server = {.at_fault = DO_CLOSE};
    struct listener *l = listen_on("127.0.0.1:0", &server);
    int fd = raw_connect(listener_port(l));
    while (!server.stream && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    static const char goodbye[] = "421 4.3.2 closing\r\n";
    assert_int_equal(send(fd, goodbye, sizeof goodbye - 1, 0), sizeof goodbye - 1);
    reset_peer(fd);
    // The loop has not seen anything yet; these writes find a dead socket.
    struct slice command = SLICE_LIT("MAIL FROM:<a@example.com>\r\n");
    server.is_in_call = true;
    bool first = stream_write(server.stream, &command, 1);
    stream_write(server.stream, &command, 1);
    server.is_in_call = false;
    assert_false(first);
    listener_close(l);
    loop_end();
    assert_int_equal(server.received_n, sizeof goodbye - 1);
    assert_int_equal(server.faults, 1);
    assert_int_equal(server.fault, STREAM_RESET);
    assert_int_equal(server.eof, 0);
    assert_false(server.was_reentered);
}

// With reading off, a write to a dead socket is told without waiting for anything.
static void test_write_fault_without_reading(void **state)
{
    (void)state;
    loop_begin();
    struct end server = {.at_fault = DO_CLOSE};
    struct listener *l = listen_on("127.0.0.1:0", &server);
    int fd = raw_connect(listener_port(l));
    while (!server.stream && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    stream_read(server.stream, false);
    reset_peer(fd);
    struct slice command = SLICE_LIT("NOOP\r\n");
    assert_false(stream_write(server.stream, &command, 1));
    listener_close(l);
    loop_end();
    assert_int_equal(server.faults, 1);
    assert_int_equal(server.fault, STREAM_RESET);
    assert_false(server.was_reentered);
}

// A peer that never reads does not keep a flush alive for ever.
static void test_flush_limit(void **state)
{
    (void)state;
    loop_begin();
    struct end server = {0};
    struct listener *l = listen_on("127.0.0.1:0", &server);
    int fd = raw_connect(listener_port(l));
    while (!server.stream && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    server.send_n = 8 * 1024 * 1024;
    send_pattern(&server);
    assert_false(server.wrote_at_once);
    assert_true(stream_unsent(server.stream) > 0);
    stream_close_within(server.stream, 20);
    stream_close(server.stream, true); // changes nothing
    listener_close(l);
    loop_end();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.drained + server.faults, 0);
    close(fd);
}

// Back-pressure: nothing arrives while reading is off, everything afterwards.
static void test_reading_off(void **state)
{
    (void)state;
    loop_begin();
    struct end server = {.at_eof = DO_CLOSE};
    struct listener *l = listen_on("127.0.0.1:0", &server);
    int fd = raw_connect(listener_port(l));
    while (!server.stream && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    stream_read(server.stream, false);
    assert_int_equal(send(fd, "abc", 3, 0), 3);
    for (int i = 0; i < 20; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(server.received_n, 0);
    stream_read(server.stream, true);
    stream_read(server.stream, true);
    close(fd);
    listener_close(l);
    loop_end();
    assert_int_equal(server.received_n, 3);
    assert_int_equal(server.eof, 1);
}

static void test_peer(void **state)
{
    (void)state;
    static const struct {
        const char *ip;
        bool is_unix;
    } want[] = {{"127.0.0.1", false}, {"::1", false}, {"", true}};
    for (size_t i = 0; i < 3; i++) {
        struct end client = {.at_connect = DO_CLOSE}, server = {.at_eof = DO_CLOSE};
        play(addresses[i], &client, &server);
        assert_string_equal(server.peer.ip, want[i].ip);
        assert_string_equal(client.peer.ip, want[i].ip);
        assert_int_equal(server.peer.uid, want[i].is_unix ? (int64_t)getuid() : -1);
        assert_true((server.peer.port > 0) == !want[i].is_unix);
    }
}

// Accepted sockets do not wait to fill a segment (inherited from the listening one).
static void test_nodelay(void **state)
{
    (void)state;
    loop_begin();
    struct end server = {.at_eof = DO_CLOSE}, client = {.at_eof = DO_CLOSE};
    struct listener *l = listen_on("127.0.0.1:0", &server);
    struct stream_handler h = handler(&client);
    client.stream = stream_connect_tcp(&loop, "127.0.0.1", listener_port(l), &h);
    while (!(server.stream && client.connected) && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    int seen = 0;
    for (int fd = 3; fd < 64; fd++) { // streams do not show their descriptor: look at all of ours
        int on = 0, listening = 0;
        socklen_t n = sizeof on, m = sizeof listening;
        if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &m) < 0 || listening)
            continue;
        assert_true(on);
        seen++;
    }
    assert_int_equal(seen, 2);
    stream_close(client.stream, false);
    listener_close(l);
    loop_end();
}

enum { MANY = 200 };
static struct end many_servers[MANY], many_clients[MANY];
static int many_accepted;
static struct listener *many_listener;

static void on_accept_many(void *arg, struct stream *s)
{
    (void)arg;
    on_accept(&many_servers[many_accepted++], s);
    if (many_accepted == MANY)
        listener_close(many_listener); // from within the callback
}

static void test_many(void **state)
{
    (void)state;
    memset(many_servers, 0, sizeof many_servers);
    memset(many_clients, 0, sizeof many_clients);
    loop_begin();
    struct listener_handler lh = {.on_accept = on_accept_many};
    struct buf why;
    buf_init(&why, 1000);
    assert_int_equal(listener_open(&loop, "127.0.0.1:0", 0, 0, &lh, &many_listener, &why), FP_OK);
    for (int i = 0; i < MANY; i++) {
        many_servers[i] = (struct end){.at_bytes = DO_ECHO, .at_eof = DO_CLOSE};
        many_clients[i] = (struct end){.send_n = 1000, .at_bytes = DO_FLUSH_CLOSE};
        struct stream_handler h = handler(&many_clients[i]);
        many_clients[i].stream =
            stream_connect_tcp(&loop, "127.0.0.1", listener_port(many_listener), &h);
    }
    loop_end();
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(many_clients[i].received_n, 1000);
        assert_int_equal(many_clients[i].closed, 1);
        assert_int_equal(many_servers[i].closed, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_write_at_once),
        cmocka_unit_test(test_flush_waits),
        cmocka_unit_test(test_several_writes),
        cmocka_unit_test(test_drained),
        cmocka_unit_test(test_close_in_callbacks),
        cmocka_unit_test(test_connect_failures),
        cmocka_unit_test(test_close_while_connecting),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_write_fault_without_reading),
        cmocka_unit_test(test_flush_limit),
        cmocka_unit_test(test_reading_off),
        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_nodelay),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
