// SPDX-License-Identifier: BSD-2-Clause
// deadline: mail whose sender has set a time for its delivery (DELIVERBY). Pure. RFC 2852 4.
//
// What is to be given back then (R) may be handed only to a host that keeps the time itself, or has
// the mailbox (LMTP); where the sender is only to be told (N), to every host, and who does not keep
// it is told of to the sender. When the time is over here is queue/settle's.
#ifndef FP_DELIVER_DEADLINE_H
#define FP_DELIVER_DEADLINE_H

#include "deliver/ehlo.h"
#include "deliver/tally.h"

// Adds " BY=..." where the host offers it.
void deadline_add(const struct session_batch *b, const struct ehlo_caps *caps, int64_t now_ms,
                  struct buf *to);
// True: the host cannot have it, and the tally is settled.
bool deadline_refuse(struct tally *t, const struct ehlo_caps *caps, const struct hop *hop,
                     int64_t now_ms);
// Delivered to a host: is its sender to be told of that, whether he asked for it or not?
bool deadline_is_told(const struct session_batch *b, const struct ehlo_caps *caps);

#endif
