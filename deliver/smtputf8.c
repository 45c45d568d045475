// SPDX-License-Identifier: BSD-2-Clause
// smtputf8: see smtputf8.h.
#include "deliver/smtputf8.h"

#include "core/utf8.h"

static bool is_wide(const char *address)
{
    return !utf8_is_ascii(slice_str(address));
}

bool smtputf8_is_wanted(const struct session_batch *batch)
{
    if ((batch->traits & MESSAGE_UTF8) || is_wide(batch->sender))
        return true;
    for (uint32_t i = 0; i < batch->rcpt_count; i++)
        if (is_wide(batch->rcpts[i]))
            return true;
    return false;
}

bool smtputf8_refuse(struct tally *t, const struct ehlo_caps *caps, const struct hop *hop)
{
    const struct session_batch *b = t->batch;
    struct outcome o;
    if (caps->has_smtputf8)
        return false;
    if (is_wide(b->sender) || (b->traits & MESSAGE_UTF8_HEADER)) {
        classify_no_utf8(is_wide(b->sender) ? UTF8_SENDER : UTF8_HEADER, hop, tally_settle(t));
        return true;
    }
    for (uint32_t i = 0; i < b->rcpt_count; i++)
        if (tally_is_open(t, i) && is_wide(b->rcpts[i])) {
            classify_no_utf8(UTF8_RECIPIENT, hop, &o);
            tally_refuse(t, i, &o);
        }
    if (!tally_is_refused(t))
        return false;
    *tally_settle(t) = *t->rcpts[0].own;
    return true;
}
