// SPDX-License-Identifier: BSD-2-Clause
// address: the addresses of a header field, one after the other. See address.h.
//
// RFC 5322 3.4 with the obsolete forms of its section 4.4. One pass over the text: each token takes
// what it is made of for good, comments nest by a counter, and nothing is looked at again. An
// element that is none is read to its end like any other and then reported, so that a comma within
// broken brackets cannot make an address of what was meant as something else.
#include "core/address.h"

#include "core/must.h"

enum { PART_MAX = 256 }; // octets of a local part or domain while it is put together

enum token_kind { TOKEN_END, TOKEN_ATOM, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_SPECIAL, TOKEN_BAD };

struct token {
    enum token_kind kind;
    char special;      // TOKEN_SPECIAL: one of . @ < > , ; :
    struct slice text; // as it stands; TOKEN_QUOTED and TOKEN_LITERAL with their marks
};

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

static bool is_atext(char c)
{
    return (c & 0x80) != 0 || (c > 32 && c < 127 && !strchr("()<>[]:;@\\,.\"", c));
}

static size_t atom_size(struct slice s)
{
    size_t n = 0;
    while (n < s.n && is_atext(s.p[n]))
        n++;
    return n;
}

static struct token next_token(struct slice *rest)
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

// An addr-spec that is being put together: word *("." word) ["@" domain].
enum spec_state {
    SPEC_EMPTY,
    SPEC_WORD,
    SPEC_DOT,
    SPEC_AT,
    SPEC_DOMAIN,
    SPEC_DOMAIN_DOT,
    SPEC_LITERAL,
    SPEC_BAD,
    SPEC_COUNT
};

struct spec {
    enum spec_state state;
    size_t local_n, domain_n;
    char local[PART_MAX]; // decoded, without quotes
    char domain[PART_MAX];
};

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
    if (is_control || *n == PART_MAX)
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
        if (!is_blank(text.p[i]) && !is_line_end(text.p[i]))
            ok = add_octet(part, n, text.p[i]);
    return ok;
}

static void spec_feed(struct spec *spec, const struct token *t)
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

static bool spec_is_complete(const struct spec *spec)
{
    return spec->state == SPEC_WORD || spec->state == SPEC_DOMAIN || spec->state == SPEC_LITERAL;
}

static bool is_dot_atom(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_inner_dot = p[i] == '.' && i > 0 && i + 1 < n && p[i - 1] != '.';
        if (!is_atext(p[i]) && !is_inner_dot)
            return false;
    }
    return n > 0;
}

static void spec_write(const struct spec *spec, struct buf *to)
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

void address_scan_init(struct address_scanner *s, struct slice list)
{
    *s = (struct address_scanner){.rest = list};
    buf_init(&s->current, 3 * PART_MAX + 3); // each octet of the local part behind a backslash
}

void address_scan_close(struct address_scanner *s)
{
    if (s)
        buf_close(&s->current);
}

enum place { PLACE_OPEN, PLACE_ANGLE, PLACE_ROUTE, PLACE_BEHIND };

// One element of the list while it is read.
struct element {
    enum place place;
    bool is_bad;
    bool is_first_in_angle;
    struct spec spec;
};

static void spec_restart(struct spec *spec)
{
    spec->state = SPEC_EMPTY;
    spec->local_n = spec->domain_n = 0;
}

static void on_open(struct element *e, const struct token *t)
{
    if (t->kind == TOKEN_SPECIAL && t->special == '<') {
        e->place = PLACE_ANGLE; // what was read so far was a display name
        e->is_first_in_angle = true;
        spec_restart(&e->spec);
    } else if (t->kind == TOKEN_SPECIAL && strchr(">;:", t->special)) {
        e->is_bad = true;
    } else {
        spec_feed(&e->spec, t);
    }
}

static void on_angle(struct element *e, const struct token *t)
{
    if (t->special == '>') {
        e->place = PLACE_BEHIND;
        e->is_bad |= !spec_is_complete(&e->spec);
    } else if (e->is_first_in_angle && (t->special == '@' || t->special == ',')) {
        e->place = PLACE_ROUTE;
    } else {
        spec_feed(&e->spec, t);
    }
    e->is_first_in_angle = false;
}

static void on_route(struct element *e, const struct token *t)
{
    if (t->special == ':') {
        e->place = PLACE_ANGLE;
    } else if (t->special == '>') {
        e->place = PLACE_BEHIND;
        e->is_bad = true;
    } else if (t->special == '<' || t->special == ';' || t->kind == TOKEN_QUOTED) {
        e->is_bad = true;
    }
}

static void element_feed(struct element *e, const struct token *t)
{
    if (t->kind == TOKEN_BAD)
        e->is_bad = true;
    switch (e->place) {
    case PLACE_OPEN:
        on_open(e, t);
        break;
    case PLACE_ANGLE:
        on_angle(e, t);
        break;
    case PLACE_ROUTE:
        on_route(e, t);
        break;
    case PLACE_BEHIND:
        e->is_bad = true;
        break;
    }
}

// Does t end the element? Commas and semicolons within angle brackets do not.
static bool is_end(const struct address_scanner *s, const struct element *e, const struct token *t)
{
    if (t->kind == TOKEN_END)
        return true;
    if (e->place == PLACE_ANGLE || e->place == PLACE_ROUTE)
        return false;
    return t->special == ',' || (t->special == ';' && s->in_group);
}

// Takes what stands between elements: commas and the end of a group. The next token, END included.
static struct token skip_separators(struct address_scanner *s)
{
    while (true) {
        struct token t = next_token(&s->rest);
        bool is_group_end = t.special == ';' && s->in_group;
        if (is_group_end)
            s->in_group = false;
        else if (t.special != ',')
            return t;
    }
}

enum fp_err address_scan_next(struct address_scanner *s, struct slice *ret_address)
{
    struct element e = {.place = PLACE_OPEN};
    struct token t = skip_separators(s);
    struct slice start = t.text;
    if (t.kind == TOKEN_END)
        return FP_NOT_FOUND;
    while (!is_end(s, &e, &t)) {
        bool has_name = t.text.p > start.p;
        if (t.special == ':' && e.place == PLACE_OPEN && !s->in_group && !e.is_bad && has_name) {
            s->in_group = true; // what was read was the name of a group
            spec_restart(&e.spec);
            t = skip_separators(s);
            start = t.text;
            if (t.kind == TOKEN_END)
                return FP_NOT_FOUND;
            continue;
        }
        element_feed(&e, &t);
        t = next_token(&s->rest);
    }
    if (t.special == ';')
        s->in_group = false;
    bool is_open = e.place == PLACE_ANGLE || e.place == PLACE_ROUTE;
    if (e.is_bad || is_open || !spec_is_complete(&e.spec)) {
        *ret_address = slice_trim(slice_of(start.p, (size_t)(t.text.p - start.p)));
        return FP_INVALID;
    }
    spec_write(&e.spec, &s->current);
    *ret_address = buf_slice(&s->current);
    return FP_OK;
}
