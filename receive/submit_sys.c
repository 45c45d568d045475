// SPDX-License-Identifier: BSD-2-Clause
// submit: the blocking client of the local socket. See submit_sys.h.
//
// Sending and receiving do not block; every wait is a poll that also reads replies, so that a long
// list of recipients and the replies to it cannot fill both directions and stand still.
//
// A round trip costs both sides a sleep and a wake-up, more than all of the work between: hence
// nothing is waited for but the last reply. All or nothing: the first refusal ends it, and the
// daemon forgets what had begun.
#include "receive/submit_sys.h"

#include "core/dot.h"
#include "core/must.h"
#include "core/reply.h"
#include "core/text.h"

#include <errno.h>
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
    bool is_over; // nothing more can be said or heard
    int status;   // of the first refusal; sysexits
    size_t rcpts; // RCPT commands
    size_t heard; // replies so far
    struct buf out;
    struct dot_writer dot;
    size_t in_at, in_n;
    struct reply_parser reply;
    char in[SUBMIT_READ_SIZE]; // read, not yet parsed
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
    enum fp_err err = first_line ? send_first_line(fd, first_line) : FP_OK;
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
    struct submit *s = must_alloc(sizeof *s);
    memset(s, 0, offsetof(struct submit, reply)); // and not the pages behind, which may stay unused
    s->fd = fd;
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
    ssize_t n = recv(s->fd, s->in, sizeof s->in, MSG_DONTWAIT);
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

// Whose reply comes next.
enum stage { STAGE_GREETING, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_END };

static enum stage next_stage(const struct submit *s)
{
    if (s->heard < 2)
        return s->heard == 0 ? STAGE_GREETING : STAGE_MAIL;
    if (s->heard < 2 + s->rcpts)
        return STAGE_RCPT;
    return s->heard == 2 + s->rcpts ? STAGE_DATA : STAGE_END;
}

static int code_status(int code, enum stage stage)
{
    if (code / 100 == (stage == STAGE_DATA ? 3 : 2))
        return 0;
    if (code < 500 || stage == STAGE_GREETING)
        return EX_TEMPFAIL; // 4xx, and what is no reply to this
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

static void note_reply(struct submit *s, struct buf *why)
{
    s->status = code_status(s->reply.is_malformed ? 0 : s->reply.code, next_stage(s));
    if (s->status) {
        add_reply_text(s, why);
        s->is_over = true;
    }
    s->heard++;
    reply_init(&s->reply);
}

static int lose(struct submit *s, const char *text, struct buf *why)
{
    s->is_over = true;
    s->status = EX_TEMPFAIL;
    buf_add_str(why, text);
    return s->status;
}

// Sends as much of out as goes now. False when the connection has gone.
static bool push(struct submit *s)
{
    ssize_t n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return is_passing(errno);
    buf_drop(&s->out, (size_t)n);
    return true;
}

// Sends all that is in `out` and hears `wanted` replies in all; less of both when the daemon
// refuses something or goes away. It is sent first and polled only then: one system call less for
// most messages. When the daemon hears no more, what it said before is worth reading.
static int exchange(struct submit *s, size_t wanted, struct buf *why)
{
    bool is_deaf = false;
    while (!s->is_over) {
        if (s->out.n > 0 && !push(s)) {
            buf_reset(&s->out);
            is_deaf = true;
        }
        if (s->out.n == 0 && s->heard >= wanted && !is_deaf)
            break;
        short ready = wait_for(s, (short)(POLLIN | (s->out.n > 0 ? POLLOUT : 0)));
        if (ready == 0)
            return lose(s, "the daemon does not answer", why);
        if (ready & ~POLLOUT && !fill(s))
            return lose(s, "the daemon closed the connection", why);
        while (!s->is_over && take_reply(s))
            note_reply(s, why);
    }
    return s->status;
}

// What stands in a command line must not end it.
static bool is_one_line(const char *text)
{
    return strpbrk(text, "\r\n") == NULL;
}

static bool are_lines(const char *sender, const char *const *rcpts, size_t count)
{
    bool is_good = is_one_line(sender);
    for (size_t i = 0; i < count; i++)
        is_good = is_good && is_one_line(rcpts[i]);
    return is_good;
}

static enum fp_err write_envelope(struct submit *s, const char *sender,
                                  const struct submit_parameters *parameters,
                                  const char *const *rcpts, size_t count)
{
    enum fp_err err =
        buf_add_all(&s->out, "SUBMIT 1\r\nMAIL FROM:<", sender,
                    parameters->is_8bit ? "> BODY=8BITMIME" : ">", parameters->mail, "\r\n");
    for (size_t i = 0; i < count && !err; i++)
        err = buf_add_all(&s->out, "RCPT TO:<", rcpts[i], ">", parameters->rcpt, "\r\n");
    return err ? err : buf_add_str(&s->out, "DATA\r\n");
}

static int send_when_full(struct submit *s, struct buf *why)
{
    return s->out.n < SUBMIT_WRITE_SIZE ? 0 : exchange(s, 0, why);
}

int submit_begin(struct submit *s, const char *sender, const struct submit_parameters *parameters,
                 const char *const *rcpts, size_t count, struct buf *why)
{
    if (!are_lines(sender, rcpts, count)) {
        buf_add_str(why, "a line break in an address");
        return EX_DATAERR;
    }
    if (write_envelope(s, sender, parameters, rcpts, count)) {
        buf_add_str(why, "too many recipients");
        return EX_DATAERR;
    }
    s->rcpts = count;
    return send_when_full(s, why);
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
            int status = send_when_full(s, why);
            if (status)
                return status;
        }
    }
    return 0;
}

int submit_end(struct submit *s, struct buf *why)
{
    must(buf_add_slice(&s->out, DOT_END) == FP_OK);
    must(buf_add_str(&s->out, "QUIT\r\n") == FP_OK); // nobody waits for the answer
    return exchange(s, s->rcpts + 4, why);           // greeting, MAIL, RCPT, DATA, end mark
}
