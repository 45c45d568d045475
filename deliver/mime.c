// SPDX-License-Identifier: BSD-2-Clause
// mime: see mime.h.
#include "deliver/mime.h"

// Blanks, folds and comments (RFC 5322 3.2.2) off the front.
static void skip_blanks(struct slice *s)
{
    int depth = 0;
    while (s->n > 0) {
        char c = s->p[0];
        if (depth > 0 && c == '\\')
            *s = slice_from(*s, 1);
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (depth == 0 && !memchr(" \t\r\n", c, 4))
            return;
        *s = slice_from(*s, 1);
    }
}

static bool take_char(struct slice *s, char c)
{
    skip_blanks(s);
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = slice_from(*s, 1);
    return true;
}

// Boundaries with "=" or "/" stand without quotes in much mail, so whatever separates nothing here
// is part of the word.
static struct slice take_word(struct slice *s, const char *ends)
{
    skip_blanks(s);
    size_t n = 0;
    while (n < s->n && (unsigned char)s->p[n] > ' ' && !strchr(ends, s->p[n]))
        n++;
    struct slice word = {s->p, n};
    *s = slice_from(*s, n);
    return word;
}

// False when it is too long. to: room for max and NUL.
static bool take_quoted(struct slice *s, char *to, size_t max)
{
    size_t n = 0;
    while (s->n > 0 && s->p[0] != '"') {
        if (s->p[0] == '\\' && s->n > 1)
            *s = slice_from(*s, 1);
        if (n == max)
            return false;
        to[n++] = s->p[0];
        *s = slice_from(*s, 1);
    }
    to[n] = '\0';
    *s = slice_from(*s, 1);
    return true;
}

static bool take_value(struct slice *s, char *to, size_t max)
{
    if (take_char(s, '"'))
        return take_quoted(s, to, max);
    struct slice word = take_word(s, ";\"(");
    if (word.n > max)
        return false;
    memcpy(to, word.p, word.n);
    to[word.n] = '\0';
    return true;
}

static void find_boundary(struct slice s, struct mime_type *ret)
{
    char value[MIME_BOUNDARY_MAX + 1];
    while (take_char(&s, ';')) {
        struct slice name = take_word(&s, "=;\"(");
        if (!take_char(&s, '='))
            continue;
        if (!take_value(&s, value, MIME_BOUNDARY_MAX))
            return;
        if (!slice_equal_nocase(name, SLICE_LIT("boundary")))
            continue;
        size_t n = strlen(value);
        while (n > 0 && value[n - 1] == ' ')
            n--;
        memcpy(ret->boundary, value, n);
        ret->boundary[n] = '\0';
        return;
    }
}

static bool is_any(struct slice word, const char *const *names)
{
    for (; *names; names++)
        if (slice_equal_nocase(word, slice_str(*names)))
            return true;
    return false;
}

// Of message/* only what RFC 6532 3.7 and RFC 6533 define may be encoded.
static enum mime_kind message_kind(struct slice subtype)
{
    static const char *const messages[] = {"rfc822", "news", NULL};
    if (is_any(subtype, messages))
        return MIME_MESSAGE;
    return slice_starts_nocase(subtype, SLICE_LIT("global")) ? MIME_DATA : MIME_SEALED;
}

void mime_type_parse(struct slice value, struct mime_type *ret)
{
    *ret = (struct mime_type){.kind = MIME_TEXT};
    struct slice type = take_word(&value, "/;(\"");
    if (!take_char(&value, '/'))
        return;
    struct slice subtype = take_word(&value, ";(\"");
    if (slice_equal_nocase(type, SLICE_LIT("multipart"))) {
        find_boundary(value, ret);
        ret->kind = ret->boundary[0] ? MIME_MULTIPART : MIME_SEALED;
        ret->is_digest = slice_equal_nocase(subtype, SLICE_LIT("digest"));
        ret->is_signed = slice_equal_nocase(subtype, SLICE_LIT("signed"));
    } else if (slice_equal_nocase(type, SLICE_LIT("message"))) {
        ret->kind = message_kind(subtype);
    } else if (!slice_equal_nocase(type, SLICE_LIT("text"))) {
        ret->kind = MIME_DATA;
    }
}

enum mime_encoding mime_encoding_parse(struct slice value)
{
    static const char *const seven[] = {"7bit", "", NULL};
    static const char *const eight[] = {"8bit", "binary", NULL};
    struct slice word = take_word(&value, ";(\"");
    return is_any(word, seven) ? MIME_7BIT : is_any(word, eight) ? MIME_8BIT : MIME_ENCODED;
}
