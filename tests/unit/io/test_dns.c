// SPDX-License-Identifier: BSD-2-Clause
// Questions over real sockets to fake name servers on the same loop. What a server does is told by
// the first label of the name that it is asked.
#include "io/dns_uv.h"

#include "core/must.h"
#include "io/endpoint_sys.h"
#include "io/stream_uv.h"
#include "loop.h"
#include "packet.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    SERVERS = 2,
    TRY_MS = 150,
    CROWD_MS = 500,
    PATIENT_MS = 2 * LOOP_LIMIT_MS,
    PORTS = 600,
    SPREAD = 500
};

struct server {
    uv_udp_t udp;
    struct listener *listener;
    uint16_t port;
    char address[32];
    bool is_silent; // to everything
    int udp_count, tcp_count, plain_count;
    uint16_t from_ports[PORTS];
    uint16_t ids[PORTS];
};

static struct server servers[SERVERS];
static struct packet reply;

static void question_name(const unsigned char *p, char name[256], size_t *ret_end)
{
    size_t at = 12, n = 0;
    while (p[at] != 0) {
        if (n > 0)
            name[n++] = '.';
        memcpy(name + n, p + at + 1, p[at]);
        n += p[at];
        at += p[at] + 1U;
    }
    name[n] = '\0';
    *ret_end = at + 1;
}

static bool begins(const char *name, const char *label)
{
    size_t n = strlen(label);
    return strncmp(name, label, n) == 0 && name[n] == '.';
}

static void begin_reply(const unsigned char *p, const char *name, unsigned flags)
{
    size_t end;
    char again[256];
    question_name(p, again, &end);
    put_header(&reply, (unsigned)p[0] << 8 | p[1], flags, 1);
    put_question(&reply, name, (unsigned)p[end] << 8 | p[end + 1]);
}

static void put_hosts(int n)
{
    for (int i = 0; i < n; i++) {
        char host[40];
        snprintf(host, sizeof host, "mx%d.example.net", i);
        put_mx(&reply, "@12", 300, (unsigned)i, host);
    }
}

static void send_udp(struct server *s, const struct sockaddr *to)
{
    uv_buf_t buf = uv_buf_init((char *)reply.p, (unsigned)reply.n);
    uv_udp_try_send(&s->udp, &buf, 1, to);
}

// Answers that only a forger or a confused server gives; all are to be ignored.
static void send_wrong(struct server *s, const unsigned char *p, const char *name,
                       const struct sockaddr *to, int times)
{
    for (int i = 0; i < times; i++) {
        begin_reply(p, name, 0x8180);
        put_mx(&reply, "@12", 300, 1, "evil.example.org");
        reply.p[0] = (unsigned char)(reply.p[0] + 1 + i);
        send_udp(s, to);
    }
    begin_reply(p, "other.example.org", 0x8180);
    put_mx(&reply, "@12", 300, 1, "evil.example.org");
    send_udp(s, to);
}

static void answer_udp(struct server *s, const unsigned char *p, const struct sockaddr *from)
{
    char name[256];
    size_t end;
    question_name(p, name, &end);
    bool is_plain = p[11] == 0;
    s->plain_count += is_plain;
    bool is_first = s == &servers[0];
    if (s->is_silent || (begins(name, "silent1") && is_first) || begins(name, "silent"))
        return;
    if (begins(name, "noedns") && !is_plain)
        return;
    unsigned flags = 0x81a0;
    if (begins(name, "servfail") || (begins(name, "servfail1") && is_first))
        flags = 0x8182;
    if (begins(name, "formerr") && !is_plain)
        flags = 0x8181;
    if (begins(name, "nx"))
        flags = 0x8183;
    if (begins(name, "tc") || begins(name, "tcdead") || begins(name, "tctc"))
        flags = 0x8380;
    if (begins(name, "wrong"))
        send_wrong(s, p, name, from, 5);
    if (begins(name, "flood") && is_first)
        send_wrong(s, p, name, from, 100);
    begin_reply(p, name, flags);
    if (flags == 0x81a0)
        put_hosts(2);
    if (begins(name, "junk") && is_first)
        reply.n -= 5;
    send_udp(s, from);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    static char bytes[4096];
    (void)handle;
    (void)size;
    *ret = uv_buf_init(bytes, sizeof bytes);
}

