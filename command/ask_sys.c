// SPDX-License-Identifier: BSD-2-Clause
// ask_sys: an operator's verb over the local socket. See session_sys.h, control/request.h.
#include "command/answer.h"
#include "command/session_sys.h"
#include "control/request.h"
#include "control/wire_json.h"
#include "receive/submit_sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, WHY_MAX = 4096, NO_EXIT_YET = -1 };

static bool send_all(int fd, struct slice bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            bytes = slice_from(bytes, (size_t)n);
    }
    return true;
}

// One read's worth. Returns the exit code when the last answer is in it.
static int take_answers(const struct session *s, struct answer *a, struct slice bytes)
{
    struct answer_part part;
    enum answer_kind kind;
    while ((kind = answer_next(a, &bytes, &part)) != ANSWER_MORE) {
        if (kind == ANSWER_BAD)
            return session_fail(s, EX_PROTOCOL, "the daemon gave an answer that is none");
        if (kind == ANSWER_EXIT)
            return part.code;
        if (kind == ANSWER_ERROR)
            fprintf(stderr, "%s: %.*s\n", s->program, (int)part.text.n, part.text.p);
        else if (s->is_quiet)
            continue;
        else if (fwrite(part.text.p, 1, part.text.n, stdout) < part.text.n)
            return EX_IOERR; // nobody reads any more; who asked says why
    }
    return NO_EXIT_YET;
}

static int read_answers(const struct session *s, int fd)
{
    static char piece[READ_SIZE];
    struct answer answer;
    answer_init(&answer);
    int code = NO_EXIT_YET;
    while (code == NO_EXIT_YET) {
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            code = session_fail(s, EX_TEMPFAIL, "the daemon went away before it had answered");
        else
            code = take_answers(s, &answer, slice_of(piece, (size_t)n));
    }
    answer_close(&answer);
    if (fflush(stdout) != 0 || ferror(stdout))
        return session_fail(s, EX_IOERR, "cannot write to standard output: %s", strerror(errno));
    return code;
}

static int ask(const struct session *s, int fd, enum request_verb verb, const char *const *words,
               size_t count)
{
    struct buf line;
    buf_init(&line, WIRE_LINE_MAX);
    wire_format_request(verb, words, count, true, &line);
    bool is_sent = send_all(fd, buf_slice(&line));
    buf_close(&line);
    // An answer may be there even then: a daemon that refuses us need not have read the request.
    (void)is_sent;
    return read_answers(s, fd);
}

// Words that no daemon would take are told at once, whether one runs or not.
static int check_words(const struct session *s, enum request_verb verb, const char *const *words,
                       size_t count, bool *ret_changes)
{
    struct request request = {.verb = verb};
    struct buf why;
    buf_init(&why, WHY_MAX);
    enum fp_err err = request_parse_words(&request, words, count, &why);
    if (!err)
        err = request_check(&request, &why);
    int code = err ? session_fail(s, EX_USAGE, "%s", why.p ? why.p : fp_err_text(err)) : EX_OK;
    *ret_changes = request_does_change(&request);
    buf_close(&why);
    return code;
}

static int without_daemon(const struct session *s, enum request_verb verb, const char *const *words,
                          size_t count, bool changes)
{
    if (!changes)
        return session_become_daemon(s, request_verb_name(verb), words, count);
    return session_fail(s, EX_TEMPFAIL,
                        "the daemon is not running (%s): start it with \"fermoposta daemon -c %s\" "
                        "or \"systemctl start fermoposta\"",
                        s->socket, s->config_file);
}

int session_ask(struct session *s, const char *name, const char *const *words, size_t count)
{
    enum request_verb verb;
    if (!request_verb_parse(name, &verb))
        return session_fail(s, EX_USAGE, "unknown verb \"%s\"", name);
    bool changes;
    int code = check_words(s, verb, words, count, &changes);
    if (code == EX_OK)
        code = session_load(s);
    if (code != EX_OK)
        return code;
    int fd = -1;
    struct buf why;
    buf_init(&why, WHY_MAX);
    enum fp_err err = submit_connect(s->socket, "CONTROL 1", &fd, &why);
    if (err == FP_OK)
        code = ask(s, fd, verb, words, count);
    else if (err == FP_AGAIN)
        code = without_daemon(s, verb, words, count, changes);
    else
        code = session_fail(s, err == FP_DENIED ? EX_NOPERM : EX_OSERR, "%s",
                            why.p ? why.p : fp_err_text(err));
    if (fd >= 0)
        close(fd);
    buf_close(&why);
    return code;
}
