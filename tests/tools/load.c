// SPDX-License-Identifier: BSD-2-Clause
// load: many SMTP clients in one program, which keep an account of what they were promised.
//
//     load PORT CONNECTIONS FOLDER [RATE]   talks to 127.0.0.1:PORT until SIGTERM; begins at most
//                                           RATE messages a second (0: as many as it can)
//
// Each message carries a token of its own in its recipients (TOKEN.r0@a.example, ...) and in every
// line of its body. FOLDER/acked gets the recipients of a message after its 250 was READ,
// FOLDER/refused after a 4xx or 5xx, FOLDER/cut when a connection ended before the final dot had
// been handed to the system: those must never arrive. A message of which nothing was heard after
// its dot stands in none of them. A connection that breaks is made again. Only for tests of
// crashes: see tests/fault.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 1000,
    IN_SIZE = 4096,
    ENVELOPE_SIZE = 1024,
    LINE_SIZE = 72,   // of a body, with its CRLF
    SMALL_LINES = 70, // about 5 KiB
    LARGE_LINES = 5600,
    LARGE_ONE_IN = 100, // so often a body of several chunks
    CUT_ONE_IN = 50,    // so often a client that goes away in the middle of one
    RECIPIENTS_MAX = 3,
    REST_MS = 20,     // before a connection is made again
    GRACE_MS = 20000, // for answers still to come when asked to end
};

enum phase { PHASE_RESTING, PHASE_GREETING, PHASE_EHLO, PHASE_READY, PHASE_ENVELOPE, PHASE_BODY };

struct client {
    int fd;
    enum phase phase;
    long long wake_ms; // while resting
    unsigned token, rcpts, replies_left;
    bool is_refused, will_cut;
    char in[IN_SIZE];
    size_t in_size;
    char *out;
    size_t out_size, out_sent;
};

enum account { ACKED, REFUSED, CUT, ACCOUNTS };

struct load {
    unsigned port, client_count, token, seed;
    unsigned long rate;
    long long began_ms;
    unsigned long begun; // since began_ms
    int files[ACCOUNTS];
    unsigned long counts[ACCOUNTS], unknown;
    struct client *clients;
};

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    (void)number;
    is_ending = 1;
}

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(71);
}

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

// A generator of its own, so that a seed means the same everywhere.
static unsigned chance(struct load *l, unsigned below)
{
    l->seed = l->seed * 1664525U + 1013904223U;
    return (l->seed >> 8) % below;
}

// ---- the account
// ---------------------------------------------------------------------------------

static int recipient(const struct client *c, unsigned n, char *text, size_t size)
{
    return snprintf(text, size, "t%u.r%u@%s.example", c->token, n, n == 2 ? "b" : "a");
}

// One write for all recipients of a message: the account is never torn.
static void enter(struct load *l, struct client *c, enum account which)
{
    char lines[RECIPIENTS_MAX * 64], address[60];
    size_t n = 0;
    if (c->token == 0)
        return;
    for (unsigned i = 0; i < c->rcpts; i++) {
        recipient(c, i, address, sizeof address);
        n += (size_t)snprintf(lines + n, sizeof lines - n, "%s\n", address);
    }
    if (write(l->files[which], lines, n) != (ssize_t)n)
        die("cannot write the account");
    l->counts[which] += c->rcpts;
    c->token = 0;
}

// ---- a connection
// --------------------------------------------------------------------------------

static void hang_up(struct load *l, struct client *c)
{
    if (c->phase == PHASE_BODY && c->token && c->out_sent == c->out_size && !c->will_cut)
        l->unknown += c->rcpts;
    else
        enter(l, c, CUT);
    c->token = 0;
    close(c->fd);
    c->fd = -1;
    c->phase = PHASE_RESTING;
    c->wake_ms = now_ms() + REST_MS;
    c->in_size = c->out_size = c->out_sent = 0;
}

static void dial(struct load *l, struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((unsigned short)l->port)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    c->phase = PHASE_GREETING;
    c->token = 0;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        hang_up(l, c);
}

