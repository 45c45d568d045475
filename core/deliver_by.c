// SPDX-License-Identifier: BSD-2-Clause
// deliver_by: see deliver_by.h.
#include "core/deliver_by.h"

enum { SECONDS_DIGITS = 9 };

static bool take_seconds(struct slice *rest, int64_t *ret)
{
    bool is_negative = rest->n > 0 && rest->p[0] == '-';
    if (rest->n > 0 && (is_negative || rest->p[0] == '+'))
        *rest = slice_from(*rest, 1);
    int64_t n = 0;
    size_t digits = 0;
    for (; digits < rest->n && rest->p[digits] >= '0' && rest->p[digits] <= '9'; digits++)
        if (digits < SECONDS_DIGITS)
            n = n * 10 + (rest->p[digits] - '0');
    *rest = slice_from(*rest, digits);
    *ret = is_negative ? -n : n;
    return digits > 0 && digits <= SECONDS_DIGITS;
}

bool deliver_by_parse(struct slice value, struct deliver_by *ret)
{
    struct deliver_by by = {0};
    if (!take_seconds(&value, &by.seconds))
        return false;
    by.is_return = slice_starts_nocase(value, SLICE_LIT(";R"));
    if (!by.is_return && !slice_starts_nocase(value, SLICE_LIT(";N")))
        return false;
    value = slice_from(value, 2);
    by.is_traced = slice_equal_nocase(value, SLICE_LIT("T"));
    if ((value.n > 0 && !by.is_traced) || (by.is_return && by.seconds <= 0))
        return false;
    *ret = by;
    return true;
}

void deliver_by_add(const struct deliver_by *by, struct buf *to)
{
    static const int64_t most = 999999999;
    int64_t n = by->seconds < 0 ? -by->seconds : by->seconds;
    (void)buf_add_str(to, by->seconds < 0 ? "-" : "");
    (void)buf_add_number(to, (uint64_t)(n < most ? n : most));
    (void)buf_add_all(to, by->is_return ? ";R" : ";N", by->is_traced ? "T" : "");
}
