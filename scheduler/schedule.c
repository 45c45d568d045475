// SPDX-License-Identifier: BSD-2-Clause
// schedule: a list of waits, "5m 15m 30m", and the wait that follows a failure. See rules.h.
#include "core/must.h"
#include "core/time.h"
#include "scheduler/rules.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice take_word(struct slice *text)
{
    size_t n = 0;
    while (n < text->n && !is_blank(text->p[n]))
        n++;
    struct slice word = slice_of(text->p, n);
    *text = slice_trim(slice_from(*text, n));
    return word;
}

enum fp_err schedule_parse(struct slice text, struct schedule *ret, struct slice *ret_bad)
{
    struct schedule s = {0};
    enum fp_err err = FP_OK;
    struct slice rest = slice_trim(text), word = rest;
    while (rest.n > 0 && !err) {
        int64_t wait_ms;
        word = take_word(&rest);
        if (time_parse_duration(word, &wait_ms) != FP_OK || wait_ms < TIME_SECOND_MS)
            err = FP_INVALID;
        else if (s.count == SCHEDULE_STEPS_MAX)
            err = FP_TOO_BIG;
        else
            s.waits_ms[s.count++] = wait_ms;
    }
    if (!err && s.count == 0)
        err = FP_INVALID;
    if (err)
        *ret_bad = word;
    else
        *ret = s;
    return err;
}

int64_t schedule_wait(const struct schedule *s, uint32_t failures)
{
    must(s->count > 0 && failures > 0);
    return s->waits_ms[failures < s->count ? failures - 1 : s->count - 1];
}
