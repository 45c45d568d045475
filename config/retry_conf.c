// SPDX-License-Identifier: BSD-2-Clause
// retry: rows of retry. See config_tables_conf.h.
#include "config/config.h"
#include "config/table_conf.h"
#include "config/tables_conf.h"
#include "core/must.h"
#include "core/sender_pattern.h"
#include "core/time.h"

#include <stdlib.h>

enum { EXPIRE_DAYS_MAX = 365 };

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void pattern_of_retry(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    row->pattern = config_table_pattern(r, s);
    row->place = config_table_place(r, s);
}

static void retry_from(struct config_reader *r, const config_setting_t *s, void *into)
{
    ((struct retry_row *)into)->from = config_table_sender(r, s);
}

static void retry_on(struct config_reader *r, const config_setting_t *s, void *into)
{
    // Only failures that are tried again can choose a row; "any" is as if it were not written.
    static const enum outcome_class classes[] = {CLASS_NONE,         CLASS_HOST, CLASS_TLS,
                                                 CLASS_AUTH,         CLASS_DNS,  CLASS_GREYLIST,
                                                 CLASS_MAILBOX_FULL, CLASS_RATE, CLASS_MESSAGE};
    const char *words[COUNT_OF(classes)] = {"any"};
    for (size_t i = 1; i < COUNT_OF(classes); i++)
        words[i] = outcome_class_name(classes[i]);
    int word = config_word(r, s, words, COUNT_OF(words));
    if (word >= 0)
        ((struct retry_row *)into)->on = classes[word];
}

static void complain_about_wait(struct config_reader *r, const config_setting_t *s,
                                const char *value, struct slice bad)
{
    char *word = must_memdup(bad.p, bad.n);
    const char *why = "is no wait of a second or more; write waits one after the other: "
                      "\"5m 15m 30m\"";
    if (word[0] == 'x')
        why = "is no growth; write a factor above 1 and the longest wait, last: "
              "\"5m 15m x1.5<=4h\"";
    else if (memchr(value, 'x', (size_t)(bad.p - value)))
        why = "stands behind a growth, which never ends; write it before";
    config_problem(r, s, "schedule: \"%s\" %s", config_shown(word), why);
    free(word);
}

static void retry_schedule(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    const char *value = config_text_value(r, s);
    if (!value)
        return;
    struct slice bad = SLICE_LIT("");
    enum fp_err err = schedule_parse(slice_str(value), &row->schedule, &bad);
    if (err == FP_TOO_BIG)
        config_problem(r, s, "schedule has more than %d waits; the last one repeats anyway",
                       SCHEDULE_STEPS_MAX);
    else if (err && bad.n > 0)
        complain_about_wait(r, s, value, bad);
    else if (err)
        config_problem(r, s, "schedule is empty; write waits one after the other: \"5m 15m 30m\"");
}

static void retry_warn_after(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    if (!config_strings(r, s, RULES_WARN_MAX))
        return;
    row->has_warn = true;
    uint32_t n = (uint32_t)config_setting_length(s);
    for (uint32_t i = 0; i < n; i++) {
        const config_setting_t *one = config_setting_get_elem(s, i);
        int64_t ms;
        if (!config_duration(r, one, TIME_SECOND_MS, EXPIRE_DAYS_MAX * TIME_DAY_MS, &ms))
            continue;
        if (row->warn_count > 0 && ms <= row->warn_after_ms[row->warn_count - 1])
            config_problem(r, one, "warn_after must grow: \"%s\" is not later than the one before",
                           config_shown(config_setting_get_string(one)));
        else
            row->warn_after_ms[row->warn_count++] = ms;
    }
}

static void retry_expire_after(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    config_duration(r, s, TIME_SECOND_MS, EXPIRE_DAYS_MAX * TIME_DAY_MS, &row->expire_after_ms);
}

static void retry_max_attempts(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (config_integer(r, s, 1, RULES_ATTEMPTS_MAX, &value))
        ((struct retry_row *)into)->attempts_max = (uint32_t)value;
}

// "10%", a share of the wait in whole percents.
static void retry_jitter(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    const char *value = config_text_value(r, s);
    if (!value)
        return;
    uint32_t percent = 0;
    size_t n = strspn(value, "0123456789");
    for (size_t i = 0; i < n && percent <= RULES_JITTER_MAX; i++)
        percent = percent * 10 + (uint32_t)(value[i] - '0');
    if (n == 0 || strcmp(value + n, "%") != 0 || percent * 10 > RULES_JITTER_MAX) {
        config_problem(r, s, "jitter: \"%s\" is no share of a wait; write \"0%%\" to \"%d%%\"",
                       config_shown(value), RULES_JITTER_MAX / 10);
        return;
    }
    row->has_jitter = true;
    row->jitter_permille = percent * 10;
}

