// SPDX-License-Identifier: BSD-2-Clause
// server_command: command lines, and the envelope that MAIL and RCPT build. See server.h.
//
// (C1) Only CRLF ends a command, as only CRLF.CRLF ends a message: a line with an LF of its own is
//      refused as a whole (500), so that no two hosts on a way can read different commands in it.
//      By the local socket LF alone is a line end too: scripts that talk to `sendmail -bs` send it.
// (C2) A line of more than SERVER_LINE_MAX octets costs no more memory than that.
// (C3) Commands hold printable characters; what is beyond 7 bits is left to the address grammar.
#include "receive/server_inside.h"

#include "core/address.h"
#include "core/must.h"
#include "core/text.h"
#include "core/time.h"
#include "receive/parse.h"

#include <stdlib.h>

void server_envelope_reset(struct server *s)
{
    struct server_envelope *e = &s->envelope;
    if (server_chunk_is_open(s)) { // (B3)
        server_abandon(s);
        server_data_reset(s);
    }
    free(e->sender);
    free(e->asked);
    free(e->asked_orcpt);
    free(e->envid);
    rcptset_close(&e->rcpts);
    *e = (struct server_envelope){0};
}

static void add_extensions(struct server *s)
{
    must(buf_add_str(&s->out, "250-PIPELINING\r\n250-SIZE ") == FP_OK);
    must(buf_add_number(&s->out, server_data_size_max(s)) == FP_OK);
    must(buf_add_str(&s->out, "\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-DELIVERBY\r\n"
                              "250-SMTPUTF8\r\n250-DSN\r\n250-MT-PRIORITY\r\n") == FP_OK);
    // RFC 8689 4.1: over TLS alone; on a Unix socket nobody listens in either.
    must(buf_add_str(&s->out, s->peer.is_local ? "250-REQUIRETLS\r\n" : "") == FP_OK);
    must(buf_add_str(&s->out, "250 ENHANCEDSTATUSCODES\r\n") == FP_OK);
}

static void on_hello(struct server *s, struct slice name, bool is_esmtp)
{
    if (name.n == 0) {
        server_reply(s, is_esmtp ? "501 Syntax: EHLO hostname" : "501 Syntax: HELO hostname");
        return;
    }
    server_envelope_reset(s); // RFC 5321 4.1.4: as RSET
    free(s->helo);
    s->helo = must_memdup(name.p, name.n < SERVER_HELO_MAX ? name.n : SERVER_HELO_MAX);
    s->is_esmtp = is_esmtp;
    must(buf_add_all(&s->out, is_esmtp ? "250-" : "250 ", s->settings.hostname, "\r\n") == FP_OK);
    if (is_esmtp)
        add_extensions(s);
}

static const char *mail_fault(const struct server *s)
{
    if (!s->helo && !s->peer.is_local)
        return "503 5.5.1 EHLO first";
    if (s->envelope.sender)
        return "503 5.5.1 There is a MAIL already";
    return NULL;
}

// RFC 6710 4.1, 5: who may not relay here may say that others go first, not that he does. He is
// told.
static const char *take_envelope(struct server *s, const struct parse_command *c)
{
    struct slice sender = buf_slice(&c->address);
    struct server_envelope *e = &s->envelope;
    bool may_raise = s->peer.is_local || s->peer.is_trusted;
    bool is_lowered = c->priority > 0 && !may_raise;
    e->sender = must_memdup(sender.p, sender.n);
    e->is_8bit = c->is_8bit;
    e->traits = c->traits;
    if (c->has_by) {
        e->traits |= (uint8_t)((c->by.is_return ? MESSAGE_BY_RETURN : 0) |
                               (c->by.is_traced ? MESSAGE_BY_TRACE : 0));
        // 0 would be none, and it is over anyway.
        e->deliver_by_ms = s->now_ms + c->by.seconds * TIME_SECOND_MS;
    }
    e->ret = c->ret;
    e->envid = c->envid.n > 0 ? must_memdup(c->envid.p, c->envid.n) : NULL;
    e->has_priority = c->has_priority;
    e->priority = is_lowered ? 0 : c->priority;
    return is_lowered ? "250 2.3.6 0 is the highest priority from outside" : "250 2.1.0 Ok";
}

static void on_mail(struct server *s, struct slice rest)
{
    struct parse_path_options options = {.may_lack_domain = s->peer.is_local,
                                         .hostname = s->settings.hostname,
                                         .takes_idn = s->peer.is_local,
                                         .is_private = s->peer.is_local};
    struct parse_command c;
    const char *fault = mail_fault(s);
    if (!s->peer.is_local && s->settings.messages_max && s->messages >= s->settings.messages_max) {
        server_hang_up(s, "421 4.7.0 Too many messages in one session");
        return;
    }
    parse_command_init(&c);
    if (!fault)
        fault = parse_mail_or_rcpt(rest, &options, &c);
    if (!fault && c.has_size && c.size > server_data_size_max(s))
        fault = "552 5.3.4 The message is too big";
    if (!fault && s->is_busy)
        fault = server_refused_busy;
    server_reply(s, fault ? fault : take_envelope(s, &c));
    parse_command_close(&c);
}

