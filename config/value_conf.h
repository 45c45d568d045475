// SPDX-License-Identifier: BSD-2-Clause
// value: single values of the configuration file, checked, and the wording of what is wrong
// with them. Private to config/*_conf.c.
//
// Every reader says its own problem and then returns false (or NULL), leaving its result untouched,
// so that reading goes on and all problems of a file are told at once.
#ifndef FP_CONFIG_VALUE_CONF_H
#define FP_CONFIG_VALUE_CONF_H

#include "config/text_fs.h"
#include "core/buf.h"

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

struct config;

struct config_reader {
    const struct config_text *text;
    struct buf *problems;
    struct config *config;
    bool has_failed;
    bool has_listen; // `listen` was written
};

// One setting that a group may have. `into` is what the group's values go to.
struct config_member {
    const char *name;
    void (*read)(struct config_reader *r, const config_setting_t *s, void *into);
};

// Reads each setting of the group by its member; unknown names are problems.
// where: " in retry" or "", for the sentence.
void config_members_read(struct config_reader *r, const config_setting_t *group,
                         const struct config_member *members, size_t count, void *into,
                         const char *where);

// "FILE:LINE: SENTENCE"; the warning leaves the configuration usable.
void config_problem(struct config_reader *r, const config_setting_t *s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void config_warning(struct config_reader *r, const config_setting_t *s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The value as it may be shown: escaped, and cut when it is long. Valid until the next call.
const char *config_shown(const char *value);
uint32_t config_setting_place(const struct config_reader *r, const config_setting_t *s);

// NULL: no string. May be "".
const char *config_string(struct config_reader *r, const config_setting_t *s);
// NULL: no string, or an empty one.
const char *config_text_value(struct config_reader *r, const config_setting_t *s);
bool config_truth(struct config_reader *r, const config_setting_t *s, bool *ret);
bool config_integer(struct config_reader *r, const config_setting_t *s, int64_t min, int64_t max,
                    int64_t *ret);
bool config_duration(struct config_reader *r, const config_setting_t *s, int64_t min_ms,
                     int64_t max_ms, int64_t *ret_ms);
bool config_size(struct config_reader *r, const config_setting_t *s, int64_t min, int64_t max,
                 int64_t *ret_bytes);
// Is it a list of strings, [ "a", "b" ]? Its elements can then be taken with config_element.
bool config_strings(struct config_reader *r, const config_setting_t *s, uint32_t max);
const char *config_element(const config_setting_t *s, uint32_t i);
// The index of the value among the words; -1 after saying which there are.
int config_word(struct config_reader *r, const config_setting_t *s, const char *const *words,
                size_t count);

#endif