static void on_udp(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                   unsigned flags)
{
    struct server *s = udp->data;
    (void)flags;
    if (n <= 12 || !from)
        return;
    const unsigned char *p = (const unsigned char *)buf->base;
    if (s->udp_count < PORTS) {
        s->from_ports[s->udp_count] = endpoint_port((const union endpoint *)from);
        s->ids[s->udp_count] = (uint16_t)(p[0] << 8 | p[1]);
    }
    s->udp_count++;
    answer_udp(s, p, from);
}

struct connection {
    struct server *server;
    struct stream *stream;
};

// One question per connection, and it comes in one piece.
static void on_tcp_bytes(void *arg, struct slice bytes)
{
    struct connection *c = arg;
    const unsigned char *p = (const unsigned char *)bytes.p + 2;
    char name[256];
    size_t end;
    c->server->tcp_count++;
    if (bytes.n < 14)
        return;
    question_name(p, name, &end);
    if (begins(name, "tcdead")) {
        stream_close(c->stream, false);
        return;
    }
    begin_reply(p, name, begins(name, "tctc") ? 0x8380 : 0x81a0);
    put_hosts(60);
    char length[2] = {(char)(reply.n >> 8), (char)reply.n};
    struct slice first[] = {slice_of(length, 2), slice_of((char *)reply.p, 100)};
    struct slice second = slice_of((char *)reply.p + 100, reply.n - 100);
    stream_write(c->stream, first, 2); // in pieces, as a network does it
    stream_write(c->stream, &second, 1);
}

static void on_tcp_eof(void *arg)
{
    stream_close(((struct connection *)arg)->stream, false);
}

static void on_tcp_fault(void *arg, enum stream_fault fault, const char *detail)
{
    (void)fault;
    (void)detail;
    on_tcp_eof(arg);
}

static void on_tcp(void *arg, struct stream *stream)
{
    struct connection *c = must_zalloc(sizeof *c);
    *c = (struct connection){arg, stream};
    const struct stream_handler h = {.arg = c,
                                     .on_bytes = on_tcp_bytes,
                                     .on_eof = on_tcp_eof,
                                     .on_fault = on_tcp_fault,
                                     .on_closed = free};
    stream_set_handler(stream, &h);
}

