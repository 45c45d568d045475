// SPDX-License-Identifier: BSD-2-Clause
// table: what the tables of the configuration file have in common: rows that are groups, a
// member that each row must have, no row twice. Private to config/*_conf.c.
//
// A row is read into its place at the end of its table before anything in it is known to be right:
// config_close copes with half a row, and reading on tells all problems of it.
#ifndef FP_CONFIG_TABLE_CONF_H
#define FP_CONFIG_TABLE_CONF_H

#include "config/value_conf.h"

// Members that say for which part of what the key names a row is, and what means all of it.
struct config_condition {
    const char *name, *anything;
};

struct config_table {
    const char *name;
    const char *example;
    const struct config_member *members;
    size_t member_count;
    const char *key; // the member that a row must have
    void *(*add)(struct config *c);
    // The key's value, of which there may be only one row each, with the same conditions.
    char **(*key_of)(struct config *c, uint32_t row);
    const struct config_condition *conditions;
    size_t condition_count;
};

void config_table_read(struct config_reader *r, const struct config_table *t,
                       const config_setting_t *s);
// A zeroed element more at the end of an array, whose room doubles.
void *config_table_grow(void **rows, uint32_t *count, size_t size);

// The value of `for`, in lower case, the caller's to free; NULL after saying what is wrong with it.
char *config_table_pattern(struct config_reader *r, const config_setting_t *s);
// The value of `from`, likewise (core/sender_pattern.h).
char *config_table_sender(struct config_reader *r, const config_setting_t *s);
char *config_lower_case(const char *s);
// A pattern as addresses are held against it: in lower case, without the dot of the root.
char *config_pattern_key(const char *pattern);
// "FILE:LINE" of a setting, the caller's to free.
char *config_table_place(const struct config_reader *r, const config_setting_t *s);

#endif
