// SPDX-License-Identifier: BSD-2-Clause
// text: what a stranger said, made harmless to show; patterns; the nearest word. See text.h.
#include "core/text.h"

#include "core/utf8.h"

// Characters that steer a terminal or the order in which a line is read.
static bool is_harmful(uint32_t c)
{
    bool is_control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    bool is_line_end = c == 0x2028 || c == 0x2029;
    bool is_bidi = c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                   (c >= 0x2066 && c <= 0x2069);
    return is_control || is_line_end || is_bidi;
}

static enum fp_err add_hex(struct slice bytes, struct buf *to)
{
    static const char digits[] = "0123456789abcdef";
    char hex[4 * 4]; // a character has four octets at most
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        memcpy(hex + 4 * i, (char[]){'\\', 'x', digits[c >> 4], digits[c & 15]}, 4);
    }
    return buf_add(to, hex, 4 * bytes.n);
}

struct escape_rule {
    const char *special;   // ASCII characters to be escaped beside the harmful ones
    bool is_ascii_only;    // what is beyond 7 bits is escaped too
    bool blanks_line_ends; // a line end becomes a blank and is not escaped
};

static bool is_one_of(char c, const char *few)
{
    while (*few && *few != c)
        few++;
    return *few != '\0';
}

// How many octets at the front of s are plain ASCII and none of `special`.
static size_t plain_size(struct slice s, const char *special)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f && !is_one_of(s.p[n], special))
        n++;
    return n;
}

// The next character, escaped where it must be; returns its octets. *ret_err when it does not fit.
static size_t add_char(struct slice s, const struct escape_rule *rule, struct buf *to,
                       enum fp_err *ret_err)
{
    uint32_t code = 0;
    size_t n = utf8_char_size(s, &code);
    if (n == 0) {
        *ret_err = add_hex(slice_of(s.p, 1), to);
        return 1;
    }
    bool is_bad = is_harmful(code) || (rule->is_ascii_only && code >= 0x80);
    bool is_special = code < 0x80 && code != 0 && strchr(rule->special, (int)code);
    if (is_bad || is_special)
        *ret_err = add_hex(slice_of(s.p, n), to);
    else
        *ret_err = buf_add(to, s.p, n);
    return n;
}

static size_t line_end_size(struct slice s)
{
    if (s.n >= 2 && s.p[0] == '\r' && s.p[1] == '\n')
        return 2;
    return s.n >= 1 && (s.p[0] == '\r' || s.p[0] == '\n') ? 1 : 0;
}

static void escape(struct slice s, struct escape_rule rule, struct buf *to)
{
    enum fp_err err = FP_OK;
    while (s.n > 0 && !err) {
        size_t n = plain_size(s, rule.special);
        size_t room = to->max - to->n;
        size_t end = rule.blanks_line_ends ? line_end_size(s) : 0;
        if (n > 0) {
            err = n > room ? FP_TOO_BIG : FP_OK;
            buf_add(to, s.p, n > room ? room : n);
        } else if (end > 0) {
            n = end;
            err = buf_add_byte(to, ' ');
        } else {
            n = add_char(s, &rule, to, &err);
        }
        s = slice_from(s, n);
    }
}

void text_escape(struct slice s, struct buf *to)
{
    escape(s, (struct escape_rule){.special = "", .blanks_line_ends = true}, to);
}

void text_escape_ascii(struct slice s, struct buf *to)
{
    struct escape_rule rule = {.special = "", .is_ascii_only = true, .blanks_line_ends = true};
    escape(s, rule, to);
}

// Where the quoted string that s begins with ends, behind its quote; 0 when it begins with none.
static size_t quoted_size(struct slice s)
{
    if (s.n == 0 || s.p[0] != '"')
        return 0;
    size_t n = 1;
    while (n < s.n && s.p[n] != '"')
        n += s.p[n] == '\\' ? 2 : 1;
    return n < s.n ? n + 1 : s.n;
}

void text_escape_address(struct slice s, struct buf *to)
{
    // '=' is an everyday character of an unquoted local part (VERP) and cannot forge a field there,
    // for no blank or comma can stand before it.
    size_t quoted = quoted_size(s);
    escape(slice_of(s.p, quoted), (struct escape_rule){.special = " ,<>="}, to);
    escape(slice_from(s, quoted), (struct escape_rule){.special = " ,<>"}, to);
}

static size_t word_size(struct slice s)
{
    size_t n = 0;
    while (n < s.n && !strchr(" \t\r\n<>()[],;:", s.p[n])) {
        size_t quoted = quoted_size(slice_from(s, n));
        n += quoted ? quoted : 1;
    }
    return n;
}

void text_hide_addresses(struct slice s, struct buf *to)
{
    while (s.n > 0) {
        size_t n = word_size(s);
        if (n > 0 && memchr(s.p, '@', n))
            buf_add_str(to, "...");
        else
            buf_add(to, s.p, n ? n : 1);
        s = slice_from(s, n ? n : 1);
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_match(struct slice pattern, struct slice s)
{
    // Only the last * seen needs to be taken up again: what an earlier one could match differently,
    // the later one can match as well.
    size_t p = 0, i = 0, star = SIZE_MAX, star_i = 0;
    while (i < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            star_i = i;
        } else if (p < pattern.n && lower(pattern.p[p]) == lower(s.p[i])) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// Levenshtein's distance, one row at a time; both words have WORD_MAX characters at most.
static size_t distance(const char *a, size_t an, const char *b, size_t bn)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= bn; j++)
        row[j] = j;
    for (size_t i = 1; i <= an; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= bn; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, changed);
        }
    }
    return row[bn];
}

const char *text_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t n = strlen(word), limit = n / 2 < 2 ? n / 2 : 2, best_distance = limit + 1;
    if (n > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t name_n = strlen(names[i]);
        if (name_n > WORD_MAX)
            continue;
        size_t d = distance(word, n, names[i], name_n);
        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}
