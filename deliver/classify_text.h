// SPDX-License-Identifier: BSD-2-Clause
// classify_text: what the wording of a refusal says.
//
// For the choice of a retry class among 4xx replies it is a hint; whether mail is given back is
// decided by the first digit alone and never by words. The exception are relays of our own, which
// have no code that would tell their opinion of us from that of a mail (classify_relay). Internal
// to classify.
#ifndef FP_DELIVER_CLASSIFY_TEXT_H
#define FP_DELIVER_CLASSIFY_TEXT_H

#include "core/slice.h"

enum classify_text {
    TEXT_RATE,         // too much, too fast, too many connections
    TEXT_GREYLIST,     // come back in a few minutes
    TEXT_MAILBOX_FULL, // over quota
    TEXT_CLIENT,       // about the host that speaks, its address, its right to relay
    TEXT_SENDER,       // about the address in MAIL
    TEXT_TLS,          // it wants TLS
};

bool classify_text_says(struct slice text, enum classify_text what);

#endif
