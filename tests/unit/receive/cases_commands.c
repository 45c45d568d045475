// SPDX-License-Identifier: BSD-2-Clause
// Runs smtp-commands.jsonl: one command line, and the reply codes that are right for it.
//
// "either with an extension, or 555": of them MT-PRIORITY and DELIVERBY are offered here; for the
// others 555 is what is wanted. Where such a case sends RCPT TO:<>, a real address is put in, for
// the parameter is what it is about.
#include "cases.h"
#include "session.h"

static const struct skip skips[] = {
    {"cmd-sp-032", "AUTH is not offered"},
    {"cmd-sp-033", "AUTH is not offered"},
    {"cmd-sp-079", "BY=-10;RT: R needs time (RFC 2852 4): 501"},
    {"cmd-sp-125", "AUTH is not offered, so its parameter is unknown: 555"},
    {"cmd-go-param-5", "AUTH is not offered: 555"},
    {"cmd-go-param-6", "AUTH is not offered: 555"},
};

// "250|501": any of these. "... else 501|550": the last group. "..., 555 when not": 555.
static bool is_wanted(const char *line, const char *reply, int code)
{
    char text[8];
    snprintf(text, sizeof text, "%d", code);
    if (strstr(reply, "when the extension is offered"))
        return strcasestr(line, " MT-PRIORITY=") || strcasestr(line, " BY=")
                   ? strncmp(reply, text, 3) == 0
                   : code == 555;
    const char *last = strrchr(reply, ' ');
    if (strstr(reply, "on LMTP"))
        return strstr(strchr(reply, ','), text) != NULL;
    return strstr(last ? last : reply, text) != NULL;
}

// Quotes and backslashes of a local part are form, not meaning.
static void add_meaning(struct slice s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '"' && s.p[i] != '\\')
            buf_add_byte(to, s.p[i]);
}

static bool has_address(struct session *s, bool is_rcpt, const char *want)
{
    struct buf got, text;
    buf_init(&got, 4096);
    buf_init(&text, 4096);
    session_say(s, is_rcpt ? "DATA\r\nx: y\r\n.\r\n" : "RCPT TO:<b@b.example>\r\nDATA\r\n.\r\n");
    must(s->count == 1);
    const struct entry *e = s->entries[0];
    add_meaning(slice_str(is_rcpt ? e->rcpts[0].address : e->message.sender), &got);
    add_meaning(slice_str(want), &text);
    bool is_same = slice_equal(buf_slice(&got), buf_slice(&text));
    buf_close(&got);
    buf_close(&text);
    return is_same;
}

static void put_address(struct buf *line)
{
    char *at = strstr(line->p, "<>");
    must(at);
    char *rest = must_strdup(at + 2);
    line->n = (size_t)(at - line->p);
    buf_addf(line, "<b@b.example>%s", rest);
    free(rest);
}

static int check(const json_t *c)
{
    struct session s;
    struct buf line;
    const json_t *expect = json_object_get(c, "expect");
    const char *reply = case_member(expect, "reply");
    buf_init(&line, CASE_TEXT_MAX);
    case_text(c, case_member(c, "input"), &line);
    bool is_mail = strncasecmp(line.p, "MAIL", 4) == 0, is_rcpt = strncmp(line.p, "RCPT", 4) == 0;
    session_init(&s);
    session_open(&s);
    if (strncasecmp(line.p, "EHLO", 4) != 0)
        session_say(&s, "EHLO c.example\r\n");
    if (is_rcpt)
        session_say(&s, "MAIL FROM:<a@c.example>\r\n");
    if (is_rcpt && strstr(reply, "extension"))
        put_address(&line);
    session_send(&s, buf_slice(&line));
    bool is_good = is_wanted(line.p, reply, s.last_code);
    if (!is_good)
        printf("%s got %d, wanted %s\n", line.p, s.last_code, reply);
    const json_t *address = json_object_get(expect, "address");
    if (is_good && s.last_code == 250 && address && (is_mail || is_rcpt))
        is_good = has_address(&s, is_rcpt, json_string_value(address));
    buf_close(&line);
    session_close(&s);
    return is_good;
}

int main(int argc, char **argv)
{
    must(argc == 2);
    return case_run_file(argv[1], skips, sizeof skips / sizeof *skips, 80, check);
}
