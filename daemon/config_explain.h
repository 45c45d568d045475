// SPDX-License-Identifier: BSD-2-Clause
// config_explain: which rows of the configuration give the values for one address. Pure.
#ifndef FP_DAEMON_CONFIG_EXPLAIN_H
#define FP_DAEMON_CONFIG_EXPLAIN_H

#include "daemon/config.h"

// Adds lines for people: the route, the retry rule and the limits for mail to `address`, each value
// with the row that gives it, and what is different behind the kinds of failure that have rows of
// their own. sender: NULL for anybody's mail, "" for notices.
void config_explain(const struct config *c, const char *address, const char *sender,
                    struct buf *to);

// A schedule as it is written, "5m*3 15m x1.5<=4h".
void config_explain_schedule(const struct schedule *s, struct buf *to);

#endif
