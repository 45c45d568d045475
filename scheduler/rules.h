// SPDX-License-Identifier: BSD-2-Clause
// rules: the rows of `retry` and `limit`, and which of them give the values for an address.
//
// The most exact row wins, setting by setting: "user@example.com", then "example.com", then
// ".example.com" (below it; the longest suffix first), then "*". A row that does not name a setting
// leaves it to the next less exact one, in the end to the defaults.
#ifndef FP_SCHEDULER_RULES_H
#define FP_SCHEDULER_RULES_H

#include "core/err.h"
#include "core/pattern.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCHEDULE_STEPS_MAX = 64, RULES_WARN_MAX = 8 };

// "5m 15m 30m": waits after the first, second, ... failure; the last one repeats. "5m*3 1h" is
// three waits of 5 minutes, then hours. "15m x1.5<=4h" grows: each wait is one and a half times the
// one before, up to 4 hours.
struct schedule {
    uint32_t count; // 0: not set
    int64_t waits_ms[SCHEDULE_STEPS_MAX];
    uint32_t growth_permille; // behind the last of them; 0: it repeats
    int64_t growth_max_ms;
};

// FP_INVALID: empty, a word that is no wait of a second or more, or a growth that is not last, not
// above 1 (three decimals at most), or bounded below the wait before it; ret_bad then borrows the
// offending word. FP_TOO_BIG: more steps than SCHEDULE_STEPS_MAX.
enum fp_err schedule_parse(struct slice text, struct schedule *ret, struct slice *ret_bad);
// The wait after failure number `failures` (1 is the first).
int64_t schedule_wait(const struct schedule *s, uint32_t failures);

struct retry_row {
    char *pattern;            // lower-case; owned
    struct schedule schedule; // count 0: not named by this row
    bool has_warn;            // an empty list is a value too: no warning
    uint32_t warn_count;
    int64_t warn_after_ms[RULES_WARN_MAX]; // ascending
    int64_t expire_after_ms;               // 0: not named by this row
};

struct limit_row {
    char *pattern;                    // owned
    uint32_t connections;             // 0: not named
    uint32_t messages_per_connection; // 0: not named
    uint32_t recipients_per_message;  // 0: not named
};

struct rules {
    struct retry_row *retries; // owned
    uint32_t retry_count;
    struct limit_row *limits; // owned
    uint32_t limit_count;
    struct pattern_index retry_index, limit_index; // borrow the rows' patterns
};

void rules_close(struct rules *r);
// Once, behind the last row and before the first question.
void rules_index(struct rules *r);

// All values for one address ("user@example.com", or only a domain), complete with the defaults:
// "5m 15m 30m", one warning after 4 h, 5 d; 20 connections, 100 messages each, 100 recipients.
struct retry_rule {
    struct schedule schedule;
    uint32_t warn_count;
    int64_t warn_after_ms[RULES_WARN_MAX];
    int64_t expire_after_ms;
};
void rules_retry(const struct rules *r, struct slice address, struct retry_rule *ret);
// Of these the time after which an address is given up, alone: listings ask for it a million times.
int64_t rules_expire_after(const struct rules *r, struct slice address);

struct limit_rule {
    uint32_t connections, messages_per_connection, recipients_per_message;
};
void rules_limit(const struct rules *r, struct slice domain, struct limit_rule *ret);

// The most warning times that any rule has: mail is warned at most that often.
uint32_t rules_warn_levels(const struct rules *r);
// Smallest age at which anything can be due for mail that was warned `level` times: the sweep does
// not look at younger mail.
int64_t rules_sweep_age(const struct rules *r, uint32_t level);
// The next larger age at which anything may become due by any rule, or by the defaults (which may
// be overridden); TIME_NEVER when there is none. Between two of them nothing does.
int64_t rules_next_age(const struct rules *r, int64_t age_ms);

#endif
