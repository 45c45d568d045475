// SPDX-License-Identifier: BSD-2-Clause
// glance: passes over a configuration and keeps two values. See config_glance.h.
//
// Grammar (libconfig): settings are NAME = VALUE or NAME : VALUE, parted by blanks, ";" or ",". A
// value is a string, a word (number, truth value) or something in brackets. Comments are those of
// shell, C and C++.
#include "config/glance.h"

#include "config/config.h"
#include "core/hostname.h"
#include "core/must.h"

enum { SCAN_PLAIN, SCAN_STRING, SCAN_COMMENT };
enum { NAME, ASSIGNMENT, VALUE, SEPARATOR }; // a name may stand in place of the separator

void config_glance_init(struct config_glance *g, const char *const *names)
{
    g->hostname[0] = g->socket[0] = '\0'; // clearing all of both would be half of the work
    g->names = names;
    g->seen = 0;
    g->scan = SCAN_PLAIN;
    g->expects = NAME;
    g->depth = 0;
    g->wanted = NULL;
    g->n = 0;
}

bool config_glance_is_plain(const struct config_glance *g)
{
    return g->scan == SCAN_PLAIN;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_word(char c)
{
    return is_name(c) || c == '.' || c == '+' || c == '-';
}

// The bit of a setting; 0 when there is none of that name.
static uint64_t bit_of(const struct config_glance *g, struct slice name)
{
    for (uint32_t i = 0; g->names[i]; i++) {
        const char *known = g->names[i];
        if (strncmp(known, name.p, name.n) == 0 && (!known[name.n] || known[name.n] == '.'))
            return must(i < 64), UINT64_C(1) << i;
    }
    return 0;
}

// False for a name that is not known, or was there before.
static bool take_name(struct config_glance *g, struct slice name)
{
    uint64_t bit = bit_of(g, name);
    bool is_new = bit && !(g->seen & bit);
    g->seen |= bit;
    g->wanted = slice_equal(name, SLICE_LIT("hostname")) ? g->hostname
                : slice_equal(name, SLICE_LIT("socket")) ? g->socket
                                                         : NULL;
    g->n = 0;
    return is_new;
}

// A word of the outermost level; how much of the line it is, 0 where none may stand.
static size_t take_word(struct config_glance *g, struct slice line)
{
    bool is_value = g->expects == VALUE;
    size_t n = 0;
    while (n < line.n && (is_value ? is_word(line.p[n]) : is_name(line.p[n])))
        n++;
    if (g->expects == ASSIGNMENT || (is_value && g->wanted))
        return 0;
    if (!is_value && !take_name(g, slice_of(line.p, n)))
        return 0;
    g->expects = is_value ? SEPARATOR : ASSIGNMENT;
    return n;
}

static bool is_good(const struct config_glance *g)
{
    struct slice value = slice_of(g->wanted, g->n);
    if (g->wanted == g->hostname)
        return hostname_is_valid(value);
    return value.p[0] == '/' && value.n <= CONFIG_SOCKET_PATH_MAX;
}

// Up to the string's end, which may stand in another line.
static size_t pass_string(struct config_glance *g, struct slice line)
{
    size_t at = 0;
    while (at < line.n && line.p[at] != '"')
        at += line.p[at] == '\\' ? 2 : 1;
    if (at < line.n)
        g->scan = SCAN_PLAIN;
    return at < line.n ? at + 1 : line.n;
}

// A wanted string stands in one line and as it is meant; 0 otherwise.
static size_t take_string(struct config_glance *g, struct slice line)
{
    const char *end = line.n > 0 ? memchr(line.p, '"', line.n) : NULL;
    g->n = end ? (size_t)(end - line.p) : 0;
    if (g->n == 0 || g->n > CONFIG_GLANCE_VALUE_MAX || memchr(line.p, '\\', g->n))
        return 0;
    memcpy(g->wanted, line.p, g->n);
    g->wanted[g->n] = '\0';
    return is_good(g) ? g->n + 1 : 0;
}

static size_t pass_comment(struct config_glance *g, struct slice line)
{
    const char *end = line.n > 1 ? memmem(line.p, line.n, "*/", 2) : NULL;
    if (end)
        g->scan = SCAN_PLAIN;
    return end ? (size_t)(end - line.p) + 2 : line.n;
}

// What only the outermost level has; 0 where it may not stand.
static size_t take_outermost(struct config_glance *g, struct slice line)
{
    switch (line.p[0]) {
    case '=':
    case ':':
        if (g->expects != ASSIGNMENT)
            return 0;
        g->expects = VALUE;
        return 1;
    case ';':
    case ',':
        if (g->expects != SEPARATOR)
            return 0;
        g->expects = NAME;
        return 1;
    default:
        return take_word(g, line);
    }
}

static size_t open_string(struct config_glance *g, struct slice line)
{
    if (g->depth == 0 && g->expects != VALUE)
        return 0;
    if (g->depth == 0)
        g->expects = SEPARATOR;
    if (g->depth == 0 && g->wanted) {
        size_t n = take_string(g, slice_from(line, 1));
        return n ? n + 1 : 0;
    }
    g->scan = SCAN_STRING;
    return 1;
}

static size_t open_bracket(struct config_glance *g)
{
    if (g->depth == 0 && (g->expects != VALUE || g->wanted))
        return 0;
    g->depth++;
    g->expects = SEPARATOR;
    return 1;
}

static size_t close_bracket(struct config_glance *g)
{
    return g->depth > 0 ? (g->depth--, 1) : 0;
}

// What is in brackets counts only where it may end them.
static size_t pass_content(struct slice line)
{
    static const bool marks[256] = {
        ['"'] = true, ['#'] = true, ['/'] = true, ['{'] = true, ['('] = true,
        ['['] = true, ['}'] = true, [')'] = true, [']'] = true};
    size_t n = 1;
    while (n < line.n && !marks[(unsigned char)line.p[n]])
        n++;
    return n;
}

// At least one octet of plain text; 0 when it is not sure.
static size_t step(struct config_glance *g, struct slice line)
{
    switch (line.p[0]) {
    case ' ':
    case '\t':
    case '\r':
    case '\f':
        return 1;
    case '#':
        return line.n;
    case '/':
        if (line.n > 1 && line.p[1] == '/')
            return line.n;
        if (line.n > 1 && line.p[1] == '*')
            return g->scan = SCAN_COMMENT, 2;
        return 0;
    case '"':
        return open_string(g, line);
    case '{':
    case '(':
    case '[':
        return open_bracket(g);
    case '}':
    case ')':
    case ']':
        return close_bracket(g);
    default:
        return g->depth > 0 ? pass_content(line) : take_outermost(g, line);
    }
}

bool config_glance_line(struct config_glance *g, struct slice line)
{
    while (line.n > 0) {
        size_t n = g->scan == SCAN_STRING    ? pass_string(g, line)
                   : g->scan == SCAN_COMMENT ? pass_comment(g, line)
                                             : step(g, line);
        if (n == 0)
            return false;
        line = slice_from(line, n);
    }
    return true;
}

bool config_glance_end(const struct config_glance *g)
{
    return g->depth == 0 && g->scan == SCAN_PLAIN &&
           (g->expects == NAME || g->expects == SEPARATOR);
}
