// SPDX-License-Identifier: BSD-2-Clause
// target: reading one next hop. See target.h.
#include "deliver/target.h"

#include "core/hostname.h"
#include "core/must.h"
#include "core/text.h"
#include "deliver/placeholder.h"

#include <stdlib.h>

enum {
    SMTP_PORT = 25,
    SMTPS_PORT = 465,
    ERROR_TEXT_MAX = 400, // an outcome's text holds it whole
    SHOWN_MAX = 200,
    PATH_TEXT_MAX = 1000,
};

// Each gets what stands behind the scheme. FP_INVALID: the form's words say what would be right.
typedef enum fp_err form_read(struct slice rest, struct target *ret);
static form_read read_mx, read_smtp, read_smtps, read_lmtp, read_maildir, read_pipe, read_error,
    read_discard;

static const struct form {
    const char *scheme;
    form_read *read;
    const char *words;
} forms[] = {
    {"mx", read_mx, "\"mx\""},
    {"smtp://", read_smtp, "\"smtp://HOST[:PORT]\" (an IPv6 address in brackets)"},
    {"smtps://", read_smtps, "\"smtps://HOST[:PORT]\""},
    {"lmtp://", read_lmtp, "\"lmtp://HOST:PORT\" (not 25) or \"lmtp:///PATH\""},
    {"maildir://", read_maildir, "\"maildir:///PATH/{user}\" (an absolute path, no \"..\")"},
    {"pipe://", read_pipe, "\"pipe:///PROGRAM WORDS\" (an absolute path; no shell reads it)"},
    {"error:", read_error, "\"error:5.1.2 TEXT\" (4.x.x defers)"},
    {"discard:", read_discard, "\"discard:\""},
};
enum { FORM_COUNT = sizeof forms / sizeof forms[0] };

void target_copy(const struct target *from, struct target *ret)
{
    *ret = *from;
    ret->host = from->host ? must_strdup(from->host) : NULL;
    ret->text = from->text ? must_strdup(from->text) : NULL;
    ret->name = from->name ? must_strdup(from->name) : NULL;
}

void target_close(struct target *t)
{
    free(t->host);
    free(t->text);
    free(t->name);
    *t = (struct target){.kind = TARGET_MX};
}

static void write_host(const struct target *t, const char *scheme, struct buf *to)
{
    bool is_ipv6 = strchr(t->host, ':') != NULL;
    buf_addf(to, "%s%s", scheme, is_ipv6 ? "[" : "");
    for (const char *c = t->host; *c; c++)
        buf_add_byte(to, (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c));
    buf_addf(to, "%s:%u", is_ipv6 ? "]" : "", t->port);
}

void target_write(const struct target *t, struct buf *to)
{
    static const char *const schemes[] = {
        [TARGET_MX] = "mx",        [TARGET_SMTP] = "smtp://",      [TARGET_SMTPS] = "smtps://",
        [TARGET_LMTP] = "lmtp://", [TARGET_LMTP_UNIX] = "lmtp://", [TARGET_MAILDIR] = "maildir://",
        [TARGET_PIPE] = "pipe://", [TARGET_ERROR] = "error:",      [TARGET_DISCARD] = "discard:",
    };
    if (t->host)
        write_host(t, schemes[t->kind], to);
    else
        buf_addf(to, "%s%s", schemes[t->kind], t->text ? t->text : "");
}

bool target_takes_one(const struct target *t)
{
    return t->kind == TARGET_MAILDIR || t->kind == TARGET_PIPE;
}

bool target_is_final(const struct target *t)
{
    return t->kind == TARGET_ERROR || t->kind == TARGET_DISCARD;
}

// ---- hosts and ports -----------------------------------------------------------------------

static bool parse_port(struct slice text, uint16_t *ret)
{
    uint32_t port = 0;
    if (text.n == 0 || text.n > 5)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.p[i] - '0');
    }
    if (port < 1 || port > 65535)
        return false;
    *ret = (uint16_t)port;
    return true;
}

// "[v6]" or "[v6]:PORT": the part in brackets; what stands behind stays in *rest.
static bool take_bracketed(struct slice *rest, struct slice *ret_host)
{
    const char *end = memchr(rest->p, ']', rest->n);
    if (!end)
        return false;
    *ret_host = slice_of(rest->p + 1, (size_t)(end - rest->p) - 1);
    *rest = slice_from(*rest, (size_t)(end - rest->p) + 1);
    return hostname_is_ipv6(*ret_host) || hostname_is_ipv4(*ret_host);
}

