// SPDX-License-Identifier: BSD-2-Clause
// pingpong: what the kernel's sockets alone cost for mail. Two processes exchange pieces of the
// sizes that an SMTP conversation has, and look at none of them. Their CPU time is a floor for
// every mail system: a relay is the receiver in one such conversation and the sender in another.
//
//     pingpong MESSAGES SESSIONS BODY-BYTES keep|anew
//
// All sessions go in step, so there is no waiting for events: the only calls are read and write,
// and with `anew` also connect, accept and close for each message. Prints messages per second and
// the CPU time of both processes per message in µs.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { SESSIONS_MAX = 500, PIECE_MAX = 1 << 20, BACKLOG = 1024 };

// Bytes of a request and of its reply, as with short addresses. A request of none is the greeting.
struct step {
    size_t request, reply;
};

static struct step greet[] = {{0, 36}, {20, 120}};
static struct step message[] = {{37, 14}, {35, 14}, {6, 37}, {0 /* the body */, 46}};
static struct step leave[] = {{6, 15}};
#define COUNT(steps) (sizeof(steps) / sizeof(steps[0]))

struct side {
    int listener;
    struct sockaddr_in address;
    int fds[SESSIONS_MAX];
    int sessions;
    bool is_server;
};

static char piece[PIECE_MAX];

static void fail(const char *what)
{
    perror(what);
    exit(EX_OSERR);
}

static void put(int fd, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, piece, n);
        if (done <= 0)
            fail("pingpong: write");
        n -= (size_t)done;
    }
}

static void get(int fd, size_t n)
{
    static char into[PIECE_MAX];
    while (n > 0) {
        ssize_t done = read(fd, into, n);
        if (done <= 0)
            fail("pingpong: read");
        n -= (size_t)done;
    }
}

static void open_all(struct side *s)
{
    for (int i = 0; i < s->sessions; i++) {
        int one = 1;
        if (s->is_server) {
            s->fds[i] = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        } else {
            s->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (connect(s->fds[i], (struct sockaddr *)&s->address, sizeof s->address) < 0)
                fail("pingpong: connect");
        }
        if (s->fds[i] < 0)
            fail("pingpong: socket");
        setsockopt(s->fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
}

static void close_all(struct side *s)
{
    for (int i = 0; i < s->sessions; i++)
        close(s->fds[i]);
}

static void talk(struct side *s, const struct step *steps, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        for (int i = 0; i < s->sessions && !s->is_server; i++)
            put(s->fds[i], steps[k].request);
        for (int i = 0; i < s->sessions; i++) {
            get(s->fds[i], s->is_server ? steps[k].request : steps[k].reply);
            if (s->is_server)
                put(s->fds[i], steps[k].reply);
        }
    }
}

static void converse(struct side *s, int rounds, bool is_kept)
{
    for (int r = 0; r < rounds; r++) {
        if (!is_kept || r == 0) {
            open_all(s);
            talk(s, greet, COUNT(greet));
        }
        talk(s, message, COUNT(message));
        if (!is_kept || r == rounds - 1) {
            talk(s, leave, COUNT(leave));
            close_all(s);
        }
    }
}

static double seconds_of(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void listen_somewhere(struct side *s)
{
    socklen_t n = sizeof s->address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->address = (struct sockaddr_in){.sin_family = AF_INET};
    s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&s->address, n) < 0 ||
        getsockname(s->listener, (struct sockaddr *)&s->address, &n) < 0 ||
        listen(s->listener, BACKLOG) < 0)
        fail("pingpong: listen");
}

int main(int argc, char **argv)
{
    int messages = argc == 5 ? atoi(argv[1]) : 0, sessions = argc == 5 ? atoi(argv[2]) : 0;
    int body = argc == 5 ? atoi(argv[3]) : 0;
    if (messages < 1 || sessions < 1 || sessions > SESSIONS_MAX || body < 1 || body > PIECE_MAX) {
        fprintf(stderr, "usage: pingpong MESSAGES SESSIONS BODY-BYTES keep|anew\n");
        return EX_USAGE;
    }
    bool is_kept = strcmp(argv[4], "keep") == 0;
    message[COUNT(message) - 1].request = (size_t)body;
    int rounds = (messages + sessions - 1) / sessions;
    struct side s = {.sessions = sessions};
    listen_somewhere(&s);
    double begin = now_s();
    pid_t other = fork();
    if (other < 0)
        fail("pingpong: fork");
    s.is_server = other == 0;
    converse(&s, rounds, is_kept);
    if (s.is_server)
        _exit(0);
    int status;
    waitpid(other, &status, 0);
    double n = (double)rounds * sessions;
    printf("%.0f %.2f\n", n / (now_s() - begin),
           (seconds_of(RUSAGE_SELF) + seconds_of(RUSAGE_CHILDREN)) * 1e6 / n);
    return status != 0;
}
