// SPDX-License-Identifier: BSD-2-Clause
// utf8: one character of UTF-8 at a time. RFC 3629.
#ifndef FP_CORE_UTF8_H
#define FP_CORE_UTF8_H

#include "core/slice.h"

#include <stdint.h>

// How many bytes (1 to 4) the first character of s takes, or 0 when s is empty or does not begin
// with well-formed UTF-8: overlong forms, surrogates and what lies beyond U+10FFFF are not.
// ret_code may be NULL.
size_t utf8_char_size(struct slice s, uint32_t *ret_code);

bool utf8_is_ascii(struct slice s); // no octet above 127
bool utf8_is_valid(struct slice s); // well-formed from end to end; the empty slice is

#endif
