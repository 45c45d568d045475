// SPDX-License-Identifier: BSD-2-Clause
// classify_text: what the wording of a temporary refusal says about when to come back.
//
// Only a hint for the choice of a retry class among 4xx replies; whether mail is given back is
// decided by the first digit alone and never by words. Internal to classify.
#ifndef FP_DELIVER_CLASSIFY_TEXT_H
#define FP_DELIVER_CLASSIFY_TEXT_H

#include "core/slice.h"

bool classify_text_is_rate(struct slice text);         // too much, too fast, too many connections
bool classify_text_is_greylist(struct slice text);     // come back in a few minutes
bool classify_text_is_mailbox_full(struct slice text); // over quota

#endif
