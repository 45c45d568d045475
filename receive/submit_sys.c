// SPDX-License-Identifier: BSD-2-Clause
// submit: the blocking client of the local socket. See submit_sys.h.
//
// The socket does not block; every wait is a poll that also reads replies, so that a long list of
// recipients and the replies to it cannot fill both directions and stand still.
//
// All or nothing: when the daemon refuses a recipient, nothing is sent to the others. The caller
// then closes the connection, and the daemon forgets what had begun.
#include "receive/submit_sys.h"

#include "core/dot.h"
#include "core/must.h"
#include "core/reply.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    SUBMIT_WAIT_MS = 10 * 60 * 1000, // RFC 5321 4.5.3.2.6: the longest wait of all
    SUBMIT_WRITE_SIZE = 64 * 1024,
    SUBMIT_READ_SIZE = 4096,
    SUBMIT_OUT_MAX = 64 * 1024 * 1024, // the commands for one message; far beyond any list
    SUBMIT_WHY_MAX = 512,
};

struct submit {
    int fd;
    bool is_broken; // nothing more can be said or heard
    struct buf out;
    struct dot_writer dot;
    struct reply_parser reply;
    char in[SUBMIT_READ_SIZE]; // read, not yet parsed
    size_t in_at, in_n;
};

static enum fp_err connect_error(int error)
{
    if (error == ENOENT || error == ECONNREFUSED || error == EAGAIN)
        return FP_AGAIN;
    return error == EACCES || error == EPERM ? FP_DENIED : FP_IO;
}

static enum fp_err say_why(struct buf *why, const char *what, const char *path, int error)
{
    buf_addf(why, "%s %s: %s", what, path, strerror(error));
    return connect_error(error);
}

static enum fp_err send_first_line(int fd, const char *first_line)
{
    struct buf line;
    buf_init(&line, 256);
    enum fp_err err = buf_addf(&line, "%s\r\n", first_line);
    if (!err && send(fd, line.p, line.n, MSG_NOSIGNAL) != (ssize_t)line.n)
        err = FP_IO;
    buf_close(&line);
    return err;
}

enum fp_err submit_connect(const char *socket_path, const char *first_line, int *ret_fd,
                           struct buf *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path)
        return say_why(why, "cannot connect to", socket_path, ENAMETOOLONG);
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return say_why(why, "cannot connect to", socket_path, errno);
    int error = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
    if (error) {
        close(fd);
        return say_why(why, "cannot connect to", socket_path, error);
    }
    enum fp_err err = send_first_line(fd, first_line);
    if (err) {
        buf_addf(why, "cannot write to %s", socket_path);
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return FP_OK;
}

struct submit *submit_new(int fd)
{
    struct submit *s = must_zalloc(sizeof *s);
    s->fd = fd;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        s->is_broken = true;
    buf_init(&s->out, SUBMIT_OUT_MAX);
    dot_writer_init(&s->dot);
    reply_init(&s->reply);
    return s;
}

void submit_free(struct submit *s)
{
    if (!s)
        return;
    close(s->fd);
    buf_close(&s->out);
    free(s);
}

// What poll says is ready; 0 after the longest wait.
static short wait_for(struct submit *s, short events)
{
    struct pollfd p = {.fd = s->fd, .events = events};
    int n;
    do
        n = poll(&p, 1, SUBMIT_WAIT_MS);
    while (n < 0 && errno == EINTR);
    return n > 0 ? p.revents : 0;
}

static bool is_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// Reads what is there. False at the end of the connection.
static bool fill(struct submit *s)
{
    if (s->in_at < s->in_n)
        return true;
    ssize_t n = recv(s->fd, s->in, sizeof s->in, 0);
    s->in_at = 0;
    s->in_n = n > 0 ? (size_t)n : 0;
    return n > 0 || (n < 0 && is_passing(errno));
}

// Parses what was read. True when a reply is complete.
static bool take_reply(struct submit *s)
{
    s->in_at += reply_feed(&s->reply, slice_of(s->in + s->in_at, s->in_n - s->in_at));
    return reply_is_complete(&s->reply);
}

// The replies to a group of commands: the first that is not as wanted counts.
struct verdicts {
    size_t count; // replies so far
    size_t rcpts; // RCPT commands in the group, behind one other
    int status;   // sysexits
    struct buf *why;
};

enum stage { STAGE_OTHER, STAGE_RCPT, STAGE_END };

static int code_status(int code, enum stage stage)
{
    if (code >= 200 && code < 400)
        return 0;
    if (code < 500)
        return EX_TEMPFAIL; // 4xx, and what is no reply
    if (code == 552 || code == 555 || code <= 504)
        return EX_DATAERR;
    if (stage == STAGE_RCPT && (code == 550 || code == 551 || code == 553))
        return EX_NOUSER;
    return EX_UNAVAILABLE;
}

static void add_reply_text(const struct submit *s, struct buf *why)
{
    if (s->reply.is_malformed)
        buf_add_str(why, "the daemon gave no proper answer");
    else
        buf_addf(why, "%d ", s->reply.code);
    struct slice text = slice_str(s->reply.is_malformed ? "" : s->reply.text);
    text_escape(slice_of(text.p, text.n < SUBMIT_WHY_MAX ? text.n : SUBMIT_WHY_MAX), why);
}

