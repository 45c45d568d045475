// SPDX-License-Identifier: BSD-2-Clause
// value: readers of single values, and their problems. See config_value_conf.h.
#include "config/value_conf.h"

#include "core/size.h"
#include "core/text.h"
#include "core/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE_MAX = 1024, SHOWN_MAX = 80, MEMBERS_MAX = 32 };

uint32_t config_setting_place(const struct config_reader *r, const config_setting_t *s)
{
    return config_text_line(r->text, (uint32_t)config_setting_source_line(s));
}

__attribute__((format(printf, 4, 0))) static void say(struct config_reader *r,
                                                      const config_setting_t *s, const char *kind,
                                                      const char *format, va_list args)
{
    char sentence[SENTENCE_MAX];
    vsnprintf(sentence, sizeof(sentence), format, args);
    buf_addf(r->problems, "%s:%u: %s%s\n",
             config_text_file(r->text, (uint32_t)config_setting_source_line(s)),
             config_setting_place(r, s), kind, sentence);
}

void config_problem(struct config_reader *r, const config_setting_t *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(r, s, "", format, args);
    va_end(args);
    r->has_failed = true;
}

void config_warning(struct config_reader *r, const config_setting_t *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(r, s, "warning: ", format, args);
    va_end(args);
}

const char *config_shown(const char *value)
{
    static char shown[SHOWN_MAX + sizeof("...")];
    struct buf escaped;
    buf_init(&escaped, SIZE_MAX);
    text_escape(slice_str(value), &escaped);
    snprintf(shown, sizeof(shown), "%.*s%s", (int)SHOWN_MAX, escaped.p ? escaped.p : "",
             escaped.n > SHOWN_MAX ? "..." : "");
    buf_close(&escaped);
    return shown;
}

// Elements of a list have no name of their own: they speak for their list.
static const char *name_of(const config_setting_t *s)
{
    while (s && !config_setting_name(s))
        s = config_setting_parent(s);
    return s ? config_setting_name(s) : "a value";
}

static void say_unknown(struct config_reader *r, const config_setting_t *s,
                        const struct config_member *members, size_t count, const char *where)
{
    const char *names[MEMBERS_MAX];
    char known[SENTENCE_MAX / 2] = "";
    for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
        names[i] = members[i].name;
        size_t n = strlen(known);
        snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", members[i].name);
    }
    const char *name = config_setting_name(s) ? config_setting_name(s) : "?";
    const char *nearest = text_nearest(name, names, count);
    if (nearest)
        config_problem(r, s, "unknown setting \"%s\"%s; did you mean \"%s\"?", config_shown(name),
                       where, nearest);
    else
        config_problem(r, s, "unknown setting \"%s\"%s; there are: %s", config_shown(name), where,
                       known);
}

void config_members_read(struct config_reader *r, const config_setting_t *group,
                         const struct config_member *members, size_t count, void *into,
                         const char *where)
{
    int n = config_setting_length(group);
    for (int i = 0; i < n; i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        size_t m = 0;
        while (m < count && strcmp(members[m].name, config_setting_name(s)) != 0)
            m++;
        if (m < count)
            members[m].read(r, s, into);
        else
            say_unknown(r, s, members, count, where);
    }
}

const char *config_string(struct config_reader *r, const config_setting_t *s)
{
    const char *value = config_setting_get_string(s);
    if (!value)
        config_problem(r, s, "%s must be a string in double quotes: %s = \"...\"", name_of(s),
                       name_of(s));
    return value;
}

const char *config_text_value(struct config_reader *r, const config_setting_t *s)
{
    const char *value = config_string(r, s);
    if (value && *value == '\0') {
        config_problem(r, s, "%s must not be empty", name_of(s));
        return NULL;
    }
    return value;
}

bool config_truth(struct config_reader *r, const config_setting_t *s, bool *ret)
{
    if (config_setting_type(s) != CONFIG_TYPE_BOOL) {
        config_problem(r, s, "%s must be true or false (without quotes)", name_of(s));
        return false;
    }
    *ret = config_setting_get_bool(s) != 0;
    return true;
}

