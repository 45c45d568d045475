// SPDX-License-Identifier: BSD-2-Clause
// utf8: one character of UTF-8 at a time. See utf8.h.
#include "core/utf8.h"

// Length by lead byte, and the smallest code point that may be written at that length.
static size_t lead_size(unsigned char lead, uint32_t *ret_least)
{
    if (lead < 0x80)
        return *ret_least = 0, 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return *ret_least = 0x80, 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return *ret_least = 0x800, 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return *ret_least = 0x10000, 4;
    return 0;
}

size_t utf8_char_size(struct slice s, uint32_t *ret_code)
{
    if (s.n == 0)
        return 0;
    unsigned char lead = (unsigned char)s.p[0];
    uint32_t least = 0;
    size_t size = lead_size(lead, &least);
    if (size == 0 || size > s.n)
        return 0;
    uint32_t code = size == 1 ? lead : lead & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        unsigned char next = (unsigned char)s.p[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3fu);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < least || code > 0x10ffff || is_surrogate)
        return 0;
    if (ret_code)
        *ret_code = code;
    return size;
}

bool utf8_is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

bool utf8_is_valid(struct slice s)
{
    for (size_t n; s.n > 0; s = slice_from(s, n))
        if ((n = utf8_char_size(s, NULL)) == 0)
            return false;
    return true;
}
