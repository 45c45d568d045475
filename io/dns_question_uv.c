// SPDX-License-Identifier: BSD-2-Clause
// dns_question: one question on its way over the servers. See dns_question_uv.h.
#include "io/dns_question_uv.h"

#include "core/must.h"
#include "io/dns_tcp_uv.h"
#include "io/dns_udp_uv.h"
#include "io/dnsmsg_dns.h"

#include <stdlib.h>

enum {
    QUESTION_MAGIC = 0x64717531,
    STRAYS_MAX = 64,     // wrong packets on one socket: somebody guesses ids, so take a new port
    SHORTAGES_MAX = 100, // rests without a descriptor or memory, before it counts as an attempt
    SHORTAGE_REST_MS = 100,
    REFUSED_REST_MS = 500, // between rounds, when nobody runs there: a resolver restarts
};

enum question_state {
    QUESTION_WAITING,
    QUESTION_UDP,
    QUESTION_TCP,
    QUESTION_RESTING,
    QUESTION_DONE
};
enum { QUESTION_STATE_COUNT = QUESTION_DONE + 1 };

static const bool question_moves[QUESTION_STATE_COUNT][QUESTION_STATE_COUNT] = {
    [QUESTION_WAITING] = {[QUESTION_UDP] = true, [QUESTION_RESTING] = true, [QUESTION_DONE] = true},
    [QUESTION_UDP] = {[QUESTION_UDP] = true,
                      [QUESTION_TCP] = true,
                      [QUESTION_RESTING] = true,
                      [QUESTION_DONE] = true},
    [QUESTION_TCP] = {[QUESTION_UDP] = true, [QUESTION_RESTING] = true, [QUESTION_DONE] = true},
    [QUESTION_RESTING] = {[QUESTION_UDP] = true, [QUESTION_RESTING] = true, [QUESTION_DONE] = true},
};

struct question {
    uint32_t magic;
    enum question_state state;
    struct dns_servers *servers;
    struct question_owner owner;
    char *name;
    enum dns_type type;

    uv_timer_t timer; // the attempt's limit, or the end of a rest
    struct dns_udp *udp;
    struct dns_tcp *tcp;
    unsigned char packet[DNSMSG_QUERY_MAX];
    size_t packet_n;
    uint16_t id;

    uint32_t first;    // the server of the first attempt
    uint32_t attempt;  // how many were made
    uint32_t server;   // of the attempt under way, as a number
    union endpoint to; // and where it was then: the list may change meanwhile
    uint32_t spoken;   // bit per server: it has said that it cannot tell
    bool is_plain;     // no EDNS0 any more
    bool was_plain;    // the attempt under way is without EDNS0
    uint32_t strays;
    uint32_t shortages;
    enum dns_result failure; // what to say when nobody is left
};

static void try_next(struct question *q);

static struct question *question_of(void *p)
{
    struct question *q = p;
    must(q->magic == QUESTION_MAGIC);
    return q;
}

// The only place where a question's state changes.
static void set_state(struct question *q, enum question_state to)
{
    must(question_moves[q->state][to]);
    q->state = to;
}

static void drop_transports(struct question *q)
{
    dns_udp_close(q->udp);
    dns_tcp_close(q->tcp);
    q->udp = NULL;
    q->tcp = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct question *q = question_of(handle->data);
    struct question_owner owner = q->owner;
    q->magic = 0;
    free(q->name);
    free(q);
    owner.on_closed(owner.arg);
}

void question_close(struct question *q)
{
    if (question_of(q)->state == QUESTION_DONE)
        return;
    set_state(q, QUESTION_DONE);
    drop_transports(q);
    uv_close((uv_handle_t *)&q->timer, on_closed);
}

static void finish(struct question *q, struct dns_answer *answer)
{
    question_close(q);
    q->owner.on_answer(q->owner.arg, q, answer);
    free(answer);
}

// Waiting

static void note_silence(struct question *q)
{
    struct dns_servers *servers = q->servers;
    if (servers->first == q->server)
        servers->first = (q->server + 1) % servers->count;
}

static void on_timer(uv_timer_t *timer)
{
    struct question *q = question_of(timer->data);
    if (q->state == QUESTION_DONE)
        return;
    if (q->state != QUESTION_RESTING)
        note_silence(q);
    try_next(q);
}

static void wait_for(struct question *q, enum question_state state, int64_t ms)
{
    set_state(q, state);
    must(uv_timer_start(&q->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0) == 0);
}

// Too many descriptors are in use, and not by fault of any server: the attempt is made later.
static bool is_shortage(int error)
{
    return error == UV_EMFILE || error == UV_ENFILE || error == UV_ENOBUFS || error == UV_ENOMEM ||
           error == UV_EAGAIN;
}

static void could_not_send(struct question *q, int error)
{
    bool is_free = is_shortage(error) && q->shortages < SHORTAGES_MAX;
    if (is_free) {
        q->shortages++;
        q->attempt--;
    }
    drop_transports(q);
    wait_for(q, QUESTION_RESTING, is_free ? SHORTAGE_REST_MS : 0);
}