static bool take_host(struct slice *rest, struct slice *ret_host)
{
    if (rest->n > 0 && rest->p[0] == '[')
        return take_bracketed(rest, ret_host);
    const char *colon = memchr(rest->p, ':', rest->n);
    *ret_host = slice_of(rest->p, colon ? (size_t)(colon - rest->p) : rest->n);
    *rest = slice_from(*rest, ret_host->n);
    *ret_host = hostname_without_root(*ret_host); // no certificate has it
    return ret_host->n > 0 && (hostname_is_ipv4(*ret_host) || hostname_is_valid(*ret_host));
}

// default_port 0: one must be written.
static enum fp_err read_host(struct slice rest, enum target_kind kind, uint16_t default_port,
                             struct target *ret)
{
    struct slice host;
    uint16_t port = default_port;
    if (!take_host(&rest, &host))
        return FP_INVALID;
    if (rest.n > 0 && (rest.p[0] != ':' || !parse_port(slice_from(rest, 1), &port)))
        return FP_INVALID;
    if (port == 0 || (kind == TARGET_LMTP && port == SMTP_PORT)) // RFC 2033 5: never there
        return FP_INVALID;
    *ret = (struct target){.kind = kind, .host = must_memdup(host.p, host.n), .port = port};
    return FP_OK;
}

// ---- the forms -----------------------------------------------------------------------------

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return true;
    return false;
}

static enum fp_err read_mx(struct slice rest, struct target *ret)
{
    if (rest.n > 0)
        return FP_INVALID;
    *ret = (struct target){.kind = TARGET_MX};
    return FP_OK;
}

static enum fp_err read_smtp(struct slice rest, struct target *ret)
{
    return read_host(rest, TARGET_SMTP, SMTP_PORT, ret);
}

static enum fp_err read_smtps(struct slice rest, struct target *ret)
{
    return read_host(rest, TARGET_SMTPS, SMTPS_PORT, ret);
}

static enum fp_err read_lmtp(struct slice rest, struct target *ret)
{
    if (rest.n == 0 || rest.p[0] != '/')
        return read_host(rest, TARGET_LMTP, 0, ret);
    if (rest.n < 2 || rest.n > TARGET_SOCKET_PATH_MAX || has_control(rest))
        return FP_INVALID;
    *ret = (struct target){.kind = TARGET_LMTP_UNIX, .text = must_memdup(rest.p, rest.n)};
    return FP_OK;
}

static bool has_dot_dot(struct slice path)
{
    for (size_t i = 0; i + 2 < path.n; i++)
        if (memcmp(path.p + i, "/..", 3) == 0 && (i + 3 == path.n || path.p[i + 3] == '/'))
            return true;
    return false;
}

static enum fp_err read_maildir(struct slice rest, struct target *ret)
{
    if (rest.n < 2 || rest.n > PATH_TEXT_MAX || rest.p[0] != '/' || has_control(rest) ||
        has_dot_dot(rest))
        return FP_INVALID;
    while (rest.n > 2 && rest.p[rest.n - 1] == '/')
        rest.n--;
    *ret = (struct target){.kind = TARGET_MAILDIR, .text = must_memdup(rest.p, rest.n)};
    return FP_OK;
}

// The program itself is the configuration's alone.
static enum fp_err read_pipe(struct slice rest, struct target *ret)
{
    const char *blank = rest.n ? memchr(rest.p, ' ', rest.n) : NULL;
    size_t n = blank ? (size_t)(blank - rest.p) : rest.n;
    if (n < 2 || rest.n > PATH_TEXT_MAX || rest.p[0] != '/' || has_control(rest) ||
        memchr(rest.p, '{', n) || memchr(rest.p, '"', rest.n) || memchr(rest.p, '\'', rest.n))
        return FP_INVALID;
    *ret = (struct target){.kind = TARGET_PIPE, .text = must_memdup(rest.p, rest.n)};
    return FP_OK;
}

static size_t digits(struct slice text, size_t at)
{
    size_t n = 0;
    while (at + n < text.n && text.p[at + n] >= '0' && text.p[at + n] <= '9')
        n++;
    return n;
}

