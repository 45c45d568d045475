// SPDX-License-Identifier: BSD-2-Clause
// ends: the two ends of a connection in test_stream.c. An end does at each event what its row says
// and writes down what it saw.
#ifndef FP_TESTS_UNIT_IO_ENDS_H
#define FP_TESTS_UNIT_IO_ENDS_H

#include "io/stream_uv.h"

#include "core/must.h"
#include "loop.h"

#include <stdio.h>
#include <stdlib.h>

// What one end does at which event, and what it saw.
enum on_event { DO_NOTHING, DO_CLOSE, DO_FLUSH_CLOSE, DO_ECHO };

struct end {
    struct stream *stream;
    enum on_event at_connect, at_bytes, at_eof, at_fault, at_drained, at_failed;
    size_t send_n;     // bytes to write when connected
    size_t received_n; // bytes seen
    uint64_t received_sum;
    int connected, failed, eof, faults, drained, closed;
    bool wrote_at_once;
    bool is_in_call; // a callback that comes now came from within a call
    bool was_reentered;
    enum stream_fault fault;
    char detail[80];
    struct stream_peer peer;
    struct listener *close_listener; // when this end closes
};

static uint64_t sum(uint64_t before, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        before = before * 31 + (unsigned char)p[i];
    return before;
}

static char *pattern(size_t n)
{
    char *p = must_alloc(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 7 + i / 251);
    return p;
}

static void act(struct end *e, enum on_event what)
{
    e->is_in_call = true;
    if (what == DO_CLOSE || what == DO_FLUSH_CLOSE)
        stream_close(e->stream, what == DO_FLUSH_CLOSE);
    e->is_in_call = false;
}

static void note_call(struct end *e)
{
    if (e->is_in_call)
        e->was_reentered = true;
}

static void send_pattern(struct end *e)
{
    char *p = pattern(e->send_n);
    size_t half = e->send_n / 2;
    struct slice slices[] = {{p, half}, {"", 0}, {p + half, e->send_n - half}, {"", 0}};
    e->is_in_call = true;
    e->wrote_at_once = stream_write(e->stream, slices, 4);
    e->is_in_call = false;
    free(p);
}

static void on_connected(void *arg)
{
    struct end *e = arg;
    note_call(e);
    e->connected++;
    stream_peer(e->stream, &e->peer);
    if (e->send_n > 0)
        send_pattern(e);
    act(e, e->at_connect);
}

static void on_connect_failed(void *arg, enum stream_fault fault, const char *detail)
{
    struct end *e = arg;
    note_call(e);
    e->failed++;
    e->fault = fault;
    snprintf(e->detail, sizeof e->detail, "%s", detail);
    act(e, e->at_failed);
}

static void on_bytes(void *arg, struct slice bytes)
{
    struct end *e = arg;
    note_call(e);
    e->received_n += bytes.n;
    e->received_sum = sum(e->received_sum, bytes.p, bytes.n);
    if (e->at_bytes == DO_ECHO) {
        e->is_in_call = true;
        stream_write(e->stream, &bytes, 1);
        e->is_in_call = false;
    }
    act(e, e->at_bytes);
}

static void on_eof(void *arg)
{
    struct end *e = arg;
    note_call(e);
    e->eof++;
    act(e, e->at_eof);
}

static void on_fault(void *arg, enum stream_fault fault, const char *detail)
{
    struct end *e = arg;
    note_call(e);
    e->faults++;
    e->fault = fault;
    snprintf(e->detail, sizeof e->detail, "%s", detail);
    act(e, e->at_fault);
}

static void on_drained(void *arg)
{
    struct end *e = arg;
    note_call(e);
    e->drained++;
    act(e, e->at_drained);
}

static void on_closed(void *arg)
{
    struct end *e = arg;
    note_call(e);
    e->closed++;
    e->stream = NULL;
    listener_close(e->close_listener);
}

static struct stream_handler handler(struct end *e)
{
    return (struct stream_handler){e,      on_connected, on_connect_failed, on_bytes,
                                   on_eof, on_fault,     on_drained,        on_closed};
}

static void on_accept(void *arg, struct stream *s)
{
    struct end *e = arg;
    struct stream_handler h = handler(e);
    e->stream = s;
    stream_set_handler(s, &h);
    on_connected(e);
}

static struct listener *listen_on(const char *address, struct end *server)
{
    struct listener_handler h = {.arg = server, .on_accept = on_accept};
    struct listener *l = NULL;
    struct buf why;
    buf_init(&why, 1000);
    assert_int_equal(listener_open(&loop, address, 0600, 0, &h, &l, &why), FP_OK);
    buf_close(&why);
    return l;
}

// Runs a server end and a client end over address until both have gone.
static void play(const char *address, struct end *client, struct end *server)
{
    loop_begin();
    struct listener *l = listen_on(address, server);
    server->close_listener = l;
    struct stream_handler h = handler(client);
    const char *path = strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
    client->is_in_call = true;
    client->stream = path ? stream_connect_unix(&loop, path, &h)
                          : stream_connect_tcp(&loop, strchr(address, '[') ? "::1" : "127.0.0.1",
                                               listener_port(l), &h);
    client->is_in_call = false;
    loop_end();
    assert_int_equal(client->closed, 1);
    assert_int_equal(server->closed, 1);
    assert_false(client->was_reentered);
    assert_false(server->was_reentered);
}

#endif