static void on_refused(struct question *q)
{
    note_silence(q);
    if (q->attempt % q->servers->count != 0) {
        try_next(q);
        return;
    }
    int64_t rest_ms = q->servers->try_ms;
    drop_transports(q);
    wait_for(q, QUESTION_RESTING, rest_ms < REFUSED_REST_MS ? rest_ms : REFUSED_REST_MS);
}

// Answers

static void on_packet(void *arg, struct slice packet);

static void ask_by_tcp(struct question *q)
{
    drop_transports(q);
    struct slice packet = slice_of((const char *)q->packet, q->packet_n);
    q->tcp = dns_tcp_ask(q->timer.loop, &q->to, packet, on_packet, q);
    wait_for(q, QUESTION_TCP, q->servers->try_ms);
}

// A server that cannot tell is not asked again, unless it only stumbled over EDNS0.
static void take_failure(struct question *q, struct slice packet, enum dns_result failure)
{
    if (dnsmsg_dislikes_opt(packet) && !q->was_plain) {
        q->is_plain = true;
        q->attempt--;
    } else {
        q->spoken |= 1U << q->server;
    }
    if (failure == DNS_ANSWER_SERVFAIL || q->failure == DNS_ANSWER_TIMEOUT)
        q->failure = failure;
    try_next(q);
}

static void take_answer(struct question *q, struct slice packet, struct dns_answer *answer)
{
    switch (answer->result) {
    case DNS_ANSWER_OK:
    case DNS_ANSWER_NODATA:
    case DNS_ANSWER_NXDOMAIN:
        finish(q, answer);
        return;
    case DNS_ANSWER_SERVFAIL:
    case DNS_ANSWER_TIMEOUT:
    case DNS_ANSWER_BAD:
    case DNS_ANSWER_ALIAS_LOOP:
    case DNS_ANSWER_NOBODY:
        break;
    }
    enum dns_result failure = answer->result;
    free(answer);
    take_failure(q, packet, failure);
}

static void on_packet(void *arg, struct slice packet)
{
    struct question *q = question_of(arg);
    if (packet.n == 0) {
        on_refused(q);
        return;
    }
    bool trusts_ad = q->servers->trusts_ad || endpoint_is_loopback(&q->to);
    struct dns_answer *answer = NULL;
    switch (dnsmsg_parse(packet, q->id, q->name, q->type, trusts_ad, &answer)) {
    case FP_OK:
        take_answer(q, packet, answer);
        return;
    case FP_AGAIN:
        if (q->state == QUESTION_UDP)
            ask_by_tcp(q);
        else
            take_failure(q, packet, DNS_ANSWER_BAD); // truncated over TCP
        return;
    default:
        if (q->state == QUESTION_TCP || ++q->strays > STRAYS_MAX)
            try_next(q);
    }
}

// Attempts

static bool pick_server(struct question *q)
{
    const struct dns_servers *servers = q->servers;
    while (q->attempt < servers->tries * servers->count) {
        q->server = (q->first + q->attempt) % servers->count;
        q->was_plain = q->is_plain || q->attempt >= servers->count;
        q->attempt++;
        q->to = servers->at[q->server];
        if (!(q->spoken & 1U << q->server))
            return true;
    }
    return false;
}

// Each attempt has an id of its own. A name that cannot be written as a question cannot exist.
static void try_next(struct question *q)
{
    drop_transports(q);
    if (!pick_server(q)) {
        finish(q, dnsmsg_no_answer(q->name, q->type, q->failure));
        return;
    }
    if (dnsmsg_query(q->name, q->type, q->packet, &q->packet_n, &q->id)) {
        q->failure = DNS_ANSWER_NXDOMAIN;
        q->attempt = UINT32_MAX;
        wait_for(q, QUESTION_RESTING, 0);
        return;
    }
    if (q->was_plain)
        dnsmsg_drop_opt(q->packet, &q->packet_n);
    q->strays = 0;
    struct slice packet = slice_of((const char *)q->packet, q->packet_n);
    int r = dns_udp_ask(q->timer.loop, &q->to, packet, on_packet, q, &q->udp);
    if (r < 0)
        could_not_send(q, r);
    else
        wait_for(q, QUESTION_UDP, q->servers->try_ms);
}

void question_start(struct question *q)
{
    must(question_of(q)->state == QUESTION_WAITING);
    q->first = q->servers->first;
    try_next(q); // never the end: the first attempt finds a server
}

struct question *question_new(uv_loop_t *loop, struct dns_servers *servers, const char *name,
                              enum dns_type type, const struct question_owner *owner)
{
    struct question *q = must_zalloc(sizeof *q);
    q->magic = QUESTION_MAGIC;
    q->servers = servers;
    q->owner = *owner;
    q->name = must_strdup(name);
    q->type = type;
    q->failure = DNS_ANSWER_TIMEOUT;
    must(uv_timer_init(loop, &q->timer) == 0);
    q->timer.data = q;
    return q;
}

const char *question_name(const struct question *q)
{
    return q->name;
}