static void retry_hint(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct retry_row *row = into;
    int64_t bounds[2] = {0, 0};
    if (!config_strings(r, s, COUNT_OF(bounds)))
        return;
    uint32_t n = (uint32_t)config_setting_length(s);
    if (n == 1) {
        config_problem(r, s,
                       "retry_after is the shortest and the longest wait that a reply may ask for: "
                       "[ \"30s\", \"2h\" ]; [] does not listen to replies");
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!config_duration(r, config_setting_get_elem(s, i), TIME_SECOND_MS, 7 * TIME_DAY_MS,
                             &bounds[i]))
            return;
    if (bounds[1] < bounds[0]) {
        config_problem(r, s, "retry_after: the longest wait is shorter than the shortest");
        return;
    }
    row->has_hint = true;
    row->hint_min_ms = bounds[0];
    row->hint_max_ms = bounds[1];
}

static void *retry_add(struct config *c)
{
    return config_table_grow((void **)&c->rules.retries, &c->rules.retry_count,
                             sizeof(*c->rules.retries));
}

static char **retry_key(struct config *c, uint32_t row)
{
    return &c->rules.retries[row].pattern;
}

// ---- what is right by itself and wrong together ----------------------------------------------

static bool sets_nothing(const config_setting_t *s)
{
    static const char *const conditions[] = {"for", "from", "on"};
    int found = 0;
    for (size_t i = 0; i < COUNT_OF(conditions); i++)
        found += config_setting_get_member(s, conditions[i]) != NULL;
    return config_setting_length(s) == found;
}

// The least exact sender that fits. A name below a suffix stands for all of them; nobody has one
// such as this.
static void name_sender(const char *from, char *to, size_t size)
{
    const char *before = "";
    if (from[0] == '.')
        before = "x@x";
    else if (!strchr(from, '@'))
        before = "x@";
    snprintf(to, size, "%s%s", before, strcmp(from, "<>") == 0 ? "" : from);
    if (strcmp(from, "<>") == 0)
        to[0] = '\0';
}

// The values that hold where this row is the most exact, behind such a failure: its own, and what
// others add to them.
static void find_whole_rule(const struct rules *rules, const struct retry_row *row,
                            enum outcome_class klass, struct retry_rule *ret)
{
    char address[512], sender[512];
    snprintf(address, sizeof address, "%s%s", row->pattern[0] == '.' ? "x" : "", row->pattern);
    struct rule_question q = {.klass = klass};
    if (strncmp(address, "mx:", 3) == 0)
        q.host = slice_str(address + 3);
    else
        q.address = slice_str(address);
    q.has_sender = row->from && sender_pattern_rank(row->from) > 0;
    if (q.has_sender) {
        name_sender(row->from, sender, sizeof sender);
        q.sender = slice_str(sender);
    }
    rules_retry(rules, &q, ret);
}

// Is the value of the field this row's own, or that of a row (not a default) which it changes by
// its own expire_after?
static bool is_meant(const config_setting_t *at, const struct retry_row *row,
                     const struct retry_rule *rule, enum rule_field field)
{
    return at || (row->expire_after_ms > 0 && rule->row[field] >= 0);
}

// Do rows for the same mail and one kind of failure each leave it nothing to say? Ages are looked
// at without a failure, too.
static bool gives_something(const struct rules *rules, uint32_t i)
{
    const struct retry_row *row = &rules->retries[i];
    if (row->on != CLASS_NONE)
        return true;
    for (enum outcome_class klass = CLASS_NONE; klass <= CLASS_MESSAGE; klass++) {
        struct retry_rule rule;
        find_whole_rule(rules, row, klass, &rule);
        for (enum rule_field field = 0; field < RULE_FIELDS; field++)
            if (rule.row[field] == (int32_t)i &&
                (klass != CLASS_NONE || field == RULE_WARN || field == RULE_EXPIRE))
                return true;
    }
    return false;
}

