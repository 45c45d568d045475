// SPDX-License-Identifier: BSD-2-Clause
// sendmail_sys: the sendmail command. See session_sys.h; what happens to the message is
// receive/prepare.h, the talk with the daemon receive/submit_sys.h.
//
// Standard input is passed on in pieces as it comes; nothing is kept but the header block and what
// makes no write yet. Exit 0 means that the daemon said its 250 (P1). Whatever fails before leaves
// nothing behind: the daemon forgets a message whose end mark never came.
#include "command/envelope.h"
#include "command/help.h"
#include "command/sendmail_arguments.h"
#include "command/session_sys.h"
#include "command/user_sys.h"
#include "receive/prepare.h"
#include "receive/submit_sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    PIECE_SIZE = 65536,
    SEND_SIZE = 65536, // what is worth a write
    OUTPUT_MAX = 2 * PREPARE_HEADER_MAX + 4 * PIECE_SIZE,
    WHY_MAX = 65536,
    PARAMETERS_MAX = 1024, // of MAIL or RCPT
};

struct sendmail {
    struct session session;
    struct sendmail_arguments arguments;
    struct envelope envelope;
    struct user user; // once somebody asked
    struct prepare *prepare;
    struct submit *submit; // from the first write on
    struct buf output;     // prepared, not sent yet
    struct buf why;
};

static int fail(struct sendmail *m, int code)
{
    return session_fail(&m->session, code, "%s", m->why.p ? m->why.p : "failed");
}

// Accounts are looked up for a sender or a name that is wanted, and then once.
static const struct user *who(struct sendmail *m)
{
    if (!m->user.login)
        user_look_up(NULL, getuid(), &m->user);
    return &m->user;
}

static const char *full_name(struct sendmail *m)
{
    const char *name = getenv("NAME");
    if (m->arguments.full_name)
        return m->arguments.full_name;
    return name && *name ? name : who(m)->full_name;
}

// Sender and recipients of the command line.
static int start_message(struct sendmail *m)
{
    const struct sendmail_arguments *a = &m->arguments;
    const char *hostname = session_hostname(&m->session);
    const char *sender = a->sender ? a->sender : who(m)->login;
    enum fp_err err = envelope_set_sender(&m->envelope, sender, hostname, &m->why);
    for (size_t i = 0; !err && i < a->count; i++)
        err = envelope_add_recipients(&m->envelope, a->recipients[i], hostname, &m->why);
    if (err)
        return fail(m, EX_DATAERR);
    if (m->envelope.rcpt_count == 0 && !a->takes_recipients)
        return session_fail(
            &m->session, EX_USAGE,
            "recipients must be named, as arguments or by -t in the message's header");
    m->prepare = prepare_new(&(struct prepare_settings){
        .takes_recipients = a->takes_recipients,
        .dot_ends = a->dot_ends,
        .sender = m->envelope.sender,
        .hostname = hostname,
    });
    return EX_OK;
}

static int say_unprepared(struct sendmail *m, enum fp_err err)
{
    const char *text = prepare_error(m->prepare);
    if (*text == '\0')
        text = err == FP_TOO_BIG ? "the message's header is too large" : fp_err_text(err);
    return session_fail(&m->session, EX_DATAERR, "%s", text);
}

static enum fp_err answer(struct sendmail *m, const struct prepare_lacks *lacks)
{
    struct prepare_facts facts = {0};
    if (lacks->from)
        facts.full_name = full_name(m);
    if (lacks->date || lacks->message_id)
        facts.now_ms = moment_now_ms();
    if (lacks->date)
        facts.utc_offset_s = moment_utc_offset_s(facts.now_ms);
    if (lacks->message_id)
        facts.seed = moment_seed();
    return prepare_answer(m->prepare, &facts, &m->output);
}

// When the header is complete, all recipients are known.
static int complete_header(struct sendmail *m)
{
    struct prepare_lacks lacks;
    if (!prepare_asks(m->prepare, &lacks))
        return EX_OK;
    enum fp_err err = answer(m, &lacks);
    if (err)
        return say_unprepared(m, err);
    for (uint32_t i = 0; i < prepare_recipient_count(m->prepare); i++)
        envelope_add_address(&m->envelope, prepare_recipient(m->prepare, i));
    envelope_drop_duplicates(&m->envelope);
    if (m->envelope.rcpt_count > 0)
        return EX_OK;
    return session_fail(&m->session, EX_USAGE, "the message's header names no recipient");
}

