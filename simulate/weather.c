// SPDX-License-Identifier: BSD-2-Clause
// weather: what is wrong with which hosts, and when. See weather.h.
#include "simulate/weather.h"

#include "core/must.h"
#include "core/text.h"
#include "core/time.h"

#include <stdlib.h>

static const char *const names[WEATHER_COUNT] = {
    [WEATHER_DOWN] = "down",     [WEATHER_BUSY] = "busy",     [WEATHER_GREYLIST] = "greylist",
    [WEATHER_FULL] = "full",     [WEATHER_REJECT] = "reject", [WEATHER_SLOW] = "slow",
    [WEATHER_REFUSE] = "refuse",
};

const char *weather_name(enum weather_kind kind)
{
    return names[kind];
}

static enum fp_err refuse(enum weather_kind kind, const char *text, struct buf *why)
{
    buf_addf(why, "--%s \"", names[kind]);
    text_escape(slice_str(text), why);
    buf_add_str(
        why,
        "\": write NAME=DURATION or NAME=DURATION@START, such as example.com=6h or "
        "example.com=6h@30m; NAME is a domain, a host (or HOST:PORT) or another next hop of the "
        "configuration, or *");
    return FP_INVALID;
}

enum fp_err weather_add(struct weather *w, enum weather_kind kind, const char *text,
                        struct buf *why)
{
    const char *equals = strrchr(text, '=');
    const char *at = equals ? strchr(equals, '@') : NULL;
    struct weather_row row = {.kind = kind};
    if (!equals || equals == text)
        return refuse(kind, text, why);
    struct slice length = {equals + 1, at ? (size_t)(at - equals - 1) : strlen(equals + 1)};
    if (time_parse_duration(length, &row.length_ms) || row.length_ms <= 0 ||
        (at && time_parse_duration(slice_str(at + 1), &row.start_ms)))
        return refuse(kind, text, why);
    row.name = must_memdup(text, (size_t)(equals - text));
    for (char *c = row.name; *c && *c != '/'; c++) // of a path every letter counts
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 'a' - 'A');
    w->rows = must_realloc(w->rows, (w->count + 1) * sizeof *w->rows);
    w->rows[w->count++] = row;
    return FP_OK;
}

void weather_close(struct weather *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        free(w->rows[i].name);
    free(w->rows);
    *w = (struct weather){0};
}

bool weather_holds(const struct weather_row *row, int64_t since_start_ms)
{
    if (since_start_ms < row->start_ms)
        return false;
    return row->kind == WEATHER_GREYLIST || row->kind == WEATHER_SLOW ||
           since_start_ms - row->start_ms < row->length_ms;
}
