// SPDX-License-Identifier: BSD-2-Clause
// glance: the two settings that a command needs, hostname and socket, without reading the
// tables. Pure; config/glance_fs brings the lines.
//
// sendmail starts for every message and mailq for every look; neither wants 20,000 routes. The
// glance knows just so much of the file's grammar that it can pass over values, and looks at names
// of the outermost level. Whatever it is not sure of (a setting that is unknown or stands twice, a
// value of the two that is wrong or oddly written, a bracket too many) it leaves to config_load,
// which says what is wrong: so there is one judge of what is right. What is wrong with other
// values, and within tables, is for the daemon and check.
//
//     config_glance_init(&g, config_setting_names);
//     while (is_sure && there is a line)
//         is_sure = config_glance_line(&g, line);
//     is_sure = is_sure && config_glance_end(&g);
#ifndef FP_CONFIG_GLANCE_H
#define FP_CONFIG_GLANCE_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONFIG_GLANCE_VALUE_MAX = 255 };

struct config_glance {
    // "" where nothing is written; good for something once the end was reached
    char hostname[CONFIG_GLANCE_VALUE_MAX + 1];
    char socket[CONFIG_GLANCE_VALUE_MAX + 1];
    // inside
    const char *const *names; // of settings, as far as to the "." in them
    uint64_t seen;            // bits by index into names
    int scan;                 // in plain text, a string or a comment
    int expects;              // what comes next in the file's outermost level
    uint32_t depth;           // of brackets that are open
    char *wanted;             // where the value that is read goes; NULL: it is passed over
    size_t n;                 // of what stands there
};

// names: of all settings, NULL-terminated, at most 64; borrowed. What follows a "." is of rows.
void config_glance_init(struct config_glance *g, const char *const *names);
// A line without its end. False: it is not sure, and of no further use.
bool config_glance_line(struct config_glance *g, struct slice line);
// Is the next line one of its own, not inside of a string or a comment? Then it may include a file.
bool config_glance_is_plain(const struct config_glance *g);
bool config_glance_end(const struct config_glance *g);

#endif
