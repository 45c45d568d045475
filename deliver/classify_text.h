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

bool classify_text_is_rate(struct slice text);         // too much, too fast, too many connections
bool classify_text_is_greylist(struct slice text);     // come back in a few minutes
bool classify_text_is_mailbox_full(struct slice text); // over quota

// The refusal is about the host that speaks, its address, its right to relay.
bool classify_text_is_about_client(struct slice text);
bool classify_text_is_about_sender(struct slice text); // about the address in MAIL
bool classify_text_wants_tls(struct slice text);

#endif
