// SPDX-License-Identifier: BSD-2-Clause
// tally: a next hop that keeps an account of what it answered for, for tests of crashes.
//
//     tally FOLDER [DELAY_MS]   listens on a free port of every address, prints it, serves until
//     ended
//
// FOLDER/arrived gets a line for each recipient of a message whose final dot came, before the 250
// is sent; FOLDER/notices, for mail from <>, the recipient, the Message-ID, the In-Reply-To;
// FOLDER/damaged says what is wrong with a body (load.c numbers its lines). With DELAY_MS one
// answer in four to a final dot comes up to so much later. By its local part a recipient is
// refused: "later" once with 451, "never" always with 550. The command STAT, spoken by no mail
// system, tells how many connections are open beside this one, and how many recipients stood
// between DATA and the client's next command when their connection broke: those may have to be sent
// again.
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
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PEERS_MAX = 1000,
    IN_SIZE = 65536,
    RECIPIENTS_MAX = 100,
    ADDRESS_SIZE = 256,
    LATER_MAX = 10000,
    BACKLOG = 1024,
    DELAYED_ONE_IN = 4,
};

struct peer {
    int fd;
    char in[IN_SIZE];
    size_t in_size;
    bool is_in_body, is_open; // open: past DATA, and nothing heard since
    bool is_in_header, is_notice;
    char rcpts[RECIPIENTS_MAX][ADDRESS_SIZE];
    unsigned rcpt_count;
    char token[40], message_id[ADDRESS_SIZE], in_reply_to[ADDRESS_SIZE];
    unsigned lines_told, lines_seen;
    bool is_damaged;
    long long answer_ms; // 0: none is due
};

struct tally {
    int listener, arrived, notices, damaged;
    unsigned delay_ms, seed, peer_count;
    unsigned long open_at_break;
    struct peer *peers[PEERS_MAX];
    char *later[LATER_MAX];
    unsigned later_count;
};

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "tally: %s: %s\n", what, strerror(errno));
    exit(71);
}

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static unsigned chance(struct tally *t, unsigned below)
{
    t->seed = t->seed * 1664525U + 1013904223U;
    return (t->seed >> 8) % below;
}

__attribute__((format(printf, 2, 3))) static void enter(int file, const char *format, ...)
{
    char line[3 * ADDRESS_SIZE + 100];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof line || write(file, line, (size_t)n) != n)
        die("cannot write the account");
}

// A client that is gone is noticed where it is read from.
static void reply(struct peer *p, const char *text)
{
    (void)!send(p->fd, text, strlen(text), MSG_NOSIGNAL);
}

// ---- bodies
// --------------------------------------------------------------------------------------

static void begin_body(struct peer *p)
{
    p->is_in_body = p->is_open = p->is_in_header = true;
    p->is_damaged = false;
    p->token[0] = '\0';
    p->lines_told = p->lines_seen = 0;
    snprintf(p->message_id, ADDRESS_SIZE, "-");
    snprintf(p->in_reply_to, ADDRESS_SIZE, "-");
}

static bool take_field(const char *line, const char *name, char value[ADDRESS_SIZE])
{
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) != 0)
        return false;
    snprintf(value, ADDRESS_SIZE, "%s", line + n + strspn(line + n, " "));
    return true;
}

static void on_header_line(struct peer *p, const char *line)
{
    if (line[0] == '\0')
        p->is_in_header = false;
    else if (take_field(line, "Message-ID:", p->message_id) ||
             take_field(line, "In-Reply-To:", p->in_reply_to))
        return;
    else if (strncmp(line, "X-Token: ", 9) == 0) {
        snprintf(p->token, sizeof p->token, "%.*s", (int)strcspn(line + 9, " "), line + 9);
        p->lines_told = (unsigned)strtoul(line + 9 + strlen(p->token), NULL, 10);
    }
}