static int open_submission(struct sendmail *m)
{
    int fd = -1;
    enum fp_err err = submit_connect(m->session.socket, NULL, &fd, &m->why);
    if (err == FP_AGAIN)
        return session_fail(&m->session, EX_TEMPFAIL, "the daemon is not running: %s",
                            m->why.p ? m->why.p : fp_err_text(err));
    if (err)
        return fail(m, err == FP_DENIED ? EX_NOPERM : EX_TEMPFAIL);
    m->submit = submit_new(fd);
    struct buf mail, rcpt;
    buf_init(&mail, PARAMETERS_MAX);
    buf_init(&rcpt, PARAMETERS_MAX);
    sendmail_arguments_dsn(&m->arguments, &mail, &rcpt);
    if (envelope_needs_utf8(&m->envelope))
        buf_add_str(&mail, " SMTPUTF8");
    struct submit_parameters parameters = {.is_8bit =
                                               m->arguments.is_8bit || prepare_has_8bit(m->prepare),
                                           .mail = buf_slice(&mail).p,
                                           .rcpt = buf_slice(&rcpt).p};
    int code =
        submit_begin(m->submit, m->envelope.sender, &parameters,
                     (const char *const *)m->envelope.rcpts, m->envelope.rcpt_count, &m->why);
    buf_close(&mail);
    buf_close(&rcpt);
    return code ? fail(m, code) : EX_OK;
}

// The daemon hears of a message when there is enough for a write, or the whole: input may come from
// a program that works for hours, and then nobody waits, and a daemon may come and go meanwhile.
static int send_output(struct sendmail *m, bool is_whole)
{
    if (!is_whole && m->output.n < SEND_SIZE)
        return EX_OK;
    int code = m->submit ? EX_OK : open_submission(m);
    if (code)
        return code;
    code = submit_write(m->submit, buf_slice(&m->output), &m->why);
    buf_reset(&m->output);
    return code ? fail(m, code) : EX_OK;
}

static int copy_piece(struct sendmail *m, struct slice piece)
{
    while (piece.n > 0 && !prepare_is_done(m->prepare)) {
        enum fp_err err = prepare_feed(m->prepare, &piece, &m->output);
        int code = err ? say_unprepared(m, err) : complete_header(m);
        if (code)
            return code;
    }
    return prepare_has_header(m->prepare) ? send_output(m, false) : EX_OK;
}

// 0 at the end of the message, by the end of input or by a lone dot.
static int copy_input(struct sendmail *m)
{
    static char piece[PIECE_SIZE];
    while (!prepare_is_done(m->prepare)) {
        ssize_t n = read(STDIN_FILENO, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return session_fail(&m->session, EX_IOERR, "cannot read the message: %s",
                                strerror(errno));
        if (n == 0)
            break;
        int code = copy_piece(m, slice_of(piece, (size_t)n));
        if (code)
            return code;
    }
    enum fp_err err = prepare_end(m->prepare, &m->output);
    int code = err ? say_unprepared(m, err) : complete_header(m);
    return code ? code : send_output(m, true);
}

static int submit_message(struct sendmail *m)
{
    buf_init(&m->output, OUTPUT_MAX);
    int code = start_message(m);
    if (code == EX_OK)
        code = copy_input(m);
    if (code == EX_OK) {
        code = submit_end(m->submit, &m->why);
        if (code)
            fail(m, code);
    }
    return code;
}

static int flush(struct sendmail *m)
{
    const char *term = m->arguments.flush_term;
    m->session.is_quiet = true; // cron would make a mail of it
    return session_ask(&m->session, "flush", &term, term ? 1 : 0);
}

static int run_mode(struct sendmail *m)
{
    static const char *const list[] = {"--format=postfix"};
    enum sendmail_mode mode = m->arguments.mode;
    if (mode == SENDMAIL_HELP)
        fputs(help_text("sendmail", NULL), stdout);
    else if (mode == SENDMAIL_VERSION)
        puts("fermoposta " FP_VERSION);
    if (mode == SENDMAIL_HELP || mode == SENDMAIL_VERSION)
        return EX_OK;
    if (mode == SENDMAIL_DAEMON)
        return session_become_daemon(&m->session, "daemon", NULL, 0);
    if (mode == SENDMAIL_LIST)
        return session_ask(&m->session, "list", list, 1);
    if (mode == SENDMAIL_FLUSH)
        return flush(m);
    int code = session_load(&m->session);
    if (code != EX_OK)
        return code;
    signal(SIGPIPE, SIG_IGN); // a daemon that dies is an answer to give, not our end
    return mode == SENDMAIL_SMTP ? smtp_copy_run(&m->session) : submit_message(m);
}

int sendmail_run(const char *const *argv, size_t count)
{
    struct sendmail m = {0};
    buf_init(&m.why, WHY_MAX);
    enum fp_err err = sendmail_arguments_parse(&m.arguments, argv, count, &m.why);
    session_init(&m.session, "sendmail", m.arguments.config_file);
    int code = err ? fail(&m, EX_USAGE) : run_mode(&m);
    submit_free(m.submit);
    prepare_free(m.prepare);
    buf_close(&m.output);
    buf_close(&m.why);
    envelope_close(&m.envelope);
    user_close(&m.user);
    sendmail_arguments_close(&m.arguments);
    session_close(&m.session);
    return code;
}
