// SPDX-License-Identifier: BSD-2-Clause
// phrase: a person's name as it stands before an address in a header. See phrase.h.
#include "receive/phrase.h"

#include "core/utf8.h"

#include <stdbool.h>

enum {
    PHRASE_NAME_MAX = 256, // octets of a name; more of it is dropped
    // Octets in one encoded word: with "=?iso-8859-1?Q?", "?=" and three characters for each octet
    // it stays below the 75 characters of RFC 2047 2.
    ENCODED_MAX = 19,
};

static bool is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static bool is_all_atoms(struct slice s)
{
    bool has_mark = s.n >= 2 && memmem(s.p, s.n, "=?", 2); // would read as an encoded word
    for (size_t i = 0; i < s.n; i++)
        if (!is_atext(s.p[i]) && s.p[i] != ' ')
            return false;
    return !has_mark;
}

static void write_quoted(struct slice s, struct buf *to)
{
    buf_add_byte(to, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_add_byte(to, '\\');
        buf_add_byte(to, s.p[i]);
    }
    buf_add_byte(to, '"');
}

// RFC 2047 4.2 and 5 (3): the "Q" encoding as it may stand in a phrase.
static void write_q(struct slice s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == ' ')
            buf_add_byte(to, '_');
        else if (is_plain)
            buf_add_byte(to, c);
        else
            buf_addf(to, "=%02X", (unsigned char)c);
    }
}

static bool is_utf8(struct slice s)
{
    for (size_t n; s.n > 0; s = slice_from(s, n))
        if ((n = utf8_char_size(s, NULL)) == 0)
            return false;
    return true;
}

// A character is never cut in two (RFC 2047 5): the word ends before one that does not fit.
static size_t cut(struct slice s, size_t max, bool is_text)
{
    size_t n = s.n < max ? s.n : max;
    while (is_text && n < s.n && n > 1 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void write_encoded(struct slice s, struct buf *to)
{
    bool is_text = is_utf8(s);
    while (s.n > 0) {
        size_t n = cut(s, ENCODED_MAX, is_text);
        buf_add_str(to, is_text ? "=?utf-8?Q?" : "=?iso-8859-1?Q?");
        write_q(slice_of(s.p, n), to);
        buf_add_str(to, "?=");
        s = slice_from(s, n);
        if (s.n > 0)
            buf_add_str(to, "\r\n "); // white space between encoded words is not shown
    }
}

void phrase_write(struct slice name, struct buf *to)
{
    struct buf clean;
    buf_init(&clean, PHRASE_NAME_MAX);
    name.n = cut(name, PHRASE_NAME_MAX, is_utf8(name));
    for (size_t i = 0; i < name.n; i++)
        buf_add_byte(&clean, is_control(name.p[i]) ? ' ' : name.p[i]);
    struct slice s = slice_trim(buf_slice(&clean));
    if (!utf8_is_ascii(s))
        write_encoded(s, to);
    else if (is_all_atoms(s))
        buf_add_slice(to, s);
    else
        write_quoted(s, to);
    buf_close(&clean);
}