static void on_text_line(struct peer *p, const char *line)
{
    char want[60];
    if (!p->token[0])
        return;
    int n = snprintf(want, sizeof want, "%s %u ", p->token, p->lines_seen++);
    if (strncmp(line, want, (size_t)n) != 0)
        p->is_damaged = true;
}

static void enter_message(struct tally *t, struct peer *p)
{
    for (unsigned i = 0; i < p->rcpt_count; i++) {
        const char *rcpt = p->rcpts[i];
        size_t n = strlen(p->token);
        if (p->is_notice)
            enter(t->notices, "%s %s %s\n", rcpt, p->message_id, p->in_reply_to);
        else
            enter(t->arrived, "%s\n", rcpt);
        const char *at = strstr(rcpt, p->token);
        if (n > 0 && (!at || !strchr(".@", at[n])))
            p->is_damaged = true;
    }
    if (p->is_damaged || p->lines_seen != p->lines_told)
        enter(t->damaged, "%s: %u lines of %u, for %s\n", p->token, p->lines_seen, p->lines_told,
              p->rcpts[0]);
}

static void answer(struct peer *p)
{
    p->answer_ms = 0;
    reply(p, "250 2.0.0 Ok\r\n");
}

static void on_body_line(struct tally *t, struct peer *p, const char *line)
{
    if (strcmp(line, ".") == 0) {
        p->is_in_body = false;
        enter_message(t, p);
        if (t->delay_ms && chance(t, DELAYED_ONE_IN) == 0)
            p->answer_ms = now_ms() + chance(t, t->delay_ms);
        else
            answer(p);
    } else if (p->is_in_header) {
        on_header_line(p, line);
    } else {
        on_text_line(p, line + (line[0] == '.'));
    }
}

// ---- commands
// ------------------------------------------------------------------------------------

static bool is_first_time(struct tally *t, const char *address)
{
    for (unsigned i = 0; i < t->later_count; i++)
        if (strcmp(t->later[i], address) == 0)
            return false;
    if (t->later_count < LATER_MAX)
        t->later[t->later_count++] = strdup(address);
    return true;
}

static void on_rcpt(struct tally *t, struct peer *p, const char *line)
{
    const char *begin = strchr(line, '<'), *end = strchr(line, '>');
    if (!begin || !end || p->rcpt_count == RECIPIENTS_MAX) {
        reply(p, "501 5.1.3 Bad recipient\r\n");
        return;
    }
    char *rcpt = p->rcpts[p->rcpt_count];
    snprintf(rcpt, ADDRESS_SIZE, "%.*s", (int)(end - begin - 1), begin + 1);
    if (strncmp(rcpt, "never", 5) == 0) {
        reply(p, "550 5.1.1 Nobody of this name\r\n");
    } else if (strncmp(rcpt, "later", 5) == 0 && is_first_time(t, rcpt)) {
        reply(p, "451 4.2.1 Come back later\r\n");
    } else {
        p->rcpt_count++;
        reply(p, "250 2.1.5 Ok\r\n");
    }
}

static void tell(struct tally *t, struct peer *p)
{
    char line[100];
    snprintf(line, sizeof line, "250 connections %u open %lu\r\n", t->peer_count - 1,
             t->open_at_break);
    reply(p, line);
}

static void on_command(struct tally *t, struct peer *p, const char *line)
{
    p->is_open = false;
    if (strncasecmp(line, "EHLO", 4) == 0) {
        reply(p, "250-tally\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n");
    } else if (strncasecmp(line, "MAIL FROM:", 10) == 0) {
        p->rcpt_count = 0;
        p->is_notice = strncmp(line + 10, "<>", 2) == 0;
        reply(p, "250 2.1.0 Ok\r\n");
    } else if (strncasecmp(line, "RCPT TO:", 8) == 0) {
        on_rcpt(t, p, line);
    } else if (strcasecmp(line, "DATA") == 0 && p->rcpt_count == 0) {
        reply(p, "554 5.5.1 No valid recipients\r\n");
    } else if (strcasecmp(line, "DATA") == 0) {
        begin_body(p);
        reply(p, "354 Go on\r\n");
    } else if (strcasecmp(line, "STAT") == 0) {
        tell(t, p);
    } else if (strcasecmp(line, "QUIT") == 0) {
        reply(p, "221 2.0.0 Bye\r\n");
        shutdown(p->fd, SHUT_WR);
    } else {
        reply(p, "250 2.0.0 Ok\r\n");
    }
}

