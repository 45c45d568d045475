// SPDX-License-Identifier: BSD-2-Clause
// table: reading a table row by row. See config_table_conf.h.
#include "config/table_conf.h"

#include "config/config.h"
#include "core/hostname.h"
#include "core/must.h"
#include "core/pattern.h"
#include "core/utf8.h"

#include <ctype.h>
#include <stdlib.h>

enum { ROWS_MAX = 100000 }; // of one table

static bool is_row(struct config_reader *r, const struct config_table *t,
                   const config_setting_t *row)
{
    if (!config_setting_is_group(row)) {
        config_problem(r, row, "a row of %s is written %s", t->name, t->example);
        return false;
    }
    if (!config_setting_get_member(row, t->key))
        config_problem(r, row, "this row of %s lacks %s; a row is written %s", t->name, t->key,
                       t->example);
    return true;
}

// As it is written, for what is wrong is not to look like something else; "" where it is not.
static const char *written(const config_setting_t *s, const struct config_condition *c)
{
    const char *value = "";
    config_setting_lookup_string(s, c->name, &value);
    return strcasecmp(value, c->anything) == 0 ? "" : value;
}

static void say_twice(struct config_reader *r, const struct config_table *t,
                      const config_setting_t *row, const char *key)
{
    struct buf more;
    buf_init(&more, 4096);
    for (size_t i = 0; i < t->condition_count; i++) {
        const char *value = written(row, &t->conditions[i]);
        if (value[0])
            buf_addf(&more, ", %s = \"%s\"", t->conditions[i].name, config_shown(value));
    }
    config_problem(r, row, "the row %s = \"%s\"%s stands twice in %s; keep one", t->key,
                   config_shown(key), buf_slice(&more).p, t->name);
    buf_close(&more);
}

// keys borrows the text, which is the caller's to free.
static char *check_key_is_new(struct config_reader *r, const struct config_table *t,
                              const config_setting_t *s, uint32_t at, struct pattern_index *keys)
{
    const config_setting_t *row = config_setting_get_elem(s, at);
    const char *key = *t->key_of(r->config, at);
    struct buf text;
    if (!key)
        return NULL;
    buf_init(&text, SIZE_MAX);
    buf_add_str(&text, key);
    for (size_t i = 0; i < t->condition_count; i++)
        buf_addf(&text, "\n%s", written(row, &t->conditions[i]));
    char *lower = config_lower_case(buf_slice(&text).p);
    buf_close(&text);
    if (!pattern_index_add(keys, lower, at))
        say_twice(r, t, row, key);
    return lower;
}

void config_table_read(struct config_reader *r, const struct config_table *t,
                       const config_setting_t *s)
{
    if (!config_setting_is_list(s)) {
        config_problem(r, s, "%s is a table of rows in round brackets: %s = ( %s )", t->name,
                       t->name, t->example);
        return;
    }
    int n = config_setting_length(s);
    if (n > ROWS_MAX) {
        config_problem(r, s, "%s has %d rows, but must have at most %d", t->name, n, ROWS_MAX);
        return;
    }
    char where[64];
    struct pattern_index keys = {0};
    char **texts = must_zalloc(((size_t)n + 1) * sizeof *texts);
    snprintf(where, sizeof(where), " in %s", t->name);
    for (int i = 0; i < n; i++) {
        const config_setting_t *row = config_setting_get_elem(s, (unsigned)i);
        void *into = t->add(r->config); // also for a bad row: indices stay those of the file
        if (!is_row(r, t, row))
            continue;
        config_members_read(r, row, t->members, t->member_count, into, where);
        texts[i] = check_key_is_new(r, t, s, (uint32_t)i, &keys);
    }
    pattern_index_close(&keys);
    for (int i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
}

void *config_table_grow(void **rows, uint32_t *count, size_t size)
{
    if ((*count & (*count - 1)) == 0)
        *rows = must_realloc(*rows, (*count ? 2 * (size_t)*count : 1) * size);
    char *row = (char *)*rows + *count * size;
    memset(row, 0, size);
    *count += 1;
    return row;
}

char *config_lower_case(const char *s)
{
    char *lower = must_strdup(s);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return lower;
}

char *config_pattern_key(const char *pattern)
{
    char *key = config_lower_case(pattern);
    key[hostname_without_root(slice_str(key)).n] = '\0';
    return key;
}

char *config_table_pattern(struct config_reader *r, const config_setting_t *s)
{
    const char *value = config_string(r, s);
    if (!value)
        return NULL;
    if (config_pattern_is_valid(slice_str(value)))
        return config_pattern_key(value);
    config_problem(r, s,
                   "for: \"%s\" is no pattern; write \"user@example.com\", \"example.com\", "
                   "\".example.com\" (everything below it), \"mx:HOST\" or \"*\"%s",
                   config_shown(value),
                   utf8_is_ascii(slice_str(value))
                       ? ""
                       : "; domains beyond ASCII as A-labels, \"xn--mller-kva.example\"");
    return NULL;
}

char *config_table_sender(struct config_reader *r, const config_setting_t *s)
{
    const char *value = config_string(r, s);
    if (!value || strcmp(value, "*") == 0)
        return NULL; // "*" is as if it were not written
    if (strcmp(value, "<>") == 0 ||
        (config_pattern_is_valid(slice_str(value)) && strncasecmp(value, "mx:", 3) != 0))
        return config_pattern_key(value);
    config_problem(r, s,
                   "from: \"%s\" is no pattern of senders; write \"user@example.com\", "
                   "\"example.com\", \".example.com\" (everything below it), \"<>\" (notices) "
                   "or \"*\"",
                   config_shown(value));
    return NULL;
}

char *config_table_place(const struct config_reader *r, const config_setting_t *s)
{
    struct buf place;
    buf_init(&place, SIZE_MAX);
    buf_addf(&place, "%s:%u", config_text_file(r->text, (uint32_t)config_setting_source_line(s)),
             config_setting_place(r, s));
    return buf_steal(&place, NULL);
}