// The same free port for both protocols.
static void start_server(struct server *s, const char *ip)
{
    struct buf why;
    buf_init(&why, 1000);
    *s = (struct server){0};
    bool has_tcp = false;
    for (int i = 0; i < 50 && !has_tcp; i++) {
        union endpoint at;
        int n = sizeof at;
        assert_int_equal(endpoint_from_ip(ip, 0, &at), FP_OK);
        assert_int_equal(uv_udp_init(&loop, &s->udp), 0);
        assert_int_equal(uv_udp_bind(&s->udp, &at.any, 0), 0);
        assert_int_equal(uv_udp_getsockname(&s->udp, &at.any, &n), 0);
        s->port = endpoint_port(&at);
        bool is_v6 = strchr(ip, ':') != NULL;
        snprintf(s->address, sizeof s->address, is_v6 ? "[%s]:%u" : "%s:%u", ip, s->port);
        struct listener_handler h = {.arg = s, .on_accept = on_tcp};
        has_tcp = listener_open(&loop, s->address, 0, 0, &h, &s->listener, &why) == FP_OK;
        if (has_tcp)
            break;
        uv_close((uv_handle_t *)&s->udp, NULL);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    assert_true(has_tcp);
    buf_close(&why);
    s->udp.data = s;
    assert_int_equal(uv_udp_recv_start(&s->udp, on_alloc, on_udp), 0);
}

static void stop_server(struct server *s)
{
    uv_close((uv_handle_t *)&s->udp, NULL);
    listener_close(s->listener);
}

// The one who asks

struct got {
    int count;
    enum dns_result result;
    uint32_t records;
    char first[256];
    char name[256];
    bool is_secure;
    bool is_in_call, was_reentered;
};

static struct dns *dns;
static int answers_wanted;

static void stop_all(void)
{
    dns_close(dns);
    dns = NULL;
    for (int i = 0; i < SERVERS; i++)
        stop_server(&servers[i]);
}

static void on_answer(void *arg, const char *name, const struct dns_answer *answer)
{
    struct got *g = arg;
    g->was_reentered |= g->is_in_call;
    g->count++;
    g->result = answer->result;
    g->records = answer->count;
    g->is_secure = answer->is_secure;
    snprintf(g->name, sizeof g->name, "%s", name);
    if (answer->count > 0)
        snprintf(g->first, sizeof g->first, "%s", answer->records[0].name);
    if (--answers_wanted == 0)
        stop_all(); // from within the callback
}

static void open_dns(int64_t try_ms)
{
    const char *list[SERVERS] = {servers[0].address, servers[1].address};
    struct dns_options options = {list, SERVERS, try_ms, 2};
    struct buf why;
    buf_init(&why, 1000);
    assert_int_equal(dns_open(&loop, &options, &dns, &why), FP_OK);
    buf_close(&why);
}

static void begin(const char *first_ip)
{
    loop_begin();
    start_server(&servers[0], first_ip);
    start_server(&servers[1], "127.0.0.1");
}

static void ask(const char *name, struct got *g)
{
    g->is_in_call = true;
    dns_ask(dns, name, DNS_TYPE_MX, on_answer, g);
    g->is_in_call = false;
}

static const struct row {
    const char *name;
    enum dns_result want;
    uint32_t records;
    int udp[SERVERS], tcp[SERVERS]; // how often each server was asked
    bool waits;                     // for a server that says nothing
} rows[] = {
    {"good.example.net", DNS_ANSWER_OK, 2, {1, 0}, {0, 0}},
    {"nx.example.net", DNS_ANSWER_NXDOMAIN, 0, {1, 0}, {0, 0}},
    {"silent1.example.net", DNS_ANSWER_OK, 2, {1, 1}, {0, 0}, true},
    {"silent.example.net", DNS_ANSWER_TIMEOUT, 0, {2, 2}, {0, 0}, true},
    {"servfail1.example.net", DNS_ANSWER_OK, 2, {1, 1}, {0, 0}},
    {"servfail.example.net", DNS_ANSWER_SERVFAIL, 0, {1, 1}, {0, 0}},
    {"junk.example.net", DNS_ANSWER_OK, 2, {1, 1}, {0, 0}},
    {"tc.example.net", DNS_ANSWER_OK, 60, {1, 0}, {1, 0}},
    {"tcdead.example.net", DNS_ANSWER_TIMEOUT, 0, {2, 2}, {2, 2}},
    {"tctc.example.net", DNS_ANSWER_BAD, 0, {1, 1}, {1, 1}},
    {"wrong.example.net", DNS_ANSWER_OK, 2, {1, 0}, {0, 0}},
    {"flood.example.net", DNS_ANSWER_OK, 2, {1, 1}, {0, 0}}, // the second on a new port
    {"noedns.example.net", DNS_ANSWER_OK, 2, {2, 1}, {0, 0}, true},
    {"formerr.example.net", DNS_ANSWER_OK, 2, {2, 0}, {0, 0}},
    {"a..b", DNS_ANSWER_NXDOMAIN, 0, {0, 0}, {0, 0}},
    {"", DNS_ANSWER_NXDOMAIN, 0, {0, 0}, {0, 0}},
};

static void test_questions(void **state)
{
    (void)state;
    static const char *const ips[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i / 2];
        print_message("%s at %s\n", row->name, ips[i % 2]);
        struct got g = {0};
        begin(ips[i % 2]);
        open_dns(row->waits ? TRY_MS : PATIENT_MS);
        answers_wanted = 1;
        ask(row->name, &g);
        loop_end();
        assert_int_equal(g.count, 1);
        assert_false(g.was_reentered);
        assert_string_equal(g.name, row->name);
        assert_int_equal(g.result, row->want);
        assert_int_equal(g.records, row->records);
        if (row->records > 0)
            assert_string_equal(g.first, "mx0.example.net");
        assert_int_equal(g.is_secure, row->want == DNS_ANSWER_OK); // the servers set AD on loopback
        for (int k = 0; k < SERVERS; k++) {
            assert_int_equal(servers[k].udp_count, row->udp[k]);
            assert_int_equal(servers[k].tcp_count, row->tcp[k]);
        }
    }
}