bool config_integer(struct config_reader *r, const config_setting_t *s, int64_t min, int64_t max,
                    int64_t *ret)
{
    int type = config_setting_type(s);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        config_problem(r, s, "%s must be a whole number (without quotes) from %lld to %lld",
                       name_of(s), (long long)min, (long long)max);
        return false;
    }
    long long value =
        type == CONFIG_TYPE_INT ? config_setting_get_int(s) : config_setting_get_int64(s);
    if (value < min || value > max) {
        config_problem(r, s, "%s is %lld, but must be from %lld to %lld", name_of(s), value,
                       (long long)min, (long long)max);
        return false;
    }
    *ret = value;
    return true;
}

bool config_duration(struct config_reader *r, const config_setting_t *s, int64_t min_ms,
                     int64_t max_ms, int64_t *ret_ms)
{
    const char *value = config_setting_get_string(s);
    int64_t ms;
    if (!value) {
        config_problem(r, s, "%s must be a duration in double quotes, such as \"90s\" or \"4h\"",
                       name_of(s));
        return false;
    }
    if (time_parse_duration(slice_str(value), &ms)) {
        config_problem(r, s, "%s: \"%s\" is no duration; write \"90s\", \"30m\", \"4h\" or \"5d\"",
                       name_of(s), config_shown(value));
        return false;
    }
    if (ms < min_ms || ms > max_ms) {
        struct buf from, to;
        buf_init(&from, SENTENCE_MAX);
        buf_init(&to, SENTENCE_MAX);
        time_format_duration(min_ms, &from);
        time_format_duration(max_ms, &to);
        config_problem(r, s, "%s is \"%s\", but must be from \"%s\" to \"%s\"", name_of(s),
                       config_shown(value), from.p, to.p);
        buf_close(&from);
        buf_close(&to);
        return false;
    }
    *ret_ms = ms;
    return true;
}

bool config_size(struct config_reader *r, const config_setting_t *s, int64_t min, int64_t max,
                 int64_t *ret_bytes)
{
    const char *value = config_setting_get_string(s);
    int64_t bytes;
    if (!value) {
        config_problem(r, s, "%s must be a size in double quotes, such as \"512K\" or \"10M\"",
                       name_of(s));
        return false;
    }
    if (size_parse(slice_str(value), &bytes)) {
        config_problem(r, s, "%s: \"%s\" is no size; write \"512K\", \"10M\" or \"1G\"", name_of(s),
                       config_shown(value));
        return false;
    }
    if (bytes < min || bytes > max) {
        struct buf from, to;
        buf_init(&from, SENTENCE_MAX);
        buf_init(&to, SENTENCE_MAX);
        size_format(min, &from);
        size_format(max, &to);
        config_problem(r, s, "%s is \"%s\", but must be from \"%s\" to \"%s\"", name_of(s),
                       config_shown(value), from.p, to.p);
        buf_close(&from);
        buf_close(&to);
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

const char *config_element(const config_setting_t *s, uint32_t i)
{
    return config_setting_get_string_elem(s, (int)i);
}

bool config_strings(struct config_reader *r, const config_setting_t *s, uint32_t max)
{
    int n = config_setting_is_array(s) || config_setting_is_list(s) ? config_setting_length(s) : -1;
    for (int i = 0; i < n; i++)
        if (!config_setting_get_string_elem(s, i))
            n = -1;
    if (n < 0) {
        config_problem(r, s, "%s must be a list of strings: %s = [ \"...\", \"...\" ]", name_of(s),
                       name_of(s));
        return false;
    }
    if ((uint32_t)n > max) {
        config_problem(r, s, "%s has %d values, but must have at most %u", name_of(s), n, max);
        return false;
    }
    return true;
}

int config_word(struct config_reader *r, const config_setting_t *s, const char *const *words,
                size_t count)
{
    const char *value = config_string(r, s);
    if (!value)
        return -1;
    char known[SENTENCE_MAX / 2] = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], value) == 0)
            return (int)i;
        size_t n = strlen(known);
        snprintf(known + n, sizeof(known) - n, "%s\"%s\"",
                 n == 0           ? ""
                 : i + 1 == count ? " or "
                                  : ", ",
                 words[i]);
    }
    config_problem(r, s, "%s is \"%s\", but must be %s", name_of(s), config_shown(value), known);
    return -1;
}
