// SPDX-License-Identifier: BSD-2-Clause
// classify: replies and broken connections become outcomes. See classify.h; names that cannot be
// resolved and our own failures are in classify_own.c.
#include "deliver/classify.h"

#include "core/must.h"
#include "deliver/classify_relay.h"
#include "deliver/classify_text.h"

#include <stdio.h>
#include <string.h>

// What a stage is called and whose failure a refusal there is.
static const struct stage_row {
    const char *command;        // as readers of the log know it: "(in reply to X command)"
    const char *doing;          // "lost connection while ..."
    int positive;               // first digit of the reply that goes on
    enum outcome_scope refused; // whose failure a complete 4xx or 5xx is
    enum outcome_scope broken;  // whose failure a broken connection is
} stages[] = {
    [STAGE_CONNECT] = {"", "connecting", 0, SCOPE_HOST, SCOPE_HOST},
    [STAGE_GREETING] = {"", "receiving the initial server greeting", 2, SCOPE_HOST, SCOPE_HOST},
    [STAGE_EHLO] = {"EHLO", "performing the EHLO handshake", 2, SCOPE_HOST, SCOPE_HOST},
    [STAGE_STARTTLS] = {"STARTTLS", "setting up TLS", 2, SCOPE_HOST, SCOPE_HOST},
    [STAGE_AUTH] = {"AUTH", "authenticating", 2, SCOPE_HOST, SCOPE_HOST},
    [STAGE_MAIL] = {"MAIL FROM", "sending MAIL FROM", 2, SCOPE_MESSAGE, SCOPE_HOST},
    [STAGE_RCPT] = {"RCPT TO", "sending RCPT TO", 2, SCOPE_RECIPIENT, SCOPE_HOST},
    [STAGE_DATA] = {"DATA", "sending DATA command", 3, SCOPE_MESSAGE, SCOPE_HOST},
    [STAGE_BODY] = {"DATA", "sending message body", 0, SCOPE_MESSAGE, SCOPE_MESSAGE},
    [STAGE_DOT] = {"end of DATA", "sending end of data -- message may have been delivered", 2,
                   SCOPE_MESSAGE, SCOPE_MESSAGE},
    [STAGE_QUIT] = {"QUIT", "performing the QUIT handshake", 2, SCOPE_HOST, SCOPE_HOST},
};

static const struct stage_row lhlo = {"LHLO", "performing the LHLO handshake", 2, SCOPE_HOST,
                                      SCOPE_HOST};

static const struct stage_row helo = {"HELO", "performing the HELO handshake", 2, SCOPE_HOST,
                                      SCOPE_HOST};

static const struct stage_row *stage_row(enum outcome_stage stage, const struct hop *hop)
{
    if (stage == STAGE_EHLO && hop && hop->is_lmtp)
        return &lhlo;
    if (stage == STAGE_EHLO && hop && hop->was_helo)
        return &helo;
    must((size_t)stage < sizeof stages / sizeof stages[0] && stages[stage].command);
    return &stages[stage];
}

static void put_text(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);
    n = n < size ? n : size - 1;
    memcpy(to, from, n);
    to[n] = '\0';
}

// Only what is needed: an outcome is a kilobyte, and there is one for each message.
static void begin(struct outcome *o, enum outcome_stage stage, const struct hop *hop)
{
    o->in_doubt = false;
    o->has_reply = false;
    o->port = hop ? hop->port : 0;
    o->stage = (uint8_t)stage;
    o->blocked = BLOCKED_NOT;
    o->status[0] = o->text[0] = o->command[0] = '\0';
    put_text(o->tls, sizeof o->tls, hop && hop->tls ? hop->tls : "");
    put_text(o->host, sizeof o->host, hop && hop->host ? hop->host : "");
    put_text(o->ip, sizeof o->ip, hop && hop->ip ? hop->ip : "");
}

static void judge(struct outcome *o, enum outcome_result result, enum outcome_scope scope,
                  enum outcome_class klass)
{
    o->result = result;
    o->scope = scope;
    o->klass = klass;
}

// ---- the reply's text and status -----------------------------------------------------------

