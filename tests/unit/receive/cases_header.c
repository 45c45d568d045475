// SPDX-License-Identifier: BSD-2-Clause
// Runs header-recipients.jsonl: what `sendmail -t` reads, to whom it goes, and which fields leave.
#include "cases.h"
#include "core/header.h"
#include "whole.h"

static const struct skip skips[] = {
    {"hdr-utf8", "SMTPUTF8 is not offered: such an address is refused"},
};

struct run {
    struct prepare *p;
    struct buf in, out;
    enum fp_err err;
    const char *argument; // the recipient behind the options, or NULL
};

static void start(struct run *r, const json_t *c)
{
    struct prepare_settings settings = {
        .sender = "al", .hostname = "mx.local.example", .takes_recipients = true, .dot_ends = true};
    const json_t *arg;
    size_t i;
    r->argument = NULL;
    json_array_foreach(json_object_get(c, "argv"), i, arg)
    {
        const char *text = json_string_value(arg);
        if (strcmp(text, "-i") == 0)
            settings.dot_ends = false;
        else if (text[0] != '-')
            r->argument = text;
    }
    buf_init(&r->in, CASE_TEXT_MAX);
    buf_init(&r->out, CASE_TEXT_MAX);
    case_text(c, case_member(c, "stdin"), &r->in);
    r->p = prepare_new(&settings);
    r->err = whole_prepare(r->p, buf_slice(&r->in), &r->out);
}

static void stop(struct run *r)
{
    prepare_free(r->p);
    buf_close(&r->in);
    buf_close(&r->out);
}

static bool has_recipient(const struct prepare *p, const char *address)
{
    for (uint32_t i = 0; i < prepare_recipient_count(p); i++)
        if (strcmp(prepare_recipient(p, i), address) == 0)
            return true;
    return false;
}

// Texts in place of a list speak of special cases; what they forbid is looked at here.
static bool are_recipients_good(const struct run *r, const json_t *want)
{
    const json_t *address;
    size_t i;
    if (!json_is_array(want)) {
        bool is_bob_alone = prepare_recipient_count(r->p) == 1 && !r->err &&
                            strcmp(prepare_recipient(r->p, 0), "bob@example.org") == 0 &&
                            strncmp(json_string_value(want), "any", 3) == 0;
        return !is_bob_alone;
    }
    json_array_foreach(want, i,
                       address) if (!has_recipient(r->p, json_string_value(address))) return false;
    return prepare_recipient_count(r->p) == json_array_size(want);
}

static bool is_exit_good(const struct run *r, const json_t *want)
{
    bool is_success = !r->err && prepare_recipient_count(r->p) > 0;
    if (json_is_integer(want))
        return is_success == (json_integer_value(want) == 0);
    return strcmp(json_string_value(want), "nonzero") != 0 || !is_success;
}

static bool are_fields_gone(const struct run *r, const json_t *names)
{
    struct slice out = buf_slice(&r->out);
    struct header_field field;
    const json_t *name;
    size_t i;
    struct slice block = slice_of(out.p, header_block_size(out));
    json_array_foreach(names, i,
                       name) if (header_find(block, json_string_value(name), &field)) return false;
    return true;
}

// wire_body is dot-stuffed; what is prepared is not.
static bool is_body_good(const struct run *r, const char *escaped)
{
    struct buf want;
    struct slice out = buf_slice(&r->out);
    struct slice body = slice_from(out, header_block_size(out));
    buf_init(&want, CASE_TEXT_MAX);
    case_unescape(escaped, &want);
    char *stuffed = strstr(want.p, "\r\n..");
    if (stuffed) {
        memmove(stuffed + 2, stuffed + 3, want.n - (size_t)(stuffed + 3 - want.p));
        want.n--;
    }
    bool is_same = slice_equal(body, buf_slice(&want));
    buf_close(&want);
    return is_same;
}

static int check(const json_t *c)
{
    const json_t *expect = json_object_get(c, "expect");
    struct run r;
    start(&r, c);
    bool is_good = are_recipients_good(&r, json_object_get(expect, "recipients")) &&
                   is_exit_good(&r, json_object_get(expect, "exit")) &&
                   are_fields_gone(&r, json_object_get(expect, "headers_gone"));
    if (is_good && json_object_get(expect, "wire_body"))
        is_good = is_body_good(&r, case_member(expect, "wire_body"));
    if (!is_good) {
        printf("%s", buf_slice(&r.out).p);
        for (uint32_t i = 0; i < prepare_recipient_count(r.p); i++)
            printf("to %s\n", prepare_recipient(r.p, i));
    }
    stop(&r);
    return is_good;
}

int main(int argc, char **argv)
{
    must(argc == 2);
    return case_run_file(argv[1], skips, sizeof skips / sizeof *skips, 30, check);
}
