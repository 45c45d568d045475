// SPDX-License-Identifier: BSD-2-Clause
// unitext: see unitext.h.
#include "core/unitext.h"

#include "core/utf8.h"

// How many octets \x{HEX} takes at the front of s, 0 where it is none. RFC 6533 3: the number has
// no zero in front, and names no surrogate and nothing beyond U+10FFFF.
static size_t embedded_size(struct slice s, uint32_t *ret_code)
{
    uint32_t code = 0;
    size_t n = 3;
    if (s.n < 5 || memcmp(s.p, "\\x{", 3) != 0 || s.p[3] == '0')
        return 0;
    for (; n < s.n && n < 9 && s.p[n] != '}'; n++) {
        char c = s.p[n];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return 0;
        code = code << 4 | (uint32_t)digit;
    }
    bool is_character = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    if (n == 3 || n == s.n || s.p[n] != '}' || !is_character)
        return 0;
    *ret_code = code;
    return n + 1;
}

// The next character, embedded or not; 0 where there is none.
static size_t next(struct slice s, uint32_t *ret_code)
{
    if (s.n > 0 && s.p[0] == '\\')
        return embedded_size(s, ret_code);
    size_t n = utf8_char_size(s, ret_code);
    bool is_good = n > 0 && *ret_code > ' ' && *ret_code != '+' && *ret_code != '=' &&
                   (*ret_code < 0x7f || *ret_code > 0x9f);
    return is_good ? n : 0;
}

bool unitext_is_valid(struct slice text)
{
    uint32_t code;
    if (text.n == 0)
        return false;
    for (size_t n; text.n > 0; text = slice_from(text, n))
        if ((n = next(text, &code)) == 0)
            return false;
    return true;
}

void unitext_encode(struct slice text, struct buf *to)
{
    uint32_t code = 0;
    for (size_t n; text.n > 0 && (n = next(text, &code)) > 0; text = slice_from(text, n))
        if (code < 0x80)
            (void)buf_add(to, text.p, n);
        else
            (void)buf_addf(to, "\\x{%X}", code);
}

static void add_utf8(uint32_t code, struct buf *to)
{
    char text[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        text[i] = (char)(0x80 | (code & 0x3f));
    text[0] = (char)(n == 1 ? code : (0xf00 >> n & 0xff) | code);
    (void)buf_add(to, text, n);
}

void unitext_decode(struct slice text, struct buf *to)
{
    uint32_t code = 0;
    for (size_t n; text.n > 0 && (n = next(text, &code)) > 0; text = slice_from(text, n))
        add_utf8(code, to);
}

void unitext_write(struct slice address, bool is_ascii, struct buf *to)
{
    uint32_t code = 0;
    for (size_t n; address.n > 0; address = slice_from(address, n)) {
        n = utf8_char_size(address, &code);
        if (n == 0) { // no address has that
            n = 1;
            code = '?';
        }
        bool is_plain = code != '\\' && next(slice_of(address.p, n), &code) == n;
        if (is_plain && (code < 0x80 || !is_ascii))
            (void)buf_add(to, address.p, n);
        else
            (void)buf_addf(to, "\\x{%X}", code);
    }
}
