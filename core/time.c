// SPDX-License-Identifier: BSD-2-Clause
// time: reading and writing lengths of time and moments. See time.h.
//
// Calendar arithmetic is done here and not by gmtime, which touches the time zone's state.
#include "core/time.h"

struct unit {
    const char *name;
    int64_t ms;
};

// From large to small; a longer name stands before the shorter one that begins it.
static const struct unit units[] = {
    {"w", 7 * TIME_DAY_MS}, {"d", TIME_DAY_MS},    {"h", TIME_HOUR_MS}, {"ms", 1},
    {"m", TIME_MINUTE_MS},  {"s", TIME_SECOND_MS},
};
enum { UNIT_COUNT = sizeof units / sizeof units[0] };

// Takes a number off *text. Sticks at beyond what any duration may have.
static bool take_number(struct slice *text, int64_t *ret)
{
    int64_t value = 0;
    size_t n = 0;
    for (; n < text->n && text->p[n] >= '0' && text->p[n] <= '9'; n++)
        if (value <= TIME_DURATION_MAX_MS)
            value = value * 10 + (text->p[n] - '0');
    *text = slice_from(*text, n);
    *ret = value;
    return n > 0;
}

static const struct unit *take_unit(struct slice *text)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        struct slice name = slice_str(units[i].name);
        if (text->n >= name.n && memcmp(text->p, name.p, name.n) == 0) {
            *text = slice_from(*text, name.n);
            return &units[i];
        }
    }
    return NULL;
}

enum fp_err time_parse_duration(struct slice text, int64_t *ret_ms)
{
    int64_t sum = 0, last_unit = INT64_MAX;
    bool is_too_big = false;
    if (slice_equal(text, SLICE_LIT("0"))) {
        *ret_ms = 0;
        return FP_OK;
    }
    if (text.n == 0)
        return FP_INVALID;
    while (text.n > 0) {
        int64_t number;
        if (!take_number(&text, &number))
            return FP_INVALID;
        const struct unit *unit = take_unit(&text);
        if (!unit || unit->ms >= last_unit) // "30m1h" is more likely a slip than meant
            return FP_INVALID;
        last_unit = unit->ms;
        if (number > (TIME_DURATION_MAX_MS - sum) / unit->ms)
            is_too_big = true;
        else
            sum += number * unit->ms;
    }
    if (is_too_big)
        return FP_TOO_BIG;
    *ret_ms = sum;
    return FP_OK;
}

// At most `parts` neighbouring units, from the largest one that is not zero; rough: none below
// seconds.
static void add_parts(uint64_t ms, int parts, bool is_rough, struct buf *to)
{
    static const struct unit steps[] = {
        {"d", TIME_DAY_MS},    {"h", TIME_HOUR_MS}, {"m", TIME_MINUTE_MS},
        {"s", TIME_SECOND_MS}, {"ms", 1},
    };
    size_t count = sizeof steps / sizeof steps[0] - (is_rough ? 1 : 0);
    bool has_any = false;
    for (size_t i = 0; i < count && parts > 0; i++) {
        uint64_t n = ms / (uint64_t)steps[i].ms;
        ms %= (uint64_t)steps[i].ms;
        if (n > 0) { // without printf, as listings write two of them for each message
            buf_add_number(to, n);
            buf_add_str(to, steps[i].name);
        }
        has_any |= n > 0;
        parts -= has_any ? 1 : 0;
    }
    if (!has_any)
        buf_add_str(to, "0s");
}

void time_format_duration(int64_t ms, struct buf *to)
{
    if (ms < 0)
        buf_add_str(to, "-");
    uint64_t length = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    add_parts(length, 5, false, to);
}

void time_format_rough(int64_t ms, struct buf *to)
{
    add_parts(ms < 0 ? 0 : (uint64_t)ms, 2, true, to);
}

