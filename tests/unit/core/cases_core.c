// SPDX-License-Identifier: BSD-2-Clause
// Runs the conformance cases of one file that concern core: cases_core NAME reads NAME.jsonl of
// FP_CASES_DIR. Prints each case that fails; exit 1 when any does, or when none was run.
#include "core/address.h"
#include "core/buf.h"
#include "core/dot.h"
#include "core/dsn.h"
#include "core/header.h"
#include "core/hostname.h"
#include "core/reply.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASE_MAX = 1 << 20 };

struct skip {
    const char *id, *reason;
};

static const struct skip skips[] = {
    {"host-pf-08", "0.0.0.0/8 is well-formed; that nobody can be reached there is not syntax"},
    {"host-pf-57", "bare_ip is recorded as accepted for a name with *: an error of the conversion"},
    {"host-pf-58", "as host-pf-57"},
    {"host-pf-59", "as host-pf-57"},
    {"host-pf-60", "as host-pf-57"},
    {"cmd-sp-133", "RCPT TO:<> has no forward-path: it is refused before its parameter counts"},
    {"isemail-125", "header: a quoted DEL (obs-qp) is an address that no SMTP path may carry"},
    {"isemail-134", "header: a quoted LF (obs-qp) is an address that no SMTP path may carry"},
};

static int failed, ran;

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static const char *id_of(const json_t *c)
{
    return text_of(c, "id");
}

static bool is_skipped(const json_t *c)
{
    for (size_t i = 0; i < sizeof skips / sizeof skips[0]; i++)
        if (strcmp(skips[i].id, id_of(c)) == 0)
            return true;
    return false;
}

static void want(const json_t *c, bool ok, const char *what)
{
    if (ok)
        return;
    failed++;
    printf("%s: %s\n    %s\n", text_of(c, "id"), what, text_of(c, "source"));
}

static void want_slice(const json_t *c, struct slice got, struct slice wanted, const char *what)
{
    want(c, slice_equal(got, wanted), what);
    if (!slice_equal(got, wanted))
        printf("    got \"%.*s\", want \"%.*s\"\n", (int)got.n, got.p, (int)wanted.n, wanted.p);
}

// The escapes of the files: \r \n \t \\ \xHH.
static void unescape(const char *s, struct buf *to)
{
    for (; *s; s++) {
        unsigned code;
        if (*s != '\\' || !s[1]) {
            buf_add_byte(to, *s);
        } else if (s[1] == 'x' && sscanf(s + 2, "%2x", &code) == 1) {
            buf_add_byte(to, (char)code);
            s += 3;
        } else {
            s++;
            buf_add_byte(to, *s == 'r' ? '\r' : *s == 'n' ? '\n' : *s == 't' ? '\t' : *s);
        }
    }
}

static void run_hostname(const json_t *c, const json_t *expect)
{
    struct slice name = slice_str(text_of(c, "input"));
    bool accepts = strcmp(text_of(expect, "hostname"), "accept") == 0;
    want(c, hostname_is_valid(name) == accepts, "host name");
    const char *bare = text_of(expect, "bare_ip");
    bool is_ip = hostname_is_ipv4(name) || hostname_is_ipv6(name);
    if (*bare)
        want(c, is_ip == (strcmp(bare, "accept") == 0), "bare IP");
}

// Is the text one address with a domain, as sendmail -t would use it?
static bool is_header_address(struct slice text)
{
    struct address_scanner s;
    struct slice a;
    address_scan_init(&s, text);
    bool ok = address_scan_next(&s, &a) == FP_OK && address_check(a, true) == FP_OK;
    ok = ok && address_scan_next(&s, &a) == FP_NOT_FOUND;
    address_scan_close(&s);
    return ok;
}

