// SPDX-License-Identifier: BSD-2-Clause
// explain: which rows of the configuration give the values for one address. Pure.
#ifndef FP_CONFIG_EXPLAIN_H
#define FP_CONFIG_EXPLAIN_H

#include "config/config.h"

struct config_question {
    const char *address;
    const char *sender; // NULL: anybody's mail; "": notices
    const char *host;   // that takes the address's mail, for rows "mx:HOST"; NULL: not known
};

// Adds lines for people: the route, the retry rule and the limits for mail to the address, each
// value with the row that gives it, and what is different behind the kinds of failure that have
// rows of their own.
void config_explain(const struct config *c, const struct config_question *asked, struct buf *to);

// A schedule as it is written, "5m*3 15m x1.5<=4h".
void config_explain_schedule(const struct schedule *s, struct buf *to);

#endif