static bool continues_char(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t put_code(char *to, int code)
{
    must(code >= 0 && code <= 999);
    to[0] = (char)('0' + code / 100);
    to[1] = (char)('0' + code / 10 % 10);
    to[2] = (char)('0' + code % 10);
    return 3;
}

// The reply on one line: "550 5.7.1 first line second line". Each line of a long reply repeats the
// enhanced code (RFC 2034 4); it is told once. Cut at a whole UTF-8 character.
static void put_reply_text(struct outcome *o, const struct reply_parser *reply)
{
    size_t size = sizeof o->text, enhanced_n = strlen(reply->enhanced);
    size_t at = put_code(o->text, reply->code);
    struct slice rest = {reply->text, reply->text_n};
    for (bool is_first = true; rest.n > 0 && at + 1 < size; is_first = false) {
        const char *nl = memchr(rest.p, '\n', rest.n);
        struct slice line = {rest.p, nl ? (size_t)(nl - rest.p) : rest.n};
        rest = slice_from(rest, line.n + 1);
        if (!is_first && enhanced_n > 0 && line.n >= enhanced_n &&
            memcmp(line.p, reply->enhanced, enhanced_n) == 0)
            line = slice_from(line, enhanced_n);
        line = slice_trim(line);
        if (line.n == 0)
            continue;
        o->text[at++] = ' ';
        size_t n = line.n < size - 1 - at ? line.n : size - 1 - at;
        while (n < line.n && n > 0 && continues_char(line.p[n]))
            n--;
        memcpy(o->text + at, line.p, n);
        at += n;
    }
    o->text[at] = '\0';
}

// The enhanced code where there is one, else X.0.0; its class follows the result (RFC 3463 2): a
// 554 5.7.1 in the greeting that is tried again is 4.7.1.
static void put_status(struct outcome *o, const struct reply_parser *reply)
{
    char digit = o->result == OUTCOME_DELIVERED ? '2' : o->result == OUTCOME_DEFERRED ? '4' : '5';
    put_text(o->status, sizeof o->status, reply->enhanced[0] ? reply->enhanced : "0.0.0");
    o->status[0] = digit;
}

// ---- refusals ------------------------------------------------------------------------------

// X.subject.detail: does the enhanced code begin with this subject (and detail)?
static bool has_subject(const struct reply_parser *reply, const char *subject)
{
    return reply->enhanced[0] && strncmp(reply->enhanced + 1, subject, strlen(subject)) == 0;
}

static bool is_detail(const struct reply_parser *reply, const char *detail)
{
    return reply->enhanced[0] && strcmp(reply->enhanced + 1, detail) == 0;
}

// 4.5.3 (too many recipients in this transaction) wants the rest soon, as a rate limit does.
static bool speaks_of_rate(const struct reply_parser *reply)
{
    struct slice text = {reply->text, reply->text_n};
    return is_detail(reply, ".5.3") || classify_text_says(text, TEXT_RATE);
}

static bool speaks_of_full(const struct reply_parser *reply)
{
    struct slice text = {reply->text, reply->text_n};
    return is_detail(reply, ".2.2") || classify_text_says(text, TEXT_MAILBOX_FULL);
}

static enum outcome_class temporary_class(enum outcome_stage stage,
                                          const struct reply_parser *reply)
{
    struct slice text = {reply->text, reply->text_n};
    bool is_full = speaks_of_full(reply), is_rate = speaks_of_rate(reply);
    if (stage == STAGE_RCPT) {
        if (is_full)
            return CLASS_MAILBOX_FULL;
        if (is_rate)
            return CLASS_RATE;
        return reply->code == 452 || reply->code == 552 ? CLASS_MAILBOX_FULL : CLASS_GREYLIST;
    }
    if (classify_text_says(text, TEXT_GREYLIST))
        return CLASS_GREYLIST;
    if (is_rate && (reply->code == 421 || has_subject(reply, ".7.") || stage >= STAGE_MAIL))
        return CLASS_RATE;
    return is_full ? CLASS_MAILBOX_FULL : CLASS_MESSAGE;
}

// RFC 5321 4.5.3.1.10: old servers say 552 when they mean that this transaction has had enough
// recipients. A server that knows enhanced codes and gives another one means what it says.
static bool is_552_for_452(enum outcome_stage stage, const struct reply_parser *reply)
{
    return stage == STAGE_RCPT && reply->code == 552 &&
           (!reply->enhanced[0] || is_detail(reply, ".5.3"));
}

static void judge_refusal(enum outcome_stage stage, const struct stage_row *row,
                          const struct reply_parser *reply, const struct hop *hop,
                          struct outcome *o)
{
    if (hop && hop->is_relay && classify_relay_refusal(stage, reply, o)) {
        judge(o, OUTCOME_DEFERRED, SCOPE_LOCAL, o->klass);
        return;
    }
    enum outcome_scope scope = reply->code == 421 ? SCOPE_HOST : row->refused;
    if (scope == SCOPE_HOST) {
        enum outcome_class klass = stage == STAGE_AUTH ? CLASS_AUTH : CLASS_HOST;
        judge(o, OUTCOME_DEFERRED, scope, speaks_of_rate(reply) ? CLASS_RATE : klass);
        return;
    }
    bool is_temporary = reply->code < 500 || stage == STAGE_BODY || is_552_for_452(stage, reply);
    if (is_temporary)
        judge(o, OUTCOME_DEFERRED, scope, temporary_class(stage, reply));
    else
        judge(o, OUTCOME_FAILED, scope, CLASS_REFUSED);
}

void classify_reply(enum outcome_stage stage, const struct reply_parser *reply,
                    const struct hop *hop, struct outcome *ret)
{
    const struct stage_row *row = stage_row(stage, hop);
    int first = reply->code / 100;
    bool is_refusal = !reply->is_malformed && (first == 4 || first == 5);
    bool is_positive = !reply->is_malformed && first == row->positive;
    if (!is_refusal && !is_positive) {
        classify_fault(stage, FAULT_GARBAGE, "", hop, ret);
        return;
    }
    begin(ret, stage, hop);
    if (is_positive)
        judge(ret, OUTCOME_DELIVERED, SCOPE_NONE, CLASS_NONE);
    else
        judge_refusal(stage, row, reply, hop, ret);
    ret->has_reply = true;
    put_text(ret->command, sizeof ret->command, row->command);
    put_status(ret, reply);
    put_reply_text(ret, reply);
}

// ---- broken connections --------------------------------------------------------------------

static const struct fault_row {
    const char *connect;        // what follows "connect to HOST[IP]:PORT: "
    const char *before, *after; // HOST[IP] stands between them
    const char *status;         // RFC 3463 3.5, 3.6: 4.4.2 bad connection, 4.5.0 protocol
} faults[] = {
    [FAULT_REFUSED] = {"Connection refused", "lost connection with ", "", "4.4.2"},
    [FAULT_UNREACHABLE] = {"Network is unreachable", "lost connection with ", "", "4.4.2"},
    [FAULT_TIMEOUT] = {"Connection timed out", "conversation with ", " timed out", "4.4.2"},
    [FAULT_RESET] = {"Connection reset by peer", "lost connection with ", "", "4.4.2"},
    [FAULT_CLOSED] = {"Connection closed", "lost connection with ", "", "4.4.2"},
    [FAULT_GARBAGE] = {"no SMTP", "no valid reply from ", "", "4.5.0"},
    [FAULT_OTHER] = {"Connection failed", "lost connection with ", "", "4.4.2"},
    [FAULT_SHORTAGE] = {"Too many open files", "lost connection with ", "", "4.3.0"},
    [FAULT_NO_NETWORK] = {"Network is unreachable", "lost connection with ", "", "4.4.1"},
    [FAULT_TLS] = {"TLS failed", "lost connection with ", "", "4.7.5"},
    [FAULT_TLS_SET_UP] = {"TLS cannot be set up", "lost connection with ", "", "4.7.5"},
};

// HOST[IP], or a Unix socket's path.
static void name_peer(const struct outcome *o, struct buf *to)
{
    buf_add_str(to, o->host);
    if (o->ip[0] || !o->host[0])
        buf_addf(to, "[%s]", o->ip);
}

static void say_fault(const struct stage_row *row, const struct fault_row *said, const char *detail,
                      struct outcome *o)
{
    bool has_detail = detail && detail[0];
    struct buf text;
    buf_init(&text, 4 * OUTCOME_TEXT_SIZE);
    if (o->stage == STAGE_CONNECT) {
        buf_add_str(&text, "connect to ");
        name_peer(o, &text);
        if (o->port)
            buf_addf(&text, ":%u", o->port);
        buf_addf(&text, ": %s", has_detail ? detail : said->connect);
    } else if (o->stage == STAGE_STARTTLS && said == &faults[FAULT_TLS]) {
        buf_add_str(&text, "TLS with ");
        name_peer(o, &text);
        buf_addf(&text, ":%u failed: %s", o->port, has_detail ? detail : "handshake failure");
    } else {
        buf_add_str(&text, said->before);
        name_peer(o, &text);
        buf_addf(&text, "%s while %s", said->after, row->doing);
        if (has_detail)
            buf_addf(&text, " (%s)", detail);
    }
    put_text(o->text, sizeof o->text, buf_slice(&text).p);
    buf_close(&text);
}

void classify_fault(enum outcome_stage stage, enum deliver_fault fault, const char *detail,
                    const struct hop *hop, struct outcome *ret)
{
    must((size_t)fault < sizeof faults / sizeof faults[0]);
    const struct stage_row *row = stage_row(stage, hop);
    const struct fault_row *said = &faults[fault];
    begin(ret, stage, hop);
    judge(ret, OUTCOME_DEFERRED, row->broken, CLASS_HOST);
    ret->in_doubt = stage == STAGE_DOT;
    if (stage == STAGE_CONNECT) {
        put_text(ret->status, sizeof ret->status, "4.4.1");
        if (fault == FAULT_SHORTAGE || fault == FAULT_NO_NETWORK) { // says nothing about the host
            bool is_shortage = fault == FAULT_SHORTAGE;
            judge(ret, OUTCOME_DEFERRED, SCOPE_LOCAL, is_shortage ? CLASS_MESSAGE : CLASS_HOST);
            ret->blocked = is_shortage ? BLOCKED_SHORTAGE : BLOCKED_NETWORK;
            put_text(ret->status, sizeof ret->status, said->status);
        }
    } else {
        put_text(ret->status, sizeof ret->status, ret->in_doubt ? "4.4.2" : said->status);
    }
    if (stage == STAGE_STARTTLS)
        ret->klass = CLASS_TLS;
    say_fault(row, said, detail, ret);
}
