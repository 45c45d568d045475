// SPDX-License-Identifier: BSD-2-Clause
// Runs smtp-cases.jsonl as far as it speaks of mail coming in by SMTP, against the machine: with
// one read for all, with one octet each where the case says so, and with reads of 2 to 64 octets.
// Messages by `sendmail -i` go through the preparation and then through the machine, and those of
// the relay's by BDAT. What is stored must be clean; and on its way out, in pieces of that size
// too, there is one end mark, the last thing that is said, and nothing bare.
#include "cases.h"
#include "core/dot.h"
#include "deliver/content.h"
#include "session.h"
#include "whole.h"

#include <regex.h>

static const struct skip skips[] = {
    {"starttls-in-inject", "STARTTLS is not offered"},
    {"starttls-in-inject-noop", "STARTTLS is not offered"},
    {"starttls-in-inject-bytes", "STARTTLS is not offered"},
    {"starttls-in-state-reset", "STARTTLS is not offered"},
    {"starttls-in-again", "STARTTLS is not offered"},
    {"auth-in-during-mail", "AUTH is not offered: 502"},
    {"auth-in-long", "AUTH is not offered"},
};

static void reach(struct session *s, const char *state)
{
    static const struct {
        const char *state, *say;
    } steps[] = {{"connect", ""},
                 {"ehlo", "EHLO c.example\r\n"},
                 {"mail", "MAIL FROM:<a@c.example>\r\n"},
                 {"rcpt", "RCPT TO:<bob@local.example>\r\n"},
                 {"data", "DATA\r\n"}};
    session_open(s);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        session_say(s, steps[i].say);
        if (strcmp(steps[i].state, state) == 0)
            return;
    }
    must_never("a state of the session that is not known");
}

static bool matches(const char *pattern, int code)
{
    char whole[256], text[8];
    regex_t re;
    snprintf(whole, sizeof whole, "^(%s)$", pattern);
    snprintf(text, sizeof text, "%d", code);
    must(regcomp(&re, whole, REG_EXTENDED) == 0);
    bool is_match = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return is_match;
}

static void say_piece(struct session *s, const json_t *c, const char *text)
{
    struct buf bytes;
    buf_init(&bytes, CASE_TEXT_MAX);
    case_text(c, text, &bytes);
    char *eof = bytes.p ? strstr(bytes.p, "<CLOSE>") : NULL;
    if (eof)
        bytes.n = (size_t)(eof - bytes.p);
    session_send(s, buf_slice(&bytes));
    if (eof)
        session_event(s, SERVER_EOF);
    buf_close(&bytes);
}

// Replies stand in lines that begin with S; all else in the trace is passed over.
static const char *find_reply(const char *line)
{
    while (line && *line && *line != 'S')
        line = (line = strchr(line, '\n')) ? line + 1 : NULL;
    return line && *line ? line : NULL;
}

static bool has_replies(const char *trace, const json_t *replies)
{
    const json_t *want;
    size_t i;
    json_array_foreach(replies, i, want)
    {
        trace = find_reply(trace);
        if (!trace || !matches(json_string_value(want), atoi(trace + 3)))
            return false;
        trace++;
        trace = strchr(trace, '\n');
        trace = trace ? trace + 1 : NULL;
    }
    return find_reply(trace) == NULL;
}

static bool has_no_control(const struct buf *trace)
{
    for (size_t i = 0; i < trace->n; i++)
        if ((unsigned char)trace->p[i] < ' ' && trace->p[i] != '\n')
            return false;
    return true;
}

static bool is_clean(const struct buf *body)
{
    for (size_t i = 0; i < body->n; i++)
        if ((body->p[i] == '\n' && (i == 0 || body->p[i - 1] != '\r')) ||
            (body->p[i] == '\r' && (i + 1 == body->n || body->p[i + 1] != '\n')))
            return false;
    return true;
}

static void send_out(struct slice body, size_t piece_size, struct buf *wire)
{
    struct content_writer w = {0};
    struct slice slices[CONTENT_SLICES_MAX];
    content_begin(&w);
    for (bool is_last = false; !is_last;) {
        size_t n = piece_size && piece_size < body.n ? piece_size : body.n;
        is_last = n == body.n;
        content_piece(&w, slice_of(body.p, n), is_last);
        body = slice_from(body, n);
        while (!content_is_taken(&w))
            for (uint32_t i = 0, count = content_slices(&w, slices); i < count; i++)
                must(buf_add_slice(wire, slices[i]) == FP_OK);
    }
    content_close(&w);
}

static uint32_t count_marks(struct slice wire)
{
    uint32_t count = wire.n >= 3 && memcmp(wire.p, ".\r\n", 3) == 0;
    for (const char *at = wire.p; (at = memmem(at, wire.n - (size_t)(at - wire.p), "\r\n.\r\n", 5));
         at++)
        count++;
    return count;
}

// By any reader, also one to whom a bare CR or LF ends lines: that is what clean means.
static bool is_ended_once(const struct buf *body, size_t piece_size)
{
    struct buf wire;
    buf_init(&wire, CASE_TEXT_MAX);
    send_out(buf_slice(body), piece_size, &wire);
    bool is_good = is_clean(&wire) && count_marks(buf_slice(&wire)) == 1 &&
                   memcmp(wire.p + wire.n - 3, ".\r\n", 3) == 0;
    buf_close(&wire);
    return is_good;
}

