// SPDX-License-Identifier: BSD-2-Clause
// sender_key: which messages count as one sender's when mail is shared out among senders. Pure.
//
// A mailing gives each of its messages a sender of its own, so that bounces say whom they are about
// (VERP: "list-bounces+ann=example.org@lists.example", "b-1234-99@mail.example"). They are one
// sender all the same: of the local part only what stands before the first '+' or '=' counts, and
// digits do not. Letters' case does not count.
#ifndef FP_CORE_SENDER_KEY_H
#define FP_CORE_SENDER_KEY_H

#include "core/slice.h"

#include <stdint.h>

// 31 bits; the null sender has a key as others do. Two senders may by chance have the same one:
// then they share their turns.
uint32_t sender_key(struct slice sender);

#endif
