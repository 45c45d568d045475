// SPDX-License-Identifier: BSD-2-Clause
// handover: a message that goes to a folder or a program of this machine: what is to be done for a
// recipient, and the way of the content through the client. Somebody else does it
// (core/handover.h).
//
// On top of the text stand Return-Path (RFC 5321 4.4) and Delivered-To; lines end with LF, as
// everything on this machine wants it. One recipient each.
#ifndef FP_DELIVER_HANDOVER_H
#define FP_DELIVER_HANDOVER_H

#include "core/handover.h"
#include "deliver/client.h"
#include "deliver/target.h"

// What a target says for one recipient; owns what `order` points at. Zeroed it is empty.
struct handover {
    struct handover_order order;
    struct buf text; // path, or the words of the command, each with its NUL
};
void handover_close(struct handover *h);
// False: the recipient's address (or the sender) cannot stand there.
bool handover_make(struct handover *h, const struct target *t, const char *hostname,
                   const char *sender, const char *rcpt);

// The client's part: it was told to begin; the result came.
void handover_begin(struct client *c);
// True: the program's time is over, and the tally settled.
bool handover_on_timer(struct client *c);
void handover_on_result(struct client *c, const struct handover_result *result);

#endif
