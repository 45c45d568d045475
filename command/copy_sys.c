// SPDX-License-Identifier: BSD-2-Clause
// copy_sys: sendmail -bs, which lends its standard input and output to the daemon's SMTP.
//
// No byte is looked at. The end of standard input is passed on as a half-close, so that replies to
// what was sent before it still arrive.
#include "command/session_sys.h"
#include "receive/submit_sys.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum { PIECE_SIZE = 65536, WHY_MAX = 4096 };

static bool write_all(int fd, const char *p, ssize_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, p, (size_t)n); // SIGPIPE is ignored by now
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0)
            p += written, n -= written;
    }
    return true;
}

// What came from standard input and the daemon has not taken yet. While it waits the replies are
// still read: the daemon takes no commands from whom it cannot reply to.
struct pending {
    char bytes[PIECE_SIZE];
    ssize_t at, n;
};

// 1: something was copied; 0: the end; -1: an error on either side.
static int copy_replies(int from)
{
    char piece[PIECE_SIZE];
    ssize_t n = read(from, piece, sizeof(piece));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : -1;
    if (n == 0)
        return 0;
    return write_all(STDOUT_FILENO, piece, n) ? 1 : -1;
}

// False at the end of standard input.
static bool read_input(struct pending *p)
{
    ssize_t n = read(STDIN_FILENO, p->bytes, sizeof(p->bytes));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    p->at = 0;
    p->n = n;
    return n > 0;
}

// False when the daemon takes no more.
static bool send_pending(struct pending *p, int to)
{
    ssize_t n = send(to, p->bytes + p->at, (size_t)(p->n - p->at), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    p->at += n;
    return true;
}

static int copy_both_ways(int socket_fd)
{
    static struct pending pending;
    bool is_open = true; // towards the daemon
    for (;;) {
        bool waits = is_open && pending.at < pending.n;
        struct pollfd fds[2] = {
            {.fd = socket_fd, .events = (short)(waits ? POLLIN | POLLOUT : POLLIN)},
            {.fd = is_open && !waits ? STDIN_FILENO : -1, .events = POLLIN}}; // poll skips -1
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return EX_OSERR;
        }
        bool was_open = is_open;
        if (waits && fds[0].revents & ~POLLIN)
            is_open = send_pending(&pending, socket_fd);
        if (fds[1].revents)
            is_open = read_input(&pending);
        if (was_open && !is_open)
            shutdown(socket_fd, SHUT_WR);
        if (fds[0].revents & ~POLLOUT) {
            int copied = copy_replies(socket_fd);
            if (copied <= 0)
                return copied == 0 ? EX_OK : EX_IOERR;
        }
    }
}

int smtp_copy_run(struct session *s)
{
    int fd = -1;
    struct buf why;
    buf_init(&why, WHY_MAX);
    enum fp_err err = submit_connect(s->socket, "SMTP", &fd, &why);
    int code;
    if (err == FP_OK) {
        code = copy_both_ways(fd);
        close(fd);
    } else {
        // The other side speaks SMTP and reads nothing else.
        printf("421 4.3.2 %s service not available\r\n", session_hostname(s));
        fflush(stdout);
        code = session_fail(s, err == FP_DENIED ? EX_NOPERM : EX_TEMPFAIL, "%s",
                            why.p ? why.p : fp_err_text(err));
    }
    buf_close(&why);
    return code;
}
