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

// "1.5" as 1500; 1.001 to 100.
static bool parse_factor(struct slice text, uint32_t *ret_permille)
{
    uint32_t permille = 0, unit = 1000;
    bool in_fraction = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '.' && !in_fraction && i > 0 && i + 1 < text.n) {
            in_fraction = true;
            continue;
        }
        if (c < '0' || c > '9' || unit == 1 || permille > 1000000)
            return false;
        uint32_t digit = (uint32_t)(c - '0');
        if (in_fraction)
            unit /= 10;
        permille = in_fraction ? permille + digit * unit : permille * 10 + digit * 1000;
    }
    *ret_permille = permille;
    return text.n > 0 && permille > 1000 && permille <= 100000;
}

// "x1.5<=4h": from here on each wait is so many times the one before, up to a longest.
static enum fp_err parse_growth(struct slice word, struct schedule *s)
{
    const char *relation = memmem(word.p, word.n, "<=", 2);
    if (!relation || s->count == 0)
        return FP_INVALID;
    size_t n = (size_t)(relation - word.p);
    int64_t longest_ms;
    if (!parse_factor(slice_of(word.p + 1, n - 1), &s->growth_permille) ||
        time_parse_duration(slice_from(word, n + 2), &longest_ms) != FP_OK ||
        longest_ms < s->waits_ms[s->count - 1])
        return FP_INVALID;
    s->growth_max_ms = longest_ms;
    return FP_OK;
}

// "5m", or "5m*3" for three of them.
static enum fp_err parse_waits(struct slice word, struct schedule *s)
{
    uint32_t times = 1;
    const char *star = memchr(word.p, '*', word.n);
    struct slice wait = star ? slice_of(word.p, (size_t)(star - word.p)) : word;
    int64_t wait_ms;
    if (star) {
        times = 0;
        for (const char *c = star + 1; c < word.p + word.n; c++) {
            if (*c < '0' || *c > '9' || times > SCHEDULE_STEPS_MAX)
                return FP_INVALID;
            times = times * 10 + (uint32_t)(*c - '0');
        }
    }
    if (times == 0 || time_parse_duration(wait, &wait_ms) != FP_OK || wait_ms < TIME_SECOND_MS)
        return FP_INVALID;
    if (times > SCHEDULE_STEPS_MAX - s->count)
        return FP_TOO_BIG;
    while (times-- > 0)
        s->waits_ms[s->count++] = wait_ms;
    return FP_OK;
}

enum fp_err schedule_parse(struct slice text, struct schedule *ret, struct slice *ret_bad)
{
    struct schedule s = {0};
    enum fp_err err = FP_OK;
    struct slice rest = slice_trim(text), word = rest;
    while (rest.n > 0 && !err) {
        word = take_word(&rest);
        if (s.growth_permille > 0)
            err = FP_INVALID; // nothing can follow what never ends
        else
            err = word.p[0] == 'x' ? parse_growth(word, &s) : parse_waits(word, &s);
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
    if (failures <= s->count)
        return s->waits_ms[failures - 1];
    int64_t wait_ms = s->waits_ms[s->count - 1];
    if (s->growth_permille == 0)
        return wait_ms;
    for (uint32_t i = s->count; i < failures && wait_ms < s->growth_max_ms; i++)
        wait_ms = wait_ms / 1000 * s->growth_permille + wait_ms % 1000 * s->growth_permille / 1000;
    return wait_ms < s->growth_max_ms ? wait_ms : s->growth_max_ms;
}
