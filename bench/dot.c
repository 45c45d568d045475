// SPDX-License-Identifier: BSD-2-Clause
// dot: how long a mail system takes from the final dot to its reply. One session at a time with one
// connection for each message, as smtp-source -s 1 works.
//
//     dot PORT MESSAGES BODY-BYTES TOKEN
//
// The clock starts before the one write that ends in the dot and stops when the reply's line is
// there. Message n says TOKEN-n in its subject and in its last line, so that it can be found in a
// trace. Prints one line: seconds for all, then median, 99th percentile and longest of the times,
// in µs.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 70, HEADER_MAX = 512, REPLY_MAX = 4096 };

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "dot: %s: %s\n", what, text);
    exit(EX_UNAVAILABLE);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail("connect", "no connection");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

// A reply is whole when its last line has a blank behind the code.
static bool is_whole(const char *reply, size_t n)
{
    if (n < 5 || reply[n - 1] != '\n')
        return false;
    const char *last = memrchr(reply, '\n', n - 1);
    last = last ? last + 1 : reply;
    return reply + n - last >= 5 && last[3] == ' ';
}

static void expect(int fd, char code, const char *after)
{
    char reply[REPLY_MAX];
    size_t n = 0;
    while (!is_whole(reply, n)) {
        ssize_t got = n < sizeof reply ? read(fd, reply + n, sizeof reply - n) : 0;
        if (got <= 0)
            fail(after, "the connection broke");
        n += (size_t)got;
    }
    if (reply[0] != code) {
        reply[n - 1] = '\0';
        fail(after, reply);
    }
}

static void say(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, text, n);
        if (put <= 0)
            fail("write", "the connection broke");
        text += put;
        n -= (size_t)put;
    }
}

static void command(int fd, const char *line, char code)
{
    say(fd, line, strlen(line));
    expect(fd, code, line);
}

static size_t make_message(char *to, size_t body_bytes, const char *token, unsigned i)
{
    size_t n = (size_t)snprintf(to, HEADER_MAX,
                                "From: <sender@origin.example>\r\nTo: <somebody@dest.example>\r\n"
                                "Subject: %.64s-%u\r\n\r\n",
                                token, i);
    for (size_t end = n + body_bytes; n + LINE < end; n += LINE) {
        memset(to + n, 'x', LINE - 2);
        memcpy(to + n + LINE - 2, "\r\n", 2);
    }
    return n + (size_t)snprintf(to + n, HEADER_MAX, "%.64s-%u ends\r\n.\r\n", token, i);
}

static double send_one(uint16_t port, const char *message, size_t n)
{
    int fd = connect_to(port);
    expect(fd, '2', "connect");
    command(fd, "EHLO bench.example\r\n", '2');
    command(fd, "MAIL FROM:<sender@origin.example>\r\n", '2');
    command(fd, "RCPT TO:<somebody@dest.example>\r\n", '2');
    command(fd, "DATA\r\n", '3');
    double begin = now_us();
    say(fd, message, n);
    expect(fd, '2', "the final dot");
    double took = now_us() - begin;
    command(fd, "QUIT\r\n", '2');
    close(fd);
    return took;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int port = argc == 5 ? atoi(argv[1]) : 0, count = argc == 5 ? atoi(argv[2]) : 0;
    int body_bytes = argc == 5 ? atoi(argv[3]) : 0;
    if (port < 1 || port > 65535 || count < 1 || body_bytes < 1 || body_bytes > 1 << 30) {
        fprintf(stderr, "usage: dot PORT MESSAGES BODY-BYTES TOKEN\n");
        return EX_USAGE;
    }
    double *took = calloc((size_t)count, sizeof *took);
    char *message = malloc((size_t)body_bytes + 2 * HEADER_MAX);
    if (!took || !message)
        fail("memory", "there is not enough");
    double begin = now_us();
    for (int i = 0; i < count; i++) {
        size_t n = make_message(message, (size_t)body_bytes, argv[4], (unsigned)i);
        took[i] = send_one((uint16_t)port, message, n);
    }
    double all = now_us() - begin;
    qsort(took, (size_t)count, sizeof *took, by_size);
    printf("%.6f %.1f %.1f %.1f\n", all * 1e-6, took[count / 2], took[(count - 1) * 99 / 100],
           took[count - 1]);
    free(took);
    free(message);
    return 0;
}