static uint32_t rcpts_max(const struct server *s)
{
    return s->peer.is_local && s->settings.rcpts_max < SERVER_LOCAL_RCPTS_MAX
               ? SERVER_LOCAL_RCPTS_MAX
               : s->settings.rcpts_max;
}

static char *keep_orcpt(struct slice given)
{
    struct buf text;
    buf_init(&text, DSN_ORCPT_MAX);
    dsn_orcpt_encode(given, &text);
    return buf_steal(&text, NULL); // NULL: nothing was given
}

static void ask_rcpt(struct server *s, const struct parse_command *c)
{
    struct server_envelope *e = &s->envelope;
    free(e->asked);
    free(e->asked_orcpt);
    e->asked = must_memdup(c->address.p, c->address.n);
    e->asked_notify = c->notify;
    e->asked_orcpt = keep_orcpt(c->orcpt);
    server_ask(
        s, STATE_ASKING_RCPT,
        (struct server_effect){.kind = SERVER_CHECK_RCPT, .address = slice_str(s->envelope.asked)});
}

static void on_rcpt(struct server *s, struct slice rest)
{
    struct parse_path_options options = {
        .is_rcpt = true,
        .may_lack_domain = s->peer.is_local,
        .hostname = s->settings.hostname,
        .has_utf8 = (s->envelope.traits & MESSAGE_UTF8) != 0,
        .takes_idn = s->peer.is_local,
    };
    struct parse_command c;
    const char *answer = !s->envelope.sender       ? "503 5.5.1 MAIL first"
                         : server_chunk_is_open(s) ? "503 5.5.1 The message has begun: BDAT or RSET"
                                                   : NULL;
    parse_command_init(&c);
    if (!answer)
        answer = parse_mail_or_rcpt(rest, &options, &c);
    if (!answer && rcptset_has(&s->envelope.rcpts, buf_slice(&c.address)))
        answer = "250 2.1.5 Ok"; // kept once
    if (!answer && s->envelope.rcpts.count >= rcpts_max(s))
        answer =
            "452 4.5.3 Too many recipients"; // RFC 5321 4.5.3.1.10: the rest by another message
    if (!answer)
        ask_rcpt(s, &c);
    else
        server_reply(s, answer);
    if (answer && answer[0] != '2' &&
        s->envelope.sender) // a RCPT before MAIL belongs to no message
        s->envelope.has_refused = true;
    parse_command_close(&c);
}

void server_command_on_rcpt_answer(struct server *s, enum server_verdict verdict)
{
    static const struct {
        const char *code, *text;
    } refusals[] = {
        [VERDICT_RELAY_DENIED] = {"554 5.7.1", "Relay access denied"},
        [VERDICT_REFUSED] = {"550 5.1.2", "No such destination"},
        [VERDICT_BUSY] = {"452 4.3.1", "No room for another recipient now"},
    };
    struct buf reply, note; // the note with the address escaped
    server_move(s, STATE_COMMAND);
    if (verdict == VERDICT_OK) {
        rcptset_add(&s->envelope.rcpts, slice_str(s->envelope.asked));
        rcptset_set_dsn(&s->envelope.rcpts, s->envelope.asked_notify, s->envelope.asked_orcpt);
        server_reply(s, "250 2.1.5 Ok");
        return;
    }
    s->envelope.has_refused = true;
    buf_init(&reply, ADDRESS_MAX + 80);
    buf_init(&note, 4 * ADDRESS_MAX + 80);
    buf_addf(&reply, "%s <%s>: %s", refusals[verdict].code, s->envelope.asked,
             refusals[verdict].text);
    buf_addf(&note, "%s <", refusals[verdict].code);
    text_escape_address(slice_str(s->envelope.asked), &note);
    buf_addf(&note, ">: %s", refusals[verdict].text);
    server_reply(s, reply.p);
    server_note_reject(s, "RCPT", note.p, s->envelope.asked);
    buf_close(&reply);
    buf_close(&note);
}

static void on_data(struct server *s, struct slice rest)
{
    if (rest.n > 0)
        server_reply(s, "501 5.5.4 DATA stands alone");
    else if (!s->envelope.sender)
        server_reply(s, "503 5.5.1 MAIL first");
    else if (server_chunk_is_open(s))
        server_reply(s, "503 5.5.1 What began with BDAT goes on with BDAT");
    else if (s->envelope.rcpts.count == 0)
        server_reply(s, s->envelope.has_refused ? "554 5.5.1 No valid recipients"
                                                : "503 5.5.1 RCPT first");
    else
        server_ask(s, STATE_ASKING_BEGIN, (struct server_effect){.kind = SERVER_BEGIN});
}

