// SPDX-License-Identifier: BSD-2-Clause
// address_token: the tokens of a header's address list. See address_token.h.
#include "core/address_token.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// Length of the line end at the front of s that a blank follows (folding, RFC 5322 2.2.3), else 0.
static size_t fold_size(struct slice s)
{
    size_t n = s.n > 0 && s.p[0] == '\r' ? 1 : 0;
    if (n + 1 < s.n && s.p[n] == '\n' && is_blank(s.p[n + 1]))
        return n + 1;
    return 0;
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

// Length of what begins with `open` and ends with `close`: quoted string, literal, or comment,
// which nests. The whole rest when it is not closed; *ret_ok then is false, as for a line end that
// folds nothing.
static size_t enclosed_size(struct slice s, char open, char close, bool *ret_ok)
{
    size_t depth = 1, at = 1;
    *ret_ok = true;
    while (at < s.n && depth > 0) {
        char c = s.p[at];
        size_t n = 1;
        if (c == close)
            depth--;
        else if (c == open)
            depth++;
        else if (c == '\\')
            n = 2;
        else if (is_line_end(c) && (n = fold_size(slice_from(s, at))) == 0)
            *ret_ok = false, n = 1;
        at += n;
    }
    *ret_ok &= depth == 0 && at <= s.n;
    return at < s.n ? at : s.n;
}

// Takes blanks, folding and comments off *rest. False when a comment is broken; it is taken too.
static bool skip_blanks(struct slice *rest)
{
    bool ok = true;
    while (ok && rest->n > 0) {
        size_t n = 0;
        if (rest->p[0] == '(')
            n = enclosed_size(*rest, '(', ')', &ok);
        else if (is_blank(rest->p[0]))
            n = 1;
        else
            n = fold_size(*rest);
        if (n == 0)
            break;
        *rest = slice_from(*rest, n);
    }
    return ok;
}

bool address_token_is_atext(char c)
{
    return (c & 0x80) != 0 || (c > 32 && c < 127 && !strchr("()<>[]:;@\\,.\"", c));
}

static size_t atom_size(struct slice s)
{
    size_t n = 0;
    while (n < s.n && address_token_is_atext(s.p[n]))
        n++;
    return n;
}

struct token address_token_next(struct slice *rest)
{
    struct token t = {.kind = TOKEN_BAD, .text = *rest};
    bool ok = skip_blanks(rest);
    size_t n = 0;
    if (!ok) {
        t.text.n -= rest->n;
        return t;
    }
    t.text = *rest;
    char c = rest->n > 0 ? rest->p[0] : '\0';
    if (rest->n == 0) {
        t.kind = TOKEN_END;
    } else if (c == '"') {
        n = enclosed_size(*rest, '"', '"', &ok);
        t.kind = ok ? TOKEN_QUOTED : TOKEN_BAD;
    } else if (c == '[') {
        n = enclosed_size(*rest, '[', ']', &ok);
        t.kind = ok ? TOKEN_LITERAL : TOKEN_BAD;
    } else if (c != '\0' && strchr(".@<>,;:", c)) {
        n = 1;
        t.kind = TOKEN_SPECIAL;
        t.special = c;
    } else {
        n = atom_size(*rest);
        t.kind = n > 0 ? TOKEN_ATOM : TOKEN_BAD;
        n += n > 0 ? 0 : 1;
    }
    t.text.n = n;
    *rest = slice_from(*rest, n);
    return t;
}