// 500 at once: every one is answered once, each from a port and with an id of its own. So many
// overflow the fake server's receive buffer, so some are asked twice.
static int compare_ports(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void on_answer_ask_again(void *arg, const char *name, const struct dns_answer *answer)
{
    struct got *g = arg;
    g->result = answer->result;
    ask(name, g);
}

// RFC 5452 5: one packet for all who ask the same at the same time, but not for those who come when
// the answer is there.
static void test_equal_questions(void **state)
{
    (void)state;
    enum { ASKERS = 5 };
    struct got got[ASKERS + 2];
    memset(got, 0, sizeof got);
    begin("127.0.0.1");
    open_dns(PATIENT_MS);
    answers_wanted = ASKERS + 2;
    for (int i = 0; i < ASKERS; i++)
        ask("good.example.net", &got[i]);
    dns_ask(dns, "good.example.net", DNS_TYPE_A, on_answer, &got[ASKERS]);
    dns_ask(dns, "good.example.net", DNS_TYPE_MX, on_answer_ask_again, &got[ASKERS + 1]);
    loop_end();
    for (int i = 0; i < ASKERS + 2; i++)
        assert_int_equal(got[i].count, 1);
    assert_int_equal(got[0].records, 2);
    assert_int_equal(got[ASKERS + 1].records, 2);
    assert_int_equal(servers[0].udp_count, 3);

    // Closed by one of them: the others hear nothing any more.
    memset(got, 0, sizeof got);
    begin("127.0.0.1");
    open_dns(PATIENT_MS);
    answers_wanted = 2;
    for (int i = 0; i < ASKERS; i++)
        ask("good.example.net", &got[i]);
    loop_end();
    int told = 0;
    for (int i = 0; i < ASKERS; i++)
        told += got[i].count;
    assert_int_equal(told, 2);
}

static void test_many(void **state)
{
    (void)state;
    static struct got got[SPREAD];
    memset(got, 0, sizeof got);
    begin("127.0.0.1");
    open_dns(CROWD_MS);
    answers_wanted = SPREAD;
    for (int i = 0; i < SPREAD; i++) {
        char name[64];
        snprintf(name, sizeof name, "d%d.example.net", i);
        ask(name, &got[i]);
    }
    loop_end();
    for (int i = 0; i < SPREAD; i++) {
        assert_int_equal(got[i].count, 1);
        assert_int_equal(got[i].result, DNS_ANSWER_OK);
    }
    struct server *s = &servers[0];
    int used = s->udp_count < PORTS ? s->udp_count : PORTS;
    qsort(s->from_ports, (size_t)used, sizeof s->from_ports[0], compare_ports);
    int same = 0, ascending = 0;
    for (int i = 1; i < used; i++) {
        same += s->from_ports[i] == s->from_ports[i - 1];
        ascending += s->ids[i] > s->ids[i - 1];
    }
    assert_true(same < used / 10);
    assert_true(ascending < used * 7 / 10);
}

// More than may be out at once: the rest waits its turn, and nothing is lost. Few descriptors make
// it harder: a shortage is waited out, not counted against a server.
static void test_more_than_allowed(void **state)
{
    (void)state;
    enum { COUNT = 2600 };
    static struct got got[COUNT];
    memset(got, 0, sizeof got);
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    begin("127.0.0.1");
    open_dns(CROWD_MS);
    few = before;
    few.rlim_cur = 300;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    answers_wanted = COUNT;
    for (int i = 0; i < COUNT; i++)
        ask("d.example.net", &got[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    setrlimit(RLIMIT_NOFILE, &before);
    loop_end();
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(got[i].count, 1);
        assert_int_equal(got[i].result, DNS_ANSWER_OK);
    }
}

// The server that was silent is not asked first again.
static void test_silent_server_goes_last(void **state)
{
    (void)state;
    struct got got[2] = {{0}};
    begin("127.0.0.1");
    servers[0].is_silent = true;
    open_dns(TRY_MS);
    answers_wanted = 2;
    ask("one.example.net", &got[0]);
    while (got[0].count == 0 && !loop_gave_up)
        uv_run(&loop, UV_RUN_ONCE);
    ask("two.example.net", &got[1]);
    loop_end();
    assert_int_equal(got[1].result, DNS_ANSWER_OK);
    assert_int_equal(servers[0].udp_count, 1);
    assert_int_equal(servers[1].udp_count, 2);
}

// Nobody runs there: known at once by ICMP, long before the time limit (which is that of the
// guard).
static void on_refused_answer(void *arg, const char *name, const struct dns_answer *answer)
{
    struct got *g = arg;
    (void)name;
    g->count++;
    g->result = answer->result;
    dns_close(dns);
}

static void test_refused(void **state)
{
    (void)state;
    begin("127.0.0.1");
    stop_server(&servers[0]); // its port is free now
    stop_server(&servers[1]);
    const char *list[] = {servers[0].address, "[::1]:1"};
    struct dns_options options = {list, 2, 2 * LOOP_LIMIT_MS, 1};
    struct buf why;
    buf_init(&why, 1000);
    loop_run();
    assert_int_equal(dns_open(&loop, &options, &dns, &why), FP_OK);
    struct got g = {0};
    dns_ask(dns, "example.net", DNS_TYPE_A, on_refused_answer, &g);
    loop_end();
    assert_int_equal(g.count, 1);
    assert_int_equal(g.result, DNS_ANSWER_TIMEOUT);
    buf_close(&why);
}

// Closing with questions out over UDP, over TCP, and waiting: no answer comes, nothing is left.
static void test_close_any_time(void **state)
{
    (void)state;
    static struct got got[2500];
    static const char *const names[] = {"silent.example.net", "tc.example.net", "good.example.net",
                                        "a..b"};
    for (int turns = 0; turns < 6; turns++) {
        memset(got, 0, sizeof got);
        begin("127.0.0.1");
        open_dns(TRY_MS);
        answers_wanted = 1000000;
        int n = turns == 5 ? 2500 : 8;
        for (int i = 0; i < n; i++)
            ask(names[i % 4], &got[i]);
        for (int i = 0; i < turns && turns < 5; i++)
            uv_run(&loop, UV_RUN_ONCE);
        int before = 1000000 - answers_wanted;
        stop_all();
        loop_end();
        assert_int_equal(1000000 - answers_wanted, before);
    }
}

static void test_open(void **state)
{
    (void)state;
    static const struct {
        const char *server;
        enum fp_err want;
    } cases[] = {
        {"127.0.0.1", FP_OK},
        {"127.0.0.1:5300", FP_OK},
        {"[::1]:53", FP_OK},
        {"::1", FP_OK},
        {"[2001:db8::1]", FP_OK},
        {"fe80::1%1", FP_OK},
        {"localhost", FP_INVALID},
        {"127.0.0.1:", FP_INVALID},
        {"127.0.0.1:0", FP_INVALID},
        {"", FP_INVALID},
        {"127.0.0.1:65536", FP_INVALID},
        {"[::1", FP_INVALID},
        {"[127.0.0.1]", FP_INVALID},
        {"[::1]x", FP_INVALID},
        {"1.2.3.4:5:6", FP_INVALID},
        {"127.0.0.1:-1", FP_INVALID},
        {"[]:53", FP_INVALID},
        {"::1%nonsense", FP_INVALID},
    };
    loop_begin();
    struct buf why;
    buf_init(&why, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dns_options options = {&cases[i].server, 1, 0, 0};
        struct dns *d = NULL;
        buf_reset(&why);
        print_message("%s\n", cases[i].server);
        assert_int_equal(dns_open(&loop, &options, &d, &why), cases[i].want);
        assert_int_equal(why.n > 0, cases[i].want != FP_OK);
        dns_close(d);
    }
    const char *nine[9];
    for (int i = 0; i < 9; i++)
        nine[i] = "127.0.0.1";
    struct dns *d = NULL;
    struct dns_options options = {nine, 9, 0, 0};
    assert_int_equal(dns_open(&loop, &options, &d, &why), FP_INVALID);
    options.server_count = 8;
    assert_int_equal(dns_open(&loop, &options, &d, &why), FP_OK);
    dns_close(d);
    options.server_count = 0; // whatever this machine's file says
    assert_int_equal(dns_open(&loop, &options, &d, &why), FP_OK);
    dns_close(d);
    buf_close(&why);
    loop_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_equal_questions),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_more_than_allowed),
        cmocka_unit_test(test_silent_server_goes_last),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_close_any_time),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