static int judge(struct submit *s, enum stage stage, struct buf *why)
{
    int status = code_status(s->reply.is_malformed ? 0 : s->reply.code, stage);
    if (status)
        add_reply_text(s, why);
    if (s->reply.is_malformed || s->reply.code == 421)
        s->is_broken = true;
    reply_init(&s->reply);
    return status;
}

// Nothing more will be heard. What the daemon said already counts more than that.
static int lost(struct submit *s, const struct verdicts *v, const char *text)
{
    s->is_broken = true;
    if (v->status)
        return v->status;
    buf_add_str(v->why, text);
    return EX_TEMPFAIL;
}

static void note_verdict(struct submit *s, struct verdicts *v)
{
    bool is_rcpt = v->count >= 1 && v->count <= v->rcpts;
    struct buf none;
    buf_init(&none, 2 * REPLY_TEXT_MAX);
    int status = judge(s, is_rcpt ? STAGE_RCPT : STAGE_OTHER, v->status ? &none : v->why);
    if (!v->status)
        v->status = status;
    v->count++;
    buf_close(&none);
}

// Sends as much of out as goes now. False when the connection has gone.
static bool push(struct submit *s)
{
    ssize_t n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
    if (n < 0)
        return is_passing(errno);
    buf_drop(&s->out, (size_t)n);
    return true;
}

// Sends all that is in `out` and hears `wanted` replies; less of both when the daemon goes away or
// closes (421). It is sent first and polled only then: one system call less for most groups. When
// the daemon hears no more, what it said before is worth reading.
static int exchange(struct submit *s, size_t wanted, struct verdicts *v)
{
    bool is_deaf = false;
    while (!s->is_broken) {
        if (s->out.n > 0 && !push(s)) {
            buf_reset(&s->out);
            is_deaf = true;
        }
        if (s->out.n == 0 && v->count >= wanted && !is_deaf)
            return v->status;
        short ready = wait_for(s, (short)(POLLIN | (s->out.n > 0 ? POLLOUT : 0)));
        if (ready == 0)
            return lost(s, v, "the daemon does not answer");
        if (ready & ~POLLOUT && !fill(s))
            return lost(s, v, "the daemon closed the connection");
        while (!s->is_broken && take_reply(s))
            note_verdict(s, v);
    }
    return lost(s, v, "the connection was lost");
}

static int exchange_simple(struct submit *s, size_t wanted, struct buf *why)
{
    struct verdicts v = {.why = why};
    return exchange(s, wanted, &v);
}

// What stands in a command line must not end it.
static bool is_one_line(const char *text)
{
    return strpbrk(text, "\r\n") == NULL;
}

static int check_lines(const char *hostname, const char *sender, const char *const *rcpts,
                       size_t count, struct buf *why)
{
    bool is_good = is_one_line(hostname) && is_one_line(sender);
    for (size_t i = 0; i < count; i++)
        is_good = is_good && is_one_line(rcpts[i]);
    if (!is_good)
        buf_add_str(why, "a line break in an address");
    return is_good ? 0 : EX_DATAERR;
}

static enum fp_err write_envelope(struct submit *s, const char *sender, bool is_8bit,
                                  const char *const *rcpts, size_t count)
{
    enum fp_err err =
        buf_addf(&s->out, "MAIL FROM:<%s>%s\r\n", sender, is_8bit ? " BODY=8BITMIME" : "");
    for (size_t i = 0; i < count && !err; i++)
        err = buf_addf(&s->out, "RCPT TO:<%s>\r\n", rcpts[i]);
    return err ? err : buf_add_str(&s->out, "DATA\r\n");
}

int submit_begin(struct submit *s, const char *hostname, const char *sender, bool is_8bit,
                 const char *const *rcpts, size_t count, struct buf *why)
{
    int status = check_lines(hostname, sender, rcpts, count, why);
    if (!status)
        status = exchange_simple(s, 1, why); // the greeting
    if (status)
        return status;
    buf_addf(&s->out, "EHLO %s\r\n", hostname);
    status = exchange_simple(s, 1, why);
    if (status)
        return status;
    if (write_envelope(s, sender, is_8bit, rcpts, count)) {
        buf_add_str(why, "too many recipients");
        return EX_DATAERR;
    }
    struct verdicts v = {.rcpts = count, .why = why};
    status = exchange(s, count + 2, &v);
    if (status)
        s->is_broken = true; // the daemon may wait for text of a message that will not come
    return status;
}

// Adds as much of run as belongs into one write.
static struct slice add_some(struct submit *s, struct slice run)
{
    size_t room = SUBMIT_WRITE_SIZE - s->out.n;
    size_t n = run.n < room ? run.n : room;
    must(buf_add(&s->out, run.p, n) == FP_OK);
    return slice_from(run, n);
}

int submit_write(struct submit *s, struct slice content, struct buf *why)
{
    while (content.n > 0) {
        struct slice run = dot_write(&s->dot, &content);
        if (run.n == 0)
            run = DOT_STUFF;
        while (run.n > 0) {
            run = add_some(s, run);
            int status = s->out.n < SUBMIT_WRITE_SIZE ? 0 : exchange_simple(s, 0, why);
            if (status)
                return status;
        }
    }
    return 0;
}

int submit_end(struct submit *s, struct buf *why)
{
    must(buf_add_slice(&s->out, DOT_END) == FP_OK);
    struct verdicts v = {.why = why};
    int status = exchange(s, 1, &v);
    if (!status)
        send(s->fd, "QUIT\r\n", 6, MSG_NOSIGNAL); // nobody waits for the answer
    return status;
}