// The first wait behind the first that is not over before the end.
static int64_t wait_behind_end(const struct retry_rule *rule)
{
    int64_t age_ms = 0;
    for (uint32_t i = 0; i < rule->schedule.count; i++) {
        int64_t wait_ms = rule->schedule.waits_ms[i];
        if (i > 0 && (age_ms >= rule->expire_after_ms || wait_ms >= rule->expire_after_ms))
            return wait_ms;
        age_ms += wait_ms;
    }
    return 0;
}

static void warn_about_schedule(struct config_reader *r, const config_setting_t *at,
                                const struct retry_rule *rule)
{
    int64_t wait_ms = wait_behind_end(rule);
    if (rule->schedule.waits_ms[0] >= rule->expire_after_ms) {
        config_warning(r, at,
                       "the first wait of schedule is not shorter than expire_after: there is no "
                       "second attempt");
    } else if (wait_ms > 0) {
        struct buf wait;
        buf_init(&wait, 100);
        time_format_duration(wait_ms, &wait);
        config_warning(r, at,
                       "schedule goes on behind expire_after: mail is given back before the wait "
                       "of %s is over",
                       buf_slice(&wait).p);
        buf_close(&wait);
    }
}

static void warn_about_ages(struct config_reader *r, const config_setting_t *s,
                            const struct retry_row *row, const struct retry_rule *rule)
{
    const config_setting_t *expire = config_setting_get_member(s, "expire_after"),
                           *warn = config_setting_get_member(s, "warn_after"),
                           *schedule = config_setting_get_member(s, "schedule");
    bool is_of_notices = row->from && strcmp(row->from, "<>") == 0;
    bool is_late =
        rule->warn_count > 0 && rule->warn_after_ms[rule->warn_count - 1] >= rule->expire_after_ms;
    if (is_of_notices && row->has_warn && row->warn_count > 0)
        config_warning(r, warn, "warn_after: nobody is warned about notices");
    if (is_late && is_meant(warn, row, rule, RULE_WARN))
        config_warning(r, warn ? warn : expire,
                       "warn_after is not before expire_after: that warning is never sent");
    else if (is_late && expire && !is_of_notices)
        config_warning(r, expire,
                       "expire_after is not behind the default warn_after, \"4h\": nobody is "
                       "warned; write warn_after, too, or warn_after = []");
    if (is_meant(schedule, row, rule, RULE_SCHEDULE))
        warn_about_schedule(r, schedule ? schedule : expire, rule);
}

// A warning that comes after the end, or a first wait beyond it, is no error but hardly meant.
static void warn_about_retry(struct config_reader *r, const config_setting_t *s,
                             const struct rules *rules, uint32_t i)
{
    const struct retry_row *row = &rules->retries[i];
    const config_setting_t *attempts = config_setting_get_member(s, "max_attempts"),
                           *schedule = config_setting_get_member(s, "schedule");
    struct retry_rule rule;
    find_whole_rule(rules, row, row->on, &rule);
    if (sets_nothing(s))
        config_warning(r, s, "this row of retry sets nothing");
    else if (!r->has_failed && !gives_something(rules, i))
        config_warning(r, s,
                       "this row of retry never counts: there is a row for each kind of failure "
                       "(on), and these give all that it sets");
    warn_about_ages(r, s, row, &rule);
    if (rule.attempts_max == 1 && schedule)
        config_warning(r, attempts ? attempts : schedule,
                       "schedule does not count with max_attempts = 1: there is no second attempt");
}

void config_read_retry(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {
        {"for", pattern_of_retry},
        {"from", retry_from},
        {"on", retry_on},
        {"schedule", retry_schedule},
        {"warn_after", retry_warn_after},
        {"expire_after", retry_expire_after},
        {"max_attempts", retry_max_attempts},
        {"jitter", retry_jitter},
        {"retry_after", retry_hint},
    };
    static const struct config_condition conditions[] = {{"from", "*"}, {"on", "any"}};
    static const struct config_table table = {
        .name = "retry",
        .example = "{ for = \"*\", schedule = \"5m 15m 30m\" }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = retry_add,
        .key_of = retry_key,
        .conditions = conditions,
        .condition_count = COUNT_OF(conditions),
    };
    struct config *c = config;
    config_table_read(r, &table, s);
    if (c->rules.retry_count == 0)
        return;
    rules_index(&c->rules);
    for (uint32_t i = 0; i < c->rules.retry_count; i++)
        if (c->rules.retries[i].pattern)
            warn_about_retry(r, config_setting_get_elem(s, i), &c->rules, i);
}