// ---- connections
// ---------------------------------------------------------------------------------

static void take_peer(struct tally *t)
{
    int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct peer *p = t->peer_count < PEERS_MAX ? calloc(1, sizeof *p) : NULL;
    if (!p)
        die("too many connections");
    p->fd = fd;
    t->peers[t->peer_count++] = p;
    reply(p, "220 tally ESMTP\r\n");
}

static void drop_peer(struct tally *t, unsigned i)
{
    struct peer *p = t->peers[i];
    if (p->is_open)
        t->open_at_break += p->rcpt_count;
    close(p->fd);
    free(p);
    t->peers[i] = t->peers[--t->peer_count];
}

// Answers keep their order: while one is held back, what came behind it waits.
static void on_lines(struct tally *t, struct peer *p)
{
    size_t used = 0;
    while (!p->answer_ms) {
        char *line = p->in + used;
        char *end = memchr(line, '\n', p->in_size - used);
        if (!end)
            break;
        used = (size_t)(end - p->in) + 1;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (p->is_in_body)
            on_body_line(t, p, line);
        else
            on_command(t, p, line);
    }
    memmove(p->in, p->in + used, p->in_size - used);
    p->in_size -= used;
}

static bool on_input(struct tally *t, struct peer *p)
{
    ssize_t n = recv(p->fd, p->in + p->in_size, IN_SIZE - p->in_size, 0);
    if (n <= 0)
        return false;
    p->in_size += (size_t)n;
    on_lines(t, p);
    return p->in_size < IN_SIZE;
}

static void step(struct tally *t)
{
    static struct pollfd fds[PEERS_MAX + 1];
    unsigned count = t->peer_count;
    int wait_ms = -1;
    long long now = now_ms();
    fds[count] = (struct pollfd){.fd = t->listener, .events = POLLIN};
    for (unsigned i = 0; i < count; i++) {
        const struct peer *p = t->peers[i];
        fds[i] = (struct pollfd){.fd = p->fd, .events = p->answer_ms ? 0 : POLLIN};
        int left = p->answer_ms > now ? (int)(p->answer_ms - now) : 0;
        if (p->answer_ms && (wait_ms < 0 || left < wait_ms))
            wait_ms = left;
    }
    if (poll(fds, count + 1, wait_ms) < 0 && errno != EINTR)
        die("poll");
    now = now_ms();
    for (unsigned i = count; i-- > 0;) { // backwards: the last one takes the place of one dropped
        struct peer *p = t->peers[i];
        if (p->answer_ms && p->answer_ms <= now) {
            answer(p);
            on_lines(t, p);
        } else if (fds[i].revents && !on_input(t, p)) {
            drop_peer(t, i);
        }
    }
    if (fds[count].revents)
        take_peer(t);
}

// ---- beginning
// -----------------------------------------------------------------------------------

static int open_account(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    return fd;
}

static void listen_somewhere(struct tally *t)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t size = sizeof address;
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (t->listener < 0 || bind(t->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(t->listener, BACKLOG) != 0 ||
        getsockname(t->listener, (struct sockaddr *)&address, &size) != 0)
        die("cannot listen");
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fputs("usage: tally FOLDER [DELAY_MS]\n", stderr);
        return 64;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); // it must not outlive a test that breaks off
    static struct tally t = {.seed = 1};
    t.delay_ms = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    t.arrived = open_account(argv[1], "arrived");
    t.notices = open_account(argv[1], "notices");
    t.damaged = open_account(argv[1], "damaged");
    listen_somewhere(&t);
    for (;;)
        step(&t);
}