// The length of an enhanced status of class 4 or 5 at the beginning (RFC 3463 2); 0: there is none.
static size_t status_length(struct slice text)
{
    if (text.n < 2 || (text.p[0] != '4' && text.p[0] != '5') || text.p[1] != '.')
        return 0;
    size_t subject = digits(text, 2);
    if (subject < 1 || subject > 3 || 2 + subject >= text.n || text.p[2 + subject] != '.')
        return 0;
    size_t detail = digits(text, 3 + subject);
    return detail < 1 || detail > 3 ? 0 : 3 + subject + detail;
}

static enum fp_err read_error(struct slice rest, struct target *ret)
{
    size_t n = status_length(rest);
    if (n == 0 || n + 1 >= rest.n || rest.p[n] != ' ' || has_control(rest) ||
        rest.n > ERROR_TEXT_MAX)
        return FP_INVALID;
    *ret = (struct target){.kind = TARGET_ERROR, .text = must_memdup(rest.p, rest.n)};
    return FP_OK;
}

static enum fp_err read_discard(struct slice rest, struct target *ret)
{
    if (rest.n > 0)
        return FP_INVALID;
    *ret = (struct target){.kind = TARGET_DISCARD};
    return FP_OK;
}

// ---- what is wrong -------------------------------------------------------------------------

// The form that was meant by a scheme that is none: "lmpt://x".
static const struct form *nearest_form(struct slice text)
{
    const char *names[FORM_COUNT];
    char word[16];
    const char *colon = memchr(text.p, ':', text.n);
    size_t n = colon ? (size_t)(colon - text.p) + 1 : 0;
    if (n == 0 || n + 2 >= sizeof word)
        return NULL;
    bool has_slashes = text.n >= n + 2 && text.p[n] == '/' && text.p[n + 1] == '/';
    n += has_slashes ? 2 : 0;
    memcpy(word, text.p, n);
    word[n] = '\0';
    for (size_t i = 0; i < FORM_COUNT; i++)
        names[i] = forms[i].scheme;
    const char *nearest = text_nearest(word, names, FORM_COUNT);
    for (size_t i = 0; nearest && i < FORM_COUNT; i++)
        if (strcmp(nearest, forms[i].scheme) == 0)
            return &forms[i];
    return NULL;
}

static void add_all_forms(struct buf *why)
{
    for (size_t i = 0; i < FORM_COUNT; i++)
        buf_addf(why, "%s%s", i == 0 ? "" : i + 1 == FORM_COUNT ? " or " : ", ", forms[i].words);
}

static enum fp_err bad_target(struct slice text, const struct form *meant, struct buf *why)
{
    if (!why)
        return FP_INVALID;
    (void)buf_addf(why, "\"%.*s\" is no next hop: write ",
                   (int)(text.n < SHOWN_MAX ? text.n : SHOWN_MAX), text.p);
    if (meant)
        (void)buf_add_str(why, meant->words);
    else
        add_all_forms(why);
    return FP_INVALID;
}

static enum fp_err check_names(struct slice text, struct target *ret, struct buf *why)
{
    struct buf what;
    if (!target_takes_one(ret))
        return FP_OK;
    buf_init(&what, 4096);
    enum placeholder_use use = ret->kind == TARGET_PIPE ? PLACEHOLDER_WORD : PLACEHOLDER_PATH;
    enum fp_err err = placeholder_check(slice_str(ret->text), use, &what);
    if (err) {
        target_close(ret);
        if (why)
            (void)buf_addf(why, "\"%.*s\": %s", (int)(text.n < SHOWN_MAX ? text.n : SHOWN_MAX),
                           text.p, buf_slice(&what).p);
    }
    buf_close(&what);
    return err;
}

enum fp_err target_parse(struct slice text, struct target *ret, struct buf *why)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        struct slice scheme = slice_str(forms[i].scheme);
        if (!slice_starts_nocase(text, scheme))
            continue;
        if (forms[i].read(slice_from(text, scheme.n), ret))
            return bad_target(text, i == 0 ? NULL : &forms[i], why);
        ret->name = must_memdup(text.p, text.n);
        return check_names(text, ret, why);
    }
    return bad_target(text, nearest_form(text), why);
}
