// SPDX-License-Identifier: BSD-2-Clause
// size: byte counts in text. See size.h.
#include "core/size.h"

static const char unit_names[] = "KMGT";

// Powers of 1024 that the letter stands for, or -1.
static int unit_power(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        letter = (char)(letter - 'a' + 'A');
    const char *at = letter ? strchr(unit_names, letter) : NULL;
    return at ? (int)(at - unit_names) + 1 : -1;
}

enum fp_err size_parse(struct slice text, int64_t *ret_bytes)
{
    int64_t value = 0;
    bool is_too_big = false;
    size_t at = 0;
    for (; at < text.n && text.p[at] >= '0' && text.p[at] <= '9'; at++) {
        is_too_big |= __builtin_mul_overflow(value, 10, &value);
        is_too_big |= __builtin_add_overflow(value, text.p[at] - '0', &value);
    }
    if (at == 0 || text.n - at > 1)
        return FP_INVALID;
    int power = at < text.n ? unit_power(text.p[at]) : 0;
    if (power < 0)
        return FP_INVALID;
    is_too_big |= __builtin_mul_overflow(value, INT64_C(1) << (10 * power), &value);
    if (is_too_big)
        return FP_TOO_BIG;
    *ret_bytes = value;
    return FP_OK;
}

void size_format(int64_t bytes, struct buf *to)
{
    int power = 0;
    while (power < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        power++;
    }
    buf_addf(to, "%lld", (long long)bytes);
    if (power > 0)
        buf_add_byte(to, unit_names[power - 1]);
}
