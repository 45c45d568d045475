// SPDX-License-Identifier: BSD-2-Clause
// classify_relay: see classify_relay.h. Codes: RFC 4954 6 (432, 530, 534, 535, 538; X.7.8, X.7.9,
// X.7.11), RFC 3207 4 (530 "Must issue a STARTTLS command first"), RFC 7504 (521, 556).
#include "deliver/classify_relay.h"

#include "deliver/classify_text.h"

#include <string.h>

static bool blame(struct outcome *o, enum outcome_class klass, enum outcome_blocked blocked)
{
    o->klass = klass;
    o->blocked = (uint8_t)blocked;
    return true;
}

static bool is_about_policy(const struct reply_parser *reply) // X.7.z
{
    return reply->enhanced[0] && strncmp(reply->enhanced + 1, ".7.", 3) == 0;
}

static bool wants_credentials(enum outcome_stage stage, int code)
{
    return (stage == STAGE_AUTH && code == 432) || code == 530 || code == 534 || code == 535 ||
           code == 538;
}

// 500 to 504: it does not know the command, which says nothing about us.
static bool is_refusal(int code)
{
    return code > 504 && code < 600;
}

static bool refuses_credentials(struct slice text, int code, struct outcome *ret)
{
    if (code == 538 || (code == 530 && classify_text_says(text, TEXT_TLS)))
        return blame(ret, CLASS_TLS, BLOCKED_TLS);
    return blame(ret, CLASS_AUTH, BLOCKED_CREDENTIALS);
}

// Of a mail there has been no word yet.
static bool refuses_to_talk(enum outcome_stage stage, int code, struct outcome *ret)
{
    if (stage == STAGE_STARTTLS && code >= 500)
        return blame(ret, CLASS_TLS, BLOCKED_TLS);
    if (stage == STAGE_AUTH && code >= 500)
        return blame(ret, CLASS_AUTH, BLOCKED_CREDENTIALS);
    // 504 is about the name that we have said.
    return (stage == STAGE_GREETING || stage == STAGE_EHLO) && (is_refusal(code) || code == 504) &&
           blame(ret, CLASS_HOST, BLOCKED_RELAY);
}

static bool refuses_us(enum outcome_stage stage, const struct reply_parser *reply)
{
    struct slice text = {reply->text, reply->text_n};
    if (reply->code < 500 &&
        (classify_text_says(text, TEXT_GREYLIST) || classify_text_says(text, TEXT_RATE)))
        return false; // it will have us, later
    if (classify_text_says(text, TEXT_CLIENT))
        return true;
    return stage == STAGE_MAIL && !classify_text_says(text, TEXT_SENDER) &&
           (reply->code == 554 ? !reply->enhanced[0] || is_about_policy(reply)
                               : is_refusal(reply->code) && is_about_policy(reply));
}

bool classify_relay_refusal(enum outcome_stage stage, const struct reply_parser *reply,
                            struct outcome *ret)
{
    struct slice text = {reply->text, reply->text_n};
    if (wants_credentials(stage, reply->code))
        return refuses_credentials(text, reply->code, ret);
    if (stage < STAGE_MAIL)
        return refuses_to_talk(stage, reply->code, ret);
    return stage <= STAGE_RCPT && reply->code != 421 && refuses_us(stage, reply) &&
           blame(ret, CLASS_HOST, BLOCKED_RELAY);
}
