// SPDX-License-Identifier: BSD-2-Clause
// sweep: how far the look at mail that has grown old has come. See sweep.c; a part of the pipeline.
#ifndef FP_PIPELINE_SWEEP_H
#define FP_PIPELINE_SWEEP_H

#include "core/spans.h"

#include <stdbool.h>
#include <stddef.h>

struct sweep {
    bool is_running, is_reading;
    bool wants_all;              // the next pass looks at mail of every age
    int64_t least_age_ms;        // nothing younger can be due
    int64_t seen_ms;             // until when whatever came of age was looked at
    int64_t until_ms;            // likewise, when this pass has ended
    struct spans spans;          // arrivals that this pass looks at
    struct spans again;          // and the next one, whatever becomes of age
    struct spans by, by_again;   // likewise, of mail with a time of its own
    bool has_by, wants_every_by; // this pass has asked for such mail, whenever its time was
    uint32_t level;
    int64_t from_ms; // where the next page begins
    uint64_t from_id;
    uint32_t from_n;
    uint32_t under_way; // settlings of this page
    bool is_last_page;
    uint32_t next_level;
    uint64_t *settled; // messages of which something was settled while a page was being read
    size_t settled_count, settled_cap;
};

#endif
