// SPDX-License-Identifier: BSD-2-Clause
// weather: what is wrong with which hosts, and when, as somebody wrote it: "example.com=6h@30m".
// Pure. Times count from the start of the simulation.
#ifndef FP_SIMULATE_WEATHER_H
#define FP_SIMULATE_WEATHER_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum weather_kind {
    WEATHER_DOWN,     // nobody listens
    WEATHER_BUSY,     // greets with 421
    WEATHER_GREYLIST, // refuses a recipient for so long since it was first tried
    WEATHER_FULL,     // 452 at RCPT
    WEATHER_REJECT,   // 550 5.1.1 at RCPT: no such user
    WEATHER_REFUSE,   // 550 5.7.1 at RCPT: not from us
    WEATHER_SLOW,     // takes so long for its answer to an envelope
    WEATHER_COUNT
};

struct weather_row {
    enum weather_kind kind;
    char *name; // a domain or a next hop, lower-case but for paths, or "*"; owned
    int64_t length_ms;
    int64_t start_ms;
};

struct weather {
    struct weather_row *rows; // owned
    uint32_t count;
};

const char *weather_name(enum weather_kind kind); // "down", as in the option --down

// Adds the row that `text` stands for: NAME=DURATION or NAME=DURATION@START. FP_INVALID: why gets a
// sentence that says what would be right.
enum fp_err weather_add(struct weather *w, enum weather_kind kind, const char *text,
                        struct buf *why);
void weather_close(struct weather *w);

// Is it so at that time? What greylists and what is slow does so from its start on.
bool weather_holds(const struct weather_row *row, int64_t since_start_ms);

#endif
