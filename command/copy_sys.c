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

// 1: something was copied; 0: the end of input; -1: an error on either side.
static int copy_some(int from, int to)
{
    char piece[PIECE_SIZE];
    ssize_t n = read(from, piece, sizeof(piece));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : -1;
    if (n == 0)
        return 0;
    return write_all(to, piece, n) ? 1 : -1;
}

static int copy_both_ways(int socket_fd)
{
    struct pollfd fds[2] = {{.fd = socket_fd, .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return EX_OSERR;
        if (fds[0].revents) {
            int copied = copy_some(socket_fd, STDOUT_FILENO);
            if (copied <= 0)
                return copied == 0 ? EX_OK : EX_IOERR;
        }
        if (fds[1].revents && copy_some(STDIN_FILENO, socket_fd) <= 0) {
            fds[1].fd = -1; // poll skips it; the daemon's replies are still awaited
            shutdown(socket_fd, SHUT_WR);
        }
    }
}

int smtp_copy_run(struct session *s)
{
    int fd = -1;
    struct buf why;
    buf_init(&why, WHY_MAX);
    enum fp_err err = submit_connect(s->config.socket, "SMTP", &fd, &why);
    int code;
    if (err == FP_OK) {
        code = copy_both_ways(fd);
        close(fd);
    } else {
        // The other side speaks SMTP and reads nothing else.
        printf("421 4.3.2 %s service not available\r\n", s->config.hostname);
        fflush(stdout);
        code = session_fail(s, err == FP_DENIED ? EX_NOPERM : EX_TEMPFAIL, "%s",
                            why.p ? why.p : fp_err_text(err));
    }
    buf_close(&why);
    return code;
}