static void flush(struct load *l, struct client *c)
{
    while (c->out_sent < c->out_size) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            hang_up(l, c);
            return;
        }
        c->out_sent += (size_t)n;
    }
    if (c->will_cut && c->phase == PHASE_BODY)
        hang_up(l, c);
}

__attribute__((format(printf, 2, 3))) static void say(struct client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(c->out + c->out_size, ENVELOPE_SIZE - c->out_size, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= ENVELOPE_SIZE - c->out_size)
        die("line too long");
    c->out_size += (size_t)n;
}

static void begin_message(struct load *l, struct client *c)
{
    char address[60];
    c->token = ++l->token;
    c->rcpts = 1 + c->token % RECIPIENTS_MAX;
    c->is_refused = false;
    c->will_cut = chance(l, CUT_ONE_IN) == 0;
    c->replies_left = 2 + c->rcpts;
    c->phase = PHASE_ENVELOPE;
    c->out_size = c->out_sent = 0;
    say(c, "MAIL FROM:<sender@s.example>\r\n");
    for (unsigned i = 0; i < c->rcpts; i++) {
        recipient(c, i, address, sizeof address);
        say(c, "RCPT TO:<%s>\r\n", address);
    }
    say(c, "DATA\r\n");
    flush(l, c);
}

// Lines "tTOKEN NUMBER xxx": a sink can tell a body that lost a line, or got one of another.
static void send_body(struct load *l, struct client *c)
{
    unsigned lines = chance(l, LARGE_ONE_IN) == 0 ? LARGE_LINES : SMALL_LINES;
    int n = snprintf(c->out, ENVELOPE_SIZE, "Subject: load\r\nX-Token: t%u %u\r\n\r\n", c->token,
                     lines);
    c->out_size = (size_t)n;
    c->out_sent = 0;
    c->phase = PHASE_BODY;
    if (c->will_cut)
        lines = chance(l, lines);
    for (unsigned i = 0; i < lines; i++) {
        char *line = c->out + c->out_size;
        n = snprintf(line, LINE_SIZE, "t%u %u ", c->token, i);
        memset(line + n, 'x', (size_t)(LINE_SIZE - 2 - n));
        memcpy(line + LINE_SIZE - 2, "\r\n", 2);
        c->out_size += LINE_SIZE;
    }
    if (!c->will_cut) {
        memcpy(c->out + c->out_size, ".\r\n", 3);
        c->out_size += 3;
    }
    flush(l, c);
}

// Messages that a daemon which was down could not be given are not made up for.
static bool may_begin(struct load *l)
{
    if (is_ending)
        return false;
    if (l->rate == 0)
        return true;
    long long now = now_ms();
    unsigned long due = l->rate * (unsigned long)(now - l->began_ms) / 1000;
    if (due > l->begun + l->rate / 10) {
        l->began_ms = now;
        l->begun = due = 0;
    }
    if (due <= l->begun)
        return false;
    l->begun++;
    return true;
}

static void next_message(struct load *l, struct client *c)
{
    c->phase = PHASE_READY;
    c->out_size = c->out_sent = 0;
    if (may_begin(l))
        begin_message(l, c);
}

// ---- replies
// -------------------------------------------------------------------------------------

static void on_envelope_reply(struct load *l, struct client *c, char first)
{
    bool is_last = --c->replies_left == 0;
    if (first != (is_last ? '3' : '2'))
        c->is_refused = true;
    if (!is_last)
        return;
    if (first == '3') // a body that is refused beforehand is not worth a message
        c->is_refused ? hang_up(l, c) : send_body(l, c);
    else {
        enter(l, c, REFUSED);
        hang_up(l, c); // a rest, lest a full disk is asked a thousand times a second
    }
}

// The last line of a reply; its first digit decides.
static void on_reply(struct load *l, struct client *c, char first)
{
    switch (c->phase) {
    case PHASE_GREETING:
        if (first != '2') {
            hang_up(l, c);
            break;
        }
        c->phase = PHASE_EHLO;
        say(c, "EHLO load.example\r\n");
        flush(l, c);
        break;
    case PHASE_EHLO:
        next_message(l, c);
        break;
    case PHASE_ENVELOPE:
        on_envelope_reply(l, c, first);
        break;
    case PHASE_BODY:
        enter(l, c, first == '2' ? ACKED : REFUSED);
        if (first == '2')
            next_message(l, c);
        else
            hang_up(l, c);
        break;
    case PHASE_RESTING:
    case PHASE_READY:
        hang_up(l, c); // nothing was asked: a farewell
        break;
    }
}