static void on_rset(struct server *s, struct slice rest)
{
    if (rest.n > 0) {
        server_reply(s, "501 5.5.4 RSET stands alone");
        return;
    }
    server_envelope_reset(s);
    server_reply(s, "250 2.0.0 Ok");
}

static void on_other(struct server *s, enum verb verb, struct slice rest)
{
    switch (verb) {
    case VERB_NOOP:
        server_reply(s, "250 2.0.0 Ok");
        break;
    case VERB_VRFY: // RFC 5321 3.5.3, 7.3: whether there is such a mailbox is not told
        server_reply(s, rest.n > 0 ? "252 2.0.0 Not told; send a message and see"
                                   : "501 5.5.4 Syntax: VRFY address");
        break;
    case VERB_HELP:
        server_reply(s, "214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT");
        break;
    case VERB_QUIT:
        server_hang_up(s, "221 2.0.0 Bye");
        break;
    case VERB_EXPN:
    case VERB_ABSENT:
        server_reply(s, "502 5.5.1 This command is not offered");
        break;
    default:
        server_reply(s, "500 5.5.2 Unknown command");
        break;
    }
}

static const char *verb_name(enum verb verb)
{
    static const char *const names[VERB_COUNT] = {
        [VERB_HELO] = "HELO", [VERB_EHLO] = "EHLO", [VERB_MAIL] = "MAIL", [VERB_RCPT] = "RCPT",
        [VERB_DATA] = "DATA", [VERB_BDAT] = "BDAT", [VERB_RSET] = "RSET", [VERB_NOOP] = "NOOP",
        [VERB_VRFY] = "VRFY", [VERB_EXPN] = "EXPN", [VERB_HELP] = "HELP", [VERB_QUIT] = "QUIT"};
    return names[verb] ? names[verb] : "UNKNOWN";
}

static void run(struct server *s, struct slice line)
{
    struct slice rest;
    enum verb verb = parse_verb(line, &rest);
    s->last_verb = verb_name(verb);
    switch (verb) {
    case VERB_HELO:
    case VERB_EHLO:
        on_hello(s, rest, verb == VERB_EHLO);
        break;
    case VERB_MAIL:
        on_mail(s, rest);
        break;
    case VERB_RCPT:
        on_rcpt(s, rest);
        break;
    case VERB_DATA:
        on_data(s, rest);
        break;
    case VERB_BDAT:
        server_chunk_on_command(s, rest);
        break;
    case VERB_RSET:
        on_rset(s, rest);
        break;
    default:
        on_other(s, verb, rest);
        break;
    }
}

// (C3)
static bool has_control(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
            return true;
    return false;
}

// Adds octets of which only the last may be an LF. True when they complete the command.
static bool add_to_line(struct server *s, struct slice piece)
{
    struct server_line *line = &s->line;
    char before = piece.n > 1 ? piece.p[piece.n - 2] : line->last;
    line->last = piece.p[piece.n - 1];
    if (line->fault == LINE_OK && buf_add_slice(&line->text, piece))
        line->fault = LINE_LONG; // (C2)
    if (line->last != '\n')
        return false;
    line->ends_bare = before != '\r';
    if (line->ends_bare && !s->peer.is_local) {
        line->fault = LINE_BARE; // (C1)
        return false;
    }
    return true;
}

static void run_line(struct server *s)
{
    struct server_line *line = &s->line;
    struct slice text = slice_of(line->text.p, line->text.n);
    if (line->fault == LINE_LONG) {
        server_reply(s, "500 5.5.2 The line is too long");
    } else if (line->fault == LINE_BARE) {
        server_reply(s, "500 5.5.2 Lines end in CRLF");
    } else {
        text.n -= line->ends_bare ? 1 : 2;
        if (has_control(text))
            server_reply(s, "500 5.5.2 Control characters in a command");
        else
            run(s, text);
    }
    buf_reset(&line->text);
    line->fault = LINE_OK;
    line->last = '\0';
}

size_t server_command_take(struct server *s, struct slice bytes)
{
    size_t used = 0;
    while (used < bytes.n) {
        struct slice rest = slice_from(bytes, used);
        const char *lf = memchr(rest.p, '\n', rest.n);
        struct slice piece = {rest.p, lf ? (size_t)(lf - rest.p) + 1 : rest.n};
        used += piece.n;
        if (!add_to_line(s, piece))
            continue;
        server_await(s, s->settings.command_ms);
        run_line(s);
        server_must_leave(s);
        break;
    }
    return used;
}