static void run_isemail(const json_t *c, const json_t *expect)
{
    struct buf address;
    buf_init(&address, CASE_MAX);
    unescape(text_of(c, "address"), &address);
    bool accepts = address_check(buf_slice(&address), false) == FP_OK;
    want(c, accepts == (strcmp(text_of(expect, "smtp_path"), "accept") == 0), "SMTP path");
    const char *header = text_of(expect, "header");
    if (strcmp(header, "accept-or-reject") != 0)
        want(c, is_header_address(buf_slice(&address)) == (strcmp(header, "accept") == 0),
             "header");
    buf_close(&address);
}

// One octet at a time, the harder way.
static void feed_reply(struct reply_parser *p, const char *escaped)
{
    struct buf bytes;
    buf_init(&bytes, CASE_MAX);
    unescape(escaped, &bytes);
    reply_init(p);
    for (size_t i = 0; i < bytes.n && !reply_is_complete(p); i++)
        reply_feed(p, slice_of(bytes.p + i, 1));
    buf_close(&bytes);
}

static void run_reply(const json_t *c, const json_t *expect)
{
    struct reply_parser p;
    feed_reply(&p, text_of(c, "bytes"));
    const char *class = text_of(expect, "class_");
    bool may_be_malformed = strstr(class, "malformed") || strcmp(class, "never-ok") == 0;
    want(c, reply_is_complete(&p), "complete");
    if (p.is_malformed) {
        want(c, may_be_malformed, "malformed");
        return;
    }
    want(c, p.code == json_integer_value(json_object_get(expect, "code")), "code");
    want(c, strncmp(class, "malformed-transient", 20) != 0, "malformed");
    want_slice(c, slice_str(p.enhanced), slice_str(text_of(expect, "enhanced")), "enhanced code");
    json_int_t lines = json_integer_value(json_object_get(expect, "lines"));
    want(c, lines == 0 || p.lines == lines, "lines");
}

static void run_real_reply(const json_t *c, const json_t *expect)
{
    struct reply_parser p;
    feed_reply(&p, text_of(c, "wire"));
    want(c, reply_is_complete(&p) && !p.is_malformed, "complete");
    if (strcmp(text_of(expect, "dsn_status_match"), "exact") == 0)
        want_slice(c, slice_str(p.enhanced), slice_str(text_of(expect, "dsn_status")), "status");
}

static void dot_in(const json_t *c, const json_t *expect, struct slice in)
{
    struct dot_reader r;
    struct buf content, wanted;
    buf_init(&content, CASE_MAX);
    buf_init(&wanted, CASE_MAX);
    dot_reader_init(&r);
    size_t used = 0;
    while (used < in.n && !r.is_done)
        used += dot_read(&r, slice_of(in.p + used, 1), &content);
    want(c, r.is_done && used == in.n, "one message, to the last octet");
    if (json_is_string(expect)) {
        unescape(json_string_value(expect), &wanted);
        want_slice(c, buf_slice(&content), buf_slice(&wanted), "content");
    } else if (json_object_get(expect, "contains")) {
        unescape(text_of(expect, "contains"), &wanted);
        want(c, memmem(content.p, content.n, wanted.p, wanted.n) != NULL, "contains");
    }
    buf_close(&content);
    buf_close(&wanted);
}

static void dot_out(const json_t *c, struct slice in, const char *escaped, bool is_tail)
{
    struct line_reader r;
    struct dot_writer w;
    struct buf content, wire, wanted;
    buf_init(&content, CASE_MAX);
    buf_init(&wire, CASE_MAX);
    buf_init(&wanted, CASE_MAX);
    line_reader_init(&r, false);
    line_read(&r, in, &content);
    line_read_end(&r, &content);
    dot_writer_init(&w);
    for (struct slice rest = buf_slice(&content); rest.n > 0;) {
        struct slice out = dot_write(&w, &rest);
        buf_add_slice(&wire, out.n ? out : DOT_STUFF);
    }
    buf_add_slice(&wire, DOT_END);
    unescape(escaped, &wanted);
    struct slice got = buf_slice(&wire);
    if (is_tail && got.n > wanted.n)
        got = slice_from(got, got.n - wanted.n);
    want_slice(c, got, buf_slice(&wanted), "wire");
    buf_close(&content);
    buf_close(&wire);
    buf_close(&wanted);
}

