// SPDX-License-Identifier: BSD-2-Clause
// hint: how long a reply's text asks to be left alone. See hint.h.
//
// The text is read word by word. A word of waiting arms the search for a few words; a duration that
// stands there is the hint. Regular expressions were rejected: the forms are few, and the text is a
// stranger's.
#include "scheduler/hint.h"

#include "core/time.h"

// So many words may stand between "try again" and the number: "try again later, after at least".
enum { ARMED_WORDS = 6, WORD_MAX = 64 };

struct reader {
    struct slice rest;
    struct slice word;
    struct slice gap;       // what parts it from the word before, or the text's beginning
    struct slice before[2]; // the words before it, the last one first; empty: none
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// A colon belongs to a clock only: "retry-after:300", but "00:05:00". "1.5 hours" and "1,000
// seconds" are not understood, but neither are they 5 hours and none.
static bool is_word_char(const char *p, const char *begin, const char *end)
{
    if (*p == ':' || *p == '.' || *p == ',')
        return p > begin && is_digit(p[-1]) && p + 1 < end && is_digit(p[1]);
    return is_letter(*p) || is_digit(*p);
}

// Letters, digits and what joins digits make words; all else parts them.
static bool next_word(struct reader *r)
{
    const char *p = r->rest.p, *end = p + r->rest.n, *begin;
    while (p < end && !is_word_char(p, r->rest.p, end))
        p++;
    begin = p;
    r->before[1] = r->before[0];
    r->before[0] = r->word;
    r->gap = slice_of(r->rest.p, (size_t)(begin - r->rest.p));
    while (p < end && is_word_char(p, r->rest.p, end))
        p++;
    r->word = slice_of(begin, (size_t)(p - begin));
    r->rest = slice_of(p, (size_t)(end - p));
    return r->word.n > 0;
}

static bool is_one_of(struct slice word, const char *const *words)
{
    for (; *words; words++)
        if (slice_equal_nocase(word, slice_str(*words)))
            return true;
    return false;
}

static bool speaks_of_waiting(struct slice word)
{
    static const char *const words[] = {"try",   "retry",    "retrying",  "again", "back",
                                        "wait",  "waiting",  "resend",    "delay", "delayed",
                                        "later", "resubmit", "reconnect", NULL};
    return is_one_of(word, words) || slice_starts_nocase(word, SLICE_LIT("greylist")) ||
           slice_starts_nocase(word, SLICE_LIT("graylist"));
}

// "at 10:15:00", "22 Nov 2026 10:15:00": no time to wait.
static bool is_time_of_day(const struct reader *r)
{
    static const char *const words[] = {"at", "until", "till", "on", NULL};
    struct slice before = r->before[0];
    bool is_year = before.n == 4 && slice_starts_nocase(before, SLICE_LIT("20")) &&
                   is_digit(before.p[2]) && is_digit(before.p[3]);
    return is_year || is_one_of(before, words);
}

// "-5 seconds": a sign, and no hyphen between two words.
static bool is_negative(struct slice gap)
{
    return gap.n > 1 && gap.p[gap.n - 1] == '-';
}

// Milliseconds of one unit; 0: it is none.
static int64_t unit_ms(struct slice word)
{
    static const struct {
        const char *names[6];
        int64_t ms;
    } units[] = {
        {{"s", "sec", "secs", "second", "seconds", NULL}, TIME_SECOND_MS},
        {{"m", "min", "mins", "minute", "minutes", NULL}, TIME_MINUTE_MS},
        {{"h", "hr", "hrs", "hour", "hours", NULL}, TIME_HOUR_MS},
        {{"d", "day", "days", NULL}, TIME_DAY_MS},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (is_one_of(word, units[i].names))
            return units[i].ms;
    return 0;
}

// Digits at the front; false when there are none or far too many.
static bool take_number(struct slice *word, int64_t *ret)
{
    int64_t n = 0;
    size_t i = 0;
    while (i < word->n && is_digit(word->p[i])) {
        n = n * 10 + (word->p[i++] - '0');
        if (n > HINT_SECONDS_MAX)
            return false;
    }
    *word = slice_from(*word, i);
    *ret = n;
    return i > 0;
}

// "00:05:00" is hours, minutes, seconds; "05:00" minutes and seconds, as greylisting programs
// count.
static bool parse_clock(struct slice word, int64_t *ret_ms)
{
    int64_t seconds = 0, part;
    int parts = 0;
    while (parts < 3 && take_number(&word, &part)) {
        if (parts > 0 && part >= 60)
            return false;
        seconds = seconds * 60 + part;
        parts++;
        if (word.n == 0)
            break;
        word = slice_from(word, 1); // the colon
    }
    *ret_ms = seconds * TIME_SECOND_MS;
    return parts >= 2 && word.n == 0;
}

// "300s", "4m30s": numbers with their units in one word.
static bool parse_joined(struct slice word, int64_t *ret_ms)
{
    int64_t total = 0, number;
    while (word.n > 0) {
        size_t letters = 0;
        if (!take_number(&word, &number))
            return false;
        while (letters < word.n && is_letter(word.p[letters]))
            letters++;
        int64_t unit = unit_ms(slice_of(word.p, letters));
        if (unit == 0)
            return false;
        total += number * unit;
        word = slice_from(word, letters);
    }
    *ret_ms = total;
    return true;
}

// "300 seconds", "4 minutes 30 seconds", "4 minutes and 30 seconds": from a number's word on.
static bool parse_apart(struct reader r, int64_t *ret_ms)
{
    int64_t total = 0, number;
    bool has_any = false;
    do {
        struct slice digits = r.word;
        if (!take_number(&digits, &number) || digits.n > 0 || !next_word(&r))
            break;
        int64_t unit = unit_ms(r.word);
        if (unit == 0)
            break;
        total += number * unit;
        has_any = true;
        if (next_word(&r) && slice_equal_nocase(r.word, SLICE_LIT("and")))
            next_word(&r);
    } while (r.word.n > 0);
    *ret_ms = total;
    return has_any;
}

static bool parse_wait(const struct reader *r, int64_t *ret_ms)
{
    struct slice word = r->word;
    if (word.n > WORD_MAX || !is_digit(word.p[0]) || is_negative(r->gap))
        return false;
    if (memchr(word.p, ':', word.n))
        return !is_time_of_day(r) && parse_clock(word, ret_ms);
    return parse_joined(word, ret_ms) || parse_apart(*r, ret_ms);
}

// Does the text speak on of this number? "5 attempts", "2026-11-22", "50%".
static bool says_of_what(struct slice rest)
{
    size_t i = 0;
    if (rest.n > 0 && strchr("-/:%+_", rest.p[0]))
        return true;
    while (i < rest.n && !is_letter(rest.p[i]) && !is_digit(rest.p[i]) && rest.p[i] != '(')
        i++;
    return i < rest.n && rest.p[i] != '(';
}

// "Retry-After: 120", as HTTP counts (RFC 9110 10.2.3), and "retry after 120" with nothing more to
// come: seconds.
static bool parse_bare(const struct reader *r, int64_t *ret_ms)
{
    struct slice word = r->word;
    bool is_field = r->gap.n > 0 && (r->gap.p[0] == ':' || r->gap.p[0] == '=');
    int64_t number;
    if (!slice_equal_nocase(r->before[0], SLICE_LIT("after")) ||
        !slice_equal_nocase(r->before[1], SLICE_LIT("retry")))
        return false;
    if (is_negative(r->gap) || !take_number(&word, &number) || word.n > 0)
        return false;
    if ((r->rest.n > 0 && r->rest.p[0] == '-') || (!is_field && says_of_what(r->rest)))
        return false;
    *ret_ms = number * TIME_SECOND_MS;
    return true;
}

bool hint_find(struct slice text, int64_t *ret_ms)
{
    struct reader r = {.rest = text};
    int armed = 0;
    while (next_word(&r)) {
        int64_t ms;
        if (speaks_of_waiting(r.word)) {
            armed = ARMED_WORDS;
        } else if (armed > 0 && (parse_wait(&r, &ms) || parse_bare(&r, &ms))) {
            if (ms < TIME_SECOND_MS || ms / TIME_SECOND_MS > HINT_SECONDS_MAX)
                return false;
            *ret_ms = ms;
            return true;
        } else if (armed > 0) {
            armed--;
        }
    }
    return false;
}
