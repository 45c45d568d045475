// SPDX-License-Identifier: BSD-2-Clause
// settling_internal: one settlement under way; shared by settling.c and notices.c.
#ifndef FP_PIPELINE_SETTLING_INTERNAL_H
#define FP_PIPELINE_SETTLING_INTERNAL_H

#include "pipeline/pipeline_internal.h"

enum settling_state { SETTLING_HEADER, SETTLING_STORING, SETTLING_READING, SETTLING_WAITING };

struct settling {
    enum settling_state state;
    struct message message;
    struct recipient *rcpts;
    uint32_t rcpt_count;
    uint32_t counted;          // in p->settling_rcpts
    struct outcome *outcomes;  // by recipient; NULL when no attempt was made
    struct settle_plan *plans; // by recipient
    const char **withheld;     // by recipient: why its refusal is held; NULL: none is
    struct settle_times times;
    int64_t queued_ms;
    int64_t host_retry_ms; // when the destination rests until, 0 when it does not
    bool is_operator;      // an operator gives the mail back
    struct body *body;     // the body or its first chunk, for notices; NULL: not read
    settling_done *done;
    void *done_arg;
    struct alarm alarm;
    struct settling *prev, *next;
};

// Did the sender ask to hear of what has just become of the recipient, and is it for us to say
// (RFC 3461 5.2)?
bool settling_tells_arrival(const struct settling *s, uint32_t i);

// Fills st->notices with the entries that are due for what the plans say.
void notices_make(struct pipeline *p, struct settling *s, struct op_settle *st);

#endif
