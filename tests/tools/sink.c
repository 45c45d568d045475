// SPDX-License-Identifier: BSD-2-Clause
// sink: a next hop for trying things out. It takes every message and writes each into a file.
//
//     sink DIRECTORY PORT [MESSAGES]   listens on 127.0.0.1; PORT 0 takes a free one. Prints the
//     port,
//                                      then serves until it is ended, or has taken MESSAGES
//                                      messages
//     sink --free-port                 prints a port that nobody listens on
//
// A file NNNN.eml begins with the envelope as two or more fields (Return-Path, Delivered-To), then
// the message as it came, with dots undone. It appears under its name only when it is complete. One
// connection after the other, RFC 5321 as far as a client of good manners needs it; PIPELINING
// works because input is read line by line from a buffer. Only for tests: no limits, no deadlines.
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_SIZE = 16384, PATH_SIZE = 4096, BACKLOG = 128 };

struct sink {
    const char *directory;
    unsigned taken; // messages so far
    unsigned most;  // end after as many; 0: never
    FILE *message;  // the one that is coming in, with its envelope
    bool has_rcpt;
};

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
    exit(71);
}

static int listen_on(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0)
        die("cannot listen");
    return fd;
}

static unsigned port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("getsockname");
    return ntohs(address.sin_port);
}

static void path_of(const struct sink *s, const char *suffix, char path[PATH_SIZE])
{
    int n =
        snprintf(path, PATH_SIZE, "%s/%d-%u%s", s->directory, (int)getpid(), s->taken + 1, suffix);
    if (n < 0 || n >= PATH_SIZE)
        die("path too long");
}

static void forget(struct sink *s)
{
    char path[PATH_SIZE];
    if (!s->message)
        return;
    fclose(s->message);
    s->message = NULL;
    s->has_rcpt = false;
    path_of(s, ".part", path);
    unlink(path);
}

static void begin(struct sink *s)
{
    char path[PATH_SIZE];
    forget(s);
    path_of(s, ".part", path);
    s->message = fopen(path, "w");
    if (!s->message)
        die(path);
}

static void keep(struct sink *s)
{
    char part[PATH_SIZE], whole[PATH_SIZE];
    path_of(s, ".part", part);
    path_of(s, ".eml", whole);
    if (fclose(s->message) != 0 || rename(part, whole) != 0)
        die(whole);
    s->message = NULL;
    s->has_rcpt = false;
    s->taken++;
}

// The path of MAIL and RCPT, "<...>", or "" when there is none.
static void write_path(FILE *to, const char *field, const char *line)
{
    const char *begin = strchr(line, '<'), *end = begin ? strchr(begin, '>') : NULL;
    fprintf(to, "%s: %.*s\r\n", field, begin && end ? (int)(end - begin + 1) : 0,
            begin ? begin : "");
}

static bool is_command(const char *line, const char *name)
{
    return strncasecmp(line, name, strlen(name)) == 0;
}

// False: the client went away within the message.
static bool take_content(struct sink *s, FILE *in)
{
    char line[LINE_SIZE];
    bool is_line_start = true;
    while (fgets(line, sizeof(line), in)) {
        if (is_line_start && strcmp(line, ".\r\n") == 0)
            return true;
        fputs(is_line_start && line[0] == '.' ? line + 1 : line, s->message);
        is_line_start = line[strlen(line) - 1] == '\n';
    }
    return false;
}

static void take_data(struct sink *s, FILE *in, FILE *out)
{
    if (!s->has_rcpt) {
        fputs("503 5.5.1 MAIL and RCPT first\r\n", out);
        return;
    }
    fputs("354 go on\r\n", out);
    fflush(out);
    if (!take_content(s, in))
        return;
    keep(s);
    fprintf(out, "250 2.0.0 taken as %d-%u\r\n", (int)getpid(), s->taken);
}

// False: the session is over.
static bool take_command(struct sink *s, const char *line, FILE *in, FILE *out)
{
    if (is_command(line, "EHLO")) {
        fputs("250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
              out);
    } else if (is_command(line, "MAIL FROM:")) {
        begin(s);
        write_path(s->message, "Return-Path", line);
        fputs("250 2.1.0 sender taken\r\n", out);
    } else if (is_command(line, "RCPT TO:") && s->message) {
        write_path(s->message, "Delivered-To", line);
        s->has_rcpt = true;
        fputs("250 2.1.5 recipient taken\r\n", out);
    } else if (is_command(line, "DATA")) {
        take_data(s, in, out);
    } else if (is_command(line, "QUIT")) {
        fputs("221 2.0.0 bye\r\n", out);
        return false;
    } else if (is_command(line, "RSET")) {
        forget(s);
        fputs("250 2.0.0 forgotten\r\n", out);
    } else if (is_command(line, "HELO") || is_command(line, "NOOP")) {
        fputs("250 sink.example\r\n", out);
    } else {
        fputs("500 5.5.2 not known here\r\n", out);
    }
    return true;
}

static void serve(struct sink *s, int fd)
{
    char line[LINE_SIZE];
    FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
    if (!in || !out)
        die("fdopen");
    fputs("220 sink.example ESMTP\r\n", out);
    fflush(out);
    while (fgets(line, sizeof(line), in) && take_command(s, line, in, out))
        fflush(out);
    fclose(out);
    fclose(in);
    forget(s);
}

static void serve_each(const char *directory, int listener)
{
    signal(SIGCHLD, SIG_IGN); // nobody asks how a session ended
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
            die("accept");
        if (fd < 0)
            continue;
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0) {
            struct sink s = {.directory = directory};
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            close(listener);
            serve(&s, fd);
            exit(0);
        }
        close(fd);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--free-port") == 0) {
        printf("%u\n", port_of(listen_on(0)));
        return 0;
    }
    if (argc != 3) {
        fputs("usage: sink DIRECTORY PORT | sink --free-port\n", stderr);
        return 64;
    }
    int listener = listen_on((unsigned)strtoul(argv[2], NULL, 10));
    printf("%u\n", port_of(listener));
    fflush(stdout);
    serve_each(argv[1], listener);
}
