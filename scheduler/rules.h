// SPDX-License-Identifier: BSD-2-Clause
// rules: the rows of `retry` and `limit`, and which of them give the values for a recipient.
//
// The most exact row wins, setting by setting: "user@example.com", then "example.com", then
// ".example.com" (below it; the longest suffix first), then "mx:HOST" (the host that takes the
// mail), then "*". Of rows with the same `for`, the one with the more exact `from` comes first, and
// of these the one that names the class of the failure (`on`). A row that does not name a setting
// leaves it to the next less exact one, in the end to the defaults.
#ifndef FP_SCHEDULER_RULES_H
#define FP_SCHEDULER_RULES_H

#include "core/buf.h"
#include "core/outcome.h"
#include "core/pattern_chain.h"

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

enum {
    RULES_ATTEMPTS_MAX = 100000,
    RULES_JITTER_MAX = 500, // permille
};

struct retry_row {
    char *pattern;         // `for`, lower-case; owned
    char *from;            // sender pattern, lower-case, "<>" for the null sender; NULL: any; owned
    enum outcome_class on; // CLASS_NONE: any
    char *place;           // "FILE:LINE", NULL unknown; owned
    struct schedule schedule; // count 0: not named by this row
    bool has_warn;            // an empty list is a value too: no warning
    uint32_t warn_count;
    int64_t warn_after_ms[RULES_WARN_MAX]; // ascending
    int64_t expire_after_ms;               // 0: not named by this row
    uint32_t attempts_max;                 // 0: not named
    bool has_jitter;
    uint32_t jitter_permille;
    bool has_hint; // bounds of 0 are a value too: hints are not heard
    int64_t hint_min_ms, hint_max_ms;
};

struct limit_row {
    char *pattern;                    // owned
    uint32_t connections;             // 0: not named
    uint32_t messages_per_connection; // 0: not named
    uint32_t recipients_per_message;  // 0: not named
    uint32_t rate_count;              // messages in rate_ms; 0: not named
    int64_t rate_ms;
    char *place; // as above; owned
};

// A destination that is a next hop named by `route`, and the names that rows of `limit` may call it
// by. Texts are owned.
struct limit_hop {
    char *destination;
    char *target; // "smtp://relay.example:25", the first of the list
    char *host;   // "relay.example"; NULL: it has none
    char
        *domain; // whose mail goes there, "*.example.com" for all below one; NULL: several domains'
};

struct rules {
    struct retry_row *retries; // owned
    uint32_t retry_count;
    struct limit_row *limits; // owned
    uint32_t limit_count;
    struct pattern_index retry_index, limit_index; // borrow the rows' patterns
    struct pattern_chain retry_chain;              // of rows with the same `for`
    struct limit_hop *hops;                        // owned
    uint32_t hop_count;
    struct pattern_index hop_index;
};

void rules_close(struct rules *r);
// Behind the last row and before the first question; again when rows were added.
void rules_index(struct rules *r);

// Which failure of whose mail is asked about. Strings are borrowed for the call.
struct rule_question {
    struct slice address;     // the recipient, or only a domain
    struct slice sender;      // "" is the null sender
    bool has_sender;          // false: a question about a destination, rows with `from` do not fit
    struct slice host;        // the host that takes its mail, for "mx:HOST"; empty: not known
    enum outcome_class klass; // CLASS_NONE: no failure yet, rows with `on` do not fit
};

enum rule_field {
    RULE_SCHEDULE,
    RULE_WARN,
    RULE_EXPIRE,
    RULE_ATTEMPTS,
    RULE_JITTER,
    RULE_HINT,
    RULE_FIELDS
};

// All values for one question, complete with the defaults: "5m 15m 30m", one warning after 4 h, 5
// d, attempts without limit, jitter 10 %, hints from 30 seconds to 2 hours.
struct retry_rule {
    struct schedule schedule;
    uint32_t warn_count;
    int64_t warn_after_ms[RULES_WARN_MAX];
    int64_t expire_after_ms;
    uint32_t attempts_max; // 0: no limit
    uint32_t jitter_permille;
    int64_t hint_min_ms, hint_max_ms; // 0 both: hints are not heard
    int32_t row[RULE_FIELDS];         // of `retries`, which gave each; -1: the default
};
void rules_retry(const struct rules *r, const struct rule_question *q, struct retry_rule *ret);
// Of these the time after which mail is given up, alone: listings ask for it a million times.
int64_t rules_expire_after(const struct rules *r, const struct rule_question *q);

// Recipient address and sender, as nearly everybody asks.
struct rule_question rule_question(const char *address, const char *sender,
                                   enum outcome_class klass);

// How long to wait after failure number `failures` (1 is the first): by the schedule, or at the
// first failure as the reply's text asks for within the rule's bounds, then spread by the jitter:
// from half of it below to half of it above; what a reply asks for only to later, and
// not beyond the bound. `salt` decides
// where in between: the same salt gives the same wait. Never less than a second.
int64_t rules_wait(const struct retry_rule *rule, uint32_t failures, struct slice reply,
                   uint64_t salt);
// Did the reply's hint and not the schedule decide, or the bound that it went beyond?
enum rules_hearing { HEARS_NOTHING, HEARS_HINT, HEARS_SHORTEST, HEARS_LONGEST };
enum rules_hearing rules_hears(const struct retry_rule *rule, uint32_t failures,
                               struct slice reply);

// A row in words: retry "example.com" on greylist, /etc/f.conf:47; "the default" for -1.
void rules_name_retry(const struct rules *r, int32_t row, struct buf *to);
void rules_name_limit(const struct rules *r, int32_t row, struct buf *to);

enum limit_field { LIMIT_CONNECTIONS, LIMIT_MESSAGES, LIMIT_RECIPIENTS, LIMIT_RATE, LIMIT_FIELDS };
// 20 connections, 100 messages each, 100 recipients, no rate, where no row says otherwise.
struct limit_rule {
    uint32_t connections, messages_per_connection, recipients_per_message;
    uint32_t rate_count; // messages in rate_ms; 0: no limit
    int64_t rate_ms;
    int32_t row[LIMIT_FIELDS];
};
// By the destination's name alone. For a domain by that domain; for "mx:HOST" by that; for a next
// hop of rules_add_hop by its target, then by its host as if that were a domain, then by the domain
// whose mail it gets, where that is one. "*" comes last.
void rules_limit(const struct rules *r, const char *destination, struct limit_rule *ret);

// Before rules_limit is asked, for each row of `route` that names it. Takes the texts.
void rules_add_hop(struct rules *r, const struct limit_hop *hop);
void rules_forget_hops(struct rules *r);
const struct limit_hop *rules_hop(const struct rules *r,
                                  const char *destination); // NULL: it is none

// The most warning times that any rule has: mail is warned at most that often.
uint32_t rules_warn_levels(const struct rules *r);
// The longest that anything waits for its next attempt, by any row, jitter and hints included.
int64_t rules_longest_wait(const struct rules *r);
// Smallest age at which anything can be due for mail that was warned `level` times: the sweep does
// not look at younger mail.
int64_t rules_sweep_age(const struct rules *r, uint32_t level);
// The next larger age at which anything may become due by any rule, or by the defaults (which may
// be overridden); TIME_NEVER when there is none. Between two of them nothing does.
int64_t rules_next_age(const struct rules *r, int64_t age_ms);

#endif