static void run_dot(const json_t *c, const json_t *expect)
{
    struct buf in;
    int n = 0;
    buf_init(&in, CASE_MAX);
    if (sscanf(text_of(expect, "gen"), "%d x 'a', LF, '.', LF, 'b', LF", &n) == 1) {
        while (n-- > 0)
            buf_add_byte(&in, 'a');
        buf_add_str(&in, "\n.\nb\n");
        dot_out(c, buf_slice(&in), text_of(expect, "wire_tail"), true);
    } else {
        unescape(text_of(c, "input"), &in);
        if (strcmp(text_of(c, "direction"), "in") == 0)
            dot_in(c, expect, buf_slice(&in));
        else
            dot_out(c, buf_slice(&in), json_string_value(expect), false);
    }
    buf_close(&in);
}

// The files give addresses without the quotes and backslashes of their local parts.
static void want_address(const json_t *c, const json_t *expect, struct slice address)
{
    struct buf plain;
    struct slice local = address_local(address);
    if (!json_object_get(expect, "address"))
        return;
    buf_init(&plain, CASE_MAX);
    bool is_quoted = local.n > 0 && local.p[0] == '"';
    for (size_t i = is_quoted ? 1 : 0; i < local.n - (is_quoted ? 1 : 0); i++) {
        i += is_quoted && local.p[i] == '\\' ? 1 : 0;
        buf_add_byte(&plain, local.p[i]);
    }
    buf_add_slice(&plain, slice_from(address, local.n));
    want_slice(c, buf_slice(&plain), slice_str(text_of(expect, "address")), "address");
    buf_close(&plain);
}

// The path of a MAIL or RCPT line: read as a server would that takes bare addresses too.
static void run_command(const json_t *c, const json_t *expect)
{
    struct buf line;
    buf_init(&line, CASE_MAX);
    unescape(text_of(c, "input"), &line);
    struct slice rest = slice_trim(buf_slice(&line)), address;
    bool is_mail = slice_starts_nocase(rest, SLICE_LIT("MAIL FROM:"));
    bool is_rcpt = slice_starts_nocase(rest, SLICE_LIT("RCPT TO:"));
    if (is_mail || is_rcpt) {
        struct address_path_options o = {.allow_null = is_mail,
                                         .allow_postmaster = is_rcpt,
                                         .allow_utf8 = true,
                                         .lenient = true};
        enum fp_err err =
            address_parse_path(slice_from(rest, is_mail ? 10 : 8), o, &address, &rest);
        const char *reply = text_of(expect, "reply");
        // A refusal that names no parameter must be the path's; one that may be either says
        // nothing.
        bool is_plain = err == FP_OK && rest.n == 0;
        if (err == FP_OK)
            want_address(c, expect, address);
        if (strncmp(reply, "250", 3) == 0)
            want(c, err == FP_OK || strstr(reply, "501") || strstr(reply, "550"), "path refused");
        else
            want(c, !is_plain, "path taken");
    }
    buf_close(&line);
}

// The address fields of a message in order, Resent fields alone where there are any.
static void scan_recipients(struct slice block, bool is_resent, struct buf *to, bool *ret_bad)
{
    static const char *const names[2][3] = {{"To", "Cc", "Bcc"},
                                            {"Resent-To", "Resent-Cc", "Resent-Bcc"}};
    struct header_field f;
    while (header_next(&block, &f)) {
        bool is_address_field = false;
        for (int i = 0; i < 3; i++)
            is_address_field |= slice_equal_nocase(f.name, slice_str(names[is_resent][i]));
        struct address_scanner s;
        struct slice a;
        enum fp_err err;
        address_scan_init(&s, is_address_field ? f.body : SLICE_LIT(""));
        while ((err = address_scan_next(&s, &a)) != FP_NOT_FOUND) {
            *ret_bad |= err != FP_OK || address_check(a, true) != FP_OK;
            buf_add_slice(to, a);
            buf_add_byte(to, '\n');
        }
        address_scan_close(&s);
    }
}