struct civil {
    int year, month, day; // 1 to 12, 1 to 31
    int hour, minute, second;
    int weekday; // 0 is Sunday
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

// Proleptic Gregorian calendar. Years are counted from March, so that the leap day is a year's last
// and month lengths follow one formula. Moments outside of the years 0 to 9999, which no format
// here can write, are moved to their edge.
static struct civil civil_of(int64_t ms, int utc_offset_s)
{
    const int64_t first_s = -62167219200, last_s = 253402300799;
    int64_t s = floor_div(ms, 1000) + utc_offset_s;
    s = s < first_s ? first_s : s > last_s ? last_s : s;
    int64_t days = floor_div(s, 86400);
    int in_day = (int)(s - days * 86400);
    int64_t z = days + 719468; // since 1 March of the year 0
    int64_t era = floor_div(z, 146097);
    int day_of_era = (int)(z - era * 146097);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * day_of_year + 2) / 153; // 0 is March
    struct civil c = {
        .year = (int)(era * 400) + year_of_era + (month >= 10 ? 1 : 0),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
        .hour = in_day / 3600,
        .minute = in_day / 60 % 60,
        .second = in_day % 60,
        .weekday = (int)(((days + 4) % 7 + 7) % 7), // day 0 was a Thursday
    };
    return c;
}

static const char *day_name(const struct civil *c)
{
    static const char names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    return names[c->weekday];
}

static const char *month_name(const struct civil *c)
{
    static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return names[c->month - 1];
}

// Every message is dated, and a listing writes a time for each of a million, so these are not left
// to snprintf, which takes 0.2 us for one. They write what is known to fit.
static char *put_two(char *to, int n)
{
    unsigned two = (unsigned)n % 100; // unsigned keeps the compiler from fearing signs
    to[0] = (char)('0' + two / 10);
    to[1] = (char)('0' + two % 10);
    return to + 2;
}

static char *put_year(char *to, const struct civil *c)
{
    return put_two(put_two(to, c->year / 100), c->year);
}

static char *put_text(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return to + n;
}

static char *put_clock(char *to, const struct civil *c)
{
    to = put_two(to, c->hour);
    *to++ = ':';
    to = put_two(to, c->minute);
    *to++ = ':';
    return put_two(to, c->second);
}

void time_format_rfc5322(int64_t ms, int utc_offset_s, char text[TIME_TEXT_SIZE])
{
    // A zone is written in whole minutes, so the clock beside it is that of the whole minutes too.
    int offset_min = utc_offset_s / 60;
    int size = offset_min < 0 ? -offset_min : offset_min;
    struct civil c = civil_of(ms, offset_min * 60);
    char *to = put_text(text, day_name(&c), 3);
    to = put_text(to, ", ", 2);
    if (c.day >= 10)
        *to++ = (char)('0' + c.day / 10);
    *to++ = (char)('0' + c.day % 10);
    *to++ = ' ';
    to = put_text(to, month_name(&c), 3);
    *to++ = ' ';
    to = put_year(to, &c);
    *to++ = ' ';
    to = put_clock(to, &c);
    to = put_text(to, offset_min < 0 ? " -" : " +", 2);
    to = put_two(put_two(to, size / 60), size % 60);
    *to = '\0';
}

void time_format_iso(int64_t ms, char text[TIME_TEXT_SIZE])
{
    struct civil c = civil_of(ms, 0);
    char *to = put_year(text, &c);
    *to++ = '-';
    to = put_two(to, c.month);
    *to++ = '-';
    to = put_two(to, c.day);
    *to++ = 'T';
    to = put_clock(to, &c);
    put_text(to, "Z", 2);
}

void time_format_asctime(int64_t ms, int utc_offset_s, char text[TIME_TEXT_SIZE])
{
    struct civil c = civil_of(ms, utc_offset_s);
    char *to = put_text(text, day_name(&c), 3);
    *to++ = ' ';
    to = put_text(to, month_name(&c), 3);
    *to++ = ' ';
    to = put_two(to, c.day);
    if (c.day < 10)
        to[-2] = ' ';
    *to++ = ' ';
    to = put_clock(to, &c);
    *to = '\0';
}

int64_t time_steady_now(struct time_steady *t, int64_t wall_ms, int64_t monotonic_ms)
{
    int64_t passed_ms = monotonic_ms - t->monotonic_ms;
    t->now_ms += passed_ms;
    t->monotonic_ms = monotonic_ms;
    if (wall_ms >= t->now_ms) {
        t->now_ms = wall_ms;
        return wall_ms;
    }
    int64_t behind_ms = t->now_ms - wall_ms, less_ms = (t->eighths + passed_ms) / 8;
    t->eighths = (t->eighths + passed_ms) % 8;
    t->now_ms -= less_ms < behind_ms ? less_ms : behind_ms;
    return t->now_ms;
}