static void on_input(struct load *l, struct client *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_size, IN_SIZE - c->in_size, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        hang_up(l, c);
        return;
    }
    c->in_size += (size_t)n;
    for (;;) {
        char *end = memchr(c->in, '\n', c->in_size);
        if (!end || c->fd < 0)
            return;
        size_t size = (size_t)(end - c->in) + 1;
        bool is_last = size > 3 && c->in[3] != '-';
        char first = c->in[0];
        memmove(c->in, c->in + size, c->in_size - size);
        c->in_size -= size;
        if (is_last)
            on_reply(l, c, first);
    }
}

// ---- running
// -------------------------------------------------------------------------------------

static void step(struct load *l, struct pollfd *fds)
{
    long long now = now_ms();
    for (unsigned i = 0; i < l->client_count; i++) {
        struct client *c = &l->clients[i];
        if (c->fd < 0 && now >= c->wake_ms && !is_ending)
            dial(l, c);
        if (c->phase == PHASE_READY && may_begin(l))
            begin_message(l, c);
        bool is_sending = c->phase == PHASE_GREETING || c->out_sent < c->out_size;
        fds[i] = (struct pollfd){.fd = c->fd, .events = POLLIN};
        if (is_sending && c->phase != PHASE_GREETING)
            fds[i].events |= POLLOUT;
    }
    if (poll(fds, l->client_count, l->rate ? 1 : REST_MS) <= 0)
        return;
    for (unsigned i = 0; i < l->client_count; i++) {
        struct client *c = &l->clients[i];
        if (c->fd >= 0 && (fds[i].revents & POLLOUT))
            flush(l, c);
        if (c->fd >= 0 && (fds[i].revents & (POLLIN | POLLERR | POLLHUP)))
            on_input(l, c);
    }
}

static bool is_waiting(const struct load *l)
{
    for (unsigned i = 0; i < l->client_count; i++)
        if (l->clients[i].fd >= 0 && l->clients[i].token)
            return true;
    return false;
}

static void open_account(struct load *l, const char *folder)
{
    static const char *const names[ACCOUNTS] = {"acked", "refused", "cut"};
    char path[4096];
    for (int i = 0; i < ACCOUNTS; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        l->files[i] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (l->files[i] < 0)
            die(path);
    }
}

static void prepare(struct load *l)
{
    l->clients = calloc(l->client_count, sizeof *l->clients);
    for (unsigned i = 0; l->clients && i < l->client_count; i++) {
        l->clients[i].fd = -1;
        l->clients[i].out = malloc(ENVELOPE_SIZE + LARGE_LINES * LINE_SIZE + 3);
        if (!l->clients[i].out)
            die("memory");
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); // it must not outlive a test that breaks off
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fputs("usage: load PORT CONNECTIONS FOLDER [RATE]\n", stderr);
        return 64;
    }
    struct load l = {.port = (unsigned)strtoul(argv[1], NULL, 10),
                     .client_count = (unsigned)strtoul(argv[2], NULL, 10),
                     .rate = argc > 4 ? strtoul(argv[4], NULL, 10) : 0,
                     .began_ms = now_ms(),
                     .seed = 1};
    if (l.client_count == 0 || l.client_count > CONNECTIONS_MAX)
        l.client_count = 1;
    open_account(&l, argv[3]);
    prepare(&l);
    struct pollfd *fds = calloc(l.client_count, sizeof *fds);
    if (!fds || !l.clients)
        die("memory");
    long long end_ms = 0;
    while (!end_ms || (is_waiting(&l) && now_ms() < end_ms)) {
        step(&l, fds);
        if (is_ending && !end_ms)
            end_ms = now_ms() + GRACE_MS;
    }
    printf("acked %lu refused %lu cut %lu unknown %lu\n", l.counts[ACKED], l.counts[REFUSED],
           l.counts[CUT], l.unknown);
    return 0;
}