static void run_recipients(const json_t *c, const json_t *expect)
{
    const json_t *list = json_object_get(expect, "recipients"), *one;
    struct buf in, got, wanted;
    size_t i;
    bool is_bad = false;
    if (!json_is_array(list))
        return;
    buf_init(&in, CASE_MAX);
    buf_init(&got, CASE_MAX);
    buf_init(&wanted, CASE_MAX);
    unescape(text_of(c, "stdin"), &in);
    bool is_resent = header_count(buf_slice(&in), "Resent-Bcc") > 0;
    scan_recipients(buf_slice(&in), is_resent, &got, &is_bad);
    json_array_foreach(list, i, one)
    {
        buf_add_str(&wanted, json_string_value(one));
        buf_add_byte(&wanted, '\n');
    }
    want(c, !is_bad, "an address was refused");
    want_slice(c, buf_slice(&got), buf_slice(&wanted), "recipients");
    buf_close(&in);
    buf_close(&got);
    buf_close(&wanted);
}

// What decodes to controls is no ENVID, and is escaped where it is an ORCPT. The utf-8-addr-xtext
// of RFC 6533 belongs to SMTPUTF8, which is not offered.
static void run_xtext(const json_t *c, const json_t *expect)
{
    const char *kind = text_of(c, "kind"), *wanted = json_string_value(expect);
    struct slice input = slice_str(text_of(c, "input"));
    struct buf got;
    buf_init(&got, CASE_MAX);
    if (strcmp(kind, "encode") == 0) {
        dsn_xtext_encode(input, &got);
        want_slice(c, buf_slice(&got), slice_str(wanted), "encoded");
    } else if (strcmp(kind, "decode") == 0 && strstr(wanted, "never")) {
        want(c, !dsn_envid_is_valid(input), "taken as ENVID");
    } else if (strcmp(kind, "decode") == 0) {
        bool is_good = dsn_xtext_decode(input, &got);
        bool may_fail = strncmp(wanted, "error", 5) == 0;
        want(c, is_good || may_fail, "not decoded");
        if (is_good)
            want_slice(c, buf_slice(&got), slice_str(wanted), "decoded");
    }
    buf_close(&got);
}

static const struct {
    const char *name;
    void (*run)(const json_t *c, const json_t *expect);
} files[] = {
    {"hostnames", run_hostname},
    {"addr-isemail", run_isemail},
    {"smtp-replies", run_reply},
    {"real-replies", run_real_reply},
    {"dot-stuffing", run_dot},
    {"smtp-commands", run_command},
    {"header-recipients", run_recipients},
    {"xtext", run_xtext},
};

static void run_file(FILE *f, void (*run)(const json_t *c, const json_t *expect))
{
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, f) > 0) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        if (!c) {
            failed++;
            printf("not JSON: %s", line);
            continue;
        }
        if (!is_skipped(c)) {
            run(c, json_object_get(c, "expect"));
            ran++;
        }
        json_decref(c);
    }
    free(line);
}

int main(int argc, char **argv)
{
    char path[4096];
    for (size_t i = 0; argc == 2 && i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(files[i].name, argv[1]) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s.jsonl", FP_CASES_DIR, argv[1]);
        FILE *f = fopen(path, "r");
        if (!f) {
            perror(path);
            return 1;
        }
        run_file(f, files[i].run);
        fclose(f);
        printf("%s: %d cases, %d failures\n", argv[1], ran, failed);
        return failed > 0 || ran == 0;
    }
    fprintf(stderr, "usage: cases_core FILE\n");
    return 64;
}
