// SPDX-License-Identifier: BSD-2-Clause
// address_spec: one addr-spec that is put together token by token. See address_spec.h.
#include "core/address_spec.h"

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

void spec_reset(struct spec *spec)
{
    spec->state = SPEC_EMPTY;
    spec->local_n = spec->domain_n = 0;
}

static enum spec_state spec_after(enum spec_state state, const struct token *t)
{
    enum { WORD, QUOTED, LITERAL, DOT, AT, OTHER, INPUTS };
    static const enum spec_state moves[SPEC_COUNT][INPUTS] = {
        [SPEC_EMPTY] = {[WORD] = SPEC_WORD, [QUOTED] = SPEC_WORD},
        [SPEC_WORD] = {[DOT] = SPEC_DOT, [AT] = SPEC_AT},
        [SPEC_DOT] = {[WORD] = SPEC_WORD, [QUOTED] = SPEC_WORD},
        [SPEC_AT] = {[WORD] = SPEC_DOMAIN, [LITERAL] = SPEC_LITERAL},
        [SPEC_DOMAIN] = {[DOT] = SPEC_DOMAIN_DOT},
        [SPEC_DOMAIN_DOT] = {[WORD] = SPEC_DOMAIN},
    };
    int input = OTHER;
    if (t->kind == TOKEN_ATOM)
        input = WORD;
    else if (t->kind == TOKEN_QUOTED)
        input = QUOTED;
    else if (t->kind == TOKEN_LITERAL)
        input = LITERAL;
    else if (t->special == '.')
        input = DOT;
    else if (t->special == '@')
        input = AT;
    enum spec_state next = moves[state][input];
    return next == SPEC_EMPTY ? SPEC_BAD : next; // nothing leads back to empty: a hole in the table
}

static bool add_octet(char *part, size_t *n, char c)
{
    bool is_control = (c >= 0 && c < 32 && c != '\t') || c == 127;
    if (is_control || *n == SPEC_PART_MAX)
        return false;
    part[(*n)++] = c;
    return true;
}

// The content of a quoted string: without its quotes, backslashes and folding.
static bool add_quoted(struct spec *spec, struct slice text)
{
    bool ok = true;
    for (size_t i = 1; ok && i + 1 < text.n; i++) {
        bool is_pair = text.p[i] == '\\';
        i += is_pair ? 1 : 0;
        if (is_pair || !is_line_end(text.p[i]))
            ok = add_octet(spec->local, &spec->local_n, text.p[i]);
    }
    return ok;
}

static bool add_text(char *part, size_t *n, struct slice text)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.n; i++)
        if (!is_white(text.p[i]))
            ok = add_octet(part, n, text.p[i]);
    return ok;
}

void spec_feed(struct spec *spec, const struct token *t)
{
    enum spec_state next = spec_after(spec->state, t);
    bool ok = true;
    if (t->kind == TOKEN_QUOTED && next == SPEC_WORD)
        ok = add_quoted(spec, t->text);
    else if (next == SPEC_WORD || next == SPEC_DOT)
        ok = add_text(spec->local, &spec->local_n, t->text);
    else if (next == SPEC_DOMAIN || next == SPEC_DOMAIN_DOT || next == SPEC_LITERAL)
        ok = add_text(spec->domain, &spec->domain_n, t->text);
    spec->state = ok ? next : SPEC_BAD;
}

bool spec_is_complete(const struct spec *spec)
{
    return spec->state == SPEC_WORD || spec->state == SPEC_DOMAIN || spec->state == SPEC_LITERAL;
}

static bool is_dot_atom(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_inner_dot = p[i] == '.' && i > 0 && i + 1 < n && p[i - 1] != '.';
        if (!address_token_is_atext(p[i]) && !is_inner_dot)
            return false;
    }
    return n > 0;
}

void spec_write(const struct spec *spec, struct buf *to)
{
    buf_reset(to);
    bool is_plain = is_dot_atom(spec->local, spec->local_n);
    if (is_plain) {
        buf_add(to, spec->local, spec->local_n);
    } else {
        buf_add_byte(to, '"');
        for (size_t i = 0; i < spec->local_n; i++) {
            if (spec->local[i] == '"' || spec->local[i] == '\\')
                buf_add_byte(to, '\\');
            buf_add_byte(to, spec->local[i]);
        }
        buf_add_byte(to, '"');
    }
    if (spec->domain_n > 0) {
        buf_add_byte(to, '@');
        buf_add(to, spec->domain, spec->domain_n);
    }
}
