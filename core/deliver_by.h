// SPDX-License-Identifier: BSD-2-Clause
// deliver_by: the parameter BY of MAIL. Pure. RFC 2852 4.
#ifndef FP_CORE_DELIVER_BY_H
#define FP_CORE_DELIVER_BY_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct deliver_by {
    int64_t seconds; // from now on; negative: it is over already
    bool is_return; // R: then the message is given back; else N: its sender is told that it is late
    bool is_traced; // T: the sender is told of each handing on
};

// "120;R", "-5;nt". False for what is none, and for R with no time left.
bool deliver_by_parse(struct slice value, struct deliver_by *ret);
void deliver_by_add(const struct deliver_by *by, struct buf *to);

#endif