static bool holds(struct session *s, const json_t *expect)
{
    const json_t *v;
    const char *text;
    if ((text = json_string_value(json_object_get(expect, "last_reply"))) &&
        !matches(text, s->last_code))
        return false;
    if ((v = json_object_get(expect, "messages")) && s->count != json_integer_value(v))
        return false;
    if ((v = json_object_get(expect, "messages_max")) && s->count > json_integer_value(v))
        return false;
    if ((v = json_object_get(expect, "replies")) && !has_replies(buf_slice(&s->trace).p, v))
        return false;
    if (json_is_true(json_object_get(expect, "close")) && !s->is_closed)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        text = json_string_value(json_object_get(expect, "no_envelope_from"));
        if ((text && strcmp(s->entries[i]->message.sender, text) == 0) ||
            !is_clean(&s->bodies[i]) || !is_ended_once(&s->bodies[i], s->read_size))
            return false;
    }
    return s->memory_max <= MESSAGE_CHUNK_MAX + 64 + SESSION_ENVELOPE && has_no_control(&s->trace);
}

static bool run_smtp(const json_t *c, size_t read_size)
{
    const json_t *bytes = json_object_get(c, "bytes"), *piece;
    struct session s;
    size_t i;
    session_init(&s);
    s.settings.received_max = 100;
    reach(&s, case_member(c, "state"));
    buf_reset(&s.trace);
    s.read_size = read_size;
    if (json_is_array(bytes)) {
        json_array_foreach(bytes, i, piece) say_piece(&s, c, json_string_value(piece));
    } else {
        say_piece(&s, c, json_string_value(bytes));
    }
    bool is_good = holds(&s, json_object_get(c, "expect"));
    if (!is_good)
        printf("reads of %zu, %u messages:\n%s", read_size, s.count, buf_slice(&s.trace).p);
    session_close(&s);
    return is_good;
}

// What `sendmail -i` makes of it, as its client sends it, by the local socket.
static bool run_sendmail(const json_t *c, size_t read_size)
{
    struct prepare_settings settings = {.sender = "a@c.example", .hostname = "c.example"};
    struct session s;
    struct buf in, out;
    buf_init(&in, CASE_TEXT_MAX);
    buf_init(&out, CASE_TEXT_MAX);
    case_text(c, case_member(c, "bytes"), &in);
    struct prepare *p = prepare_new(&settings);
    must(whole_prepare(p, buf_slice(&in), &out) == FP_OK);
    prepare_free(p);
    session_init(&s);
    s.peer.is_local = true;
    reach(&s, "data");
    s.read_size = read_size;
    struct dot_writer w;
    dot_writer_init(&w);
    for (struct slice rest = buf_slice(&out); rest.n > 0;) {
        struct slice run = dot_write(&w, &rest);
        session_send(&s, run.n > 0 ? run : DOT_STUFF);
    }
    session_send(&s, DOT_END);
    bool is_good = s.count == 1 && s.last_code == 250 && is_clean(&out) && is_clean(&s.bodies[0]) &&
                   is_ended_once(&s.bodies[0], read_size) &&
                   s.bodies[0].n > out.n && // our field, then exactly what was prepared
                   memcmp(s.bodies[0].p + s.bodies[0].n - out.n, out.p, out.n) == 0;
    buf_close(&in);
    buf_close(&out);
    session_close(&s);
    return is_good;
}

static bool run_bdat(const json_t *c, size_t read_size)
{
    struct session s;
    struct buf in;
    char command[40];
    buf_init(&in, CASE_TEXT_MAX);
    case_text(c, case_member(c, "bytes"), &in);
    session_init(&s);
    reach(&s, "rcpt");
    s.read_size = read_size;
    snprintf(command, sizeof command, "BDAT %zu LAST\r\n", in.n);
    session_say(&s, command);
    session_send(&s, buf_slice(&in));
    session_say(&s, "NOOP\r\n");
    bool is_good = s.count == 1 && s.last_code == 250 && is_clean(&s.bodies[0]) &&
                   is_ended_once(&s.bodies[0], read_size);
    buf_close(&in);
    session_close(&s);
    return is_good;
}

static int check(const json_t *c)
{
    bool is_smtp = strcmp(case_member(c, "direction"), "in-smtp") == 0;
    bool is_sendmail = strcmp(case_member(c, "state"), "sendmail-i-stdin") == 0;
    bool is_bdat = !is_smtp && strcmp(case_member(c, "state"), "bdat") == 0;
    if (!is_smtp && !is_sendmail && !is_bdat)
        return -1;
    // Large ones only as one read: splitting them shows nothing more.
    size_t sizes = json_object_get(c, "expand") ? 0 : 64;
    for (size_t read_size = 0; read_size <= sizes; read_size++)
        if (is_smtp   ? !run_smtp(c, read_size)
            : is_bdat ? !run_bdat(c, read_size)
                      : !run_sendmail(c, read_size))
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    must(argc == 2);
    return case_run_file(argv[1], skips, sizeof skips / sizeof *skips, 67, check);
}
