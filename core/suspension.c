// SPDX-License-Identifier: BSD-2-Clause
// suspension: what an operator wants left untried for a while. See suspension.h.
#include "core/suspension.h"

#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

enum { TEXT_MAX = 64 * 1024 };

void suspension_copy(struct suspension *to, const struct suspension *from)
{
    *to = *from;
    to->name = must_strdup(from->name ? from->name : "");
    to->reason = must_strdup(from->reason ? from->reason : "");
    to->who = must_strdup(from->who ? from->who : "");
    struct buf text;
    buf_init(&text, TEXT_MAX);
    suspension_say(to, &text);
    to->text = must_strdup(buf_slice(&text).p);
    buf_close(&text);
}

void suspension_close(struct suspension *s)
{
    free(s->name);
    free(s->reason);
    free(s->who);
    free(s->text);
    *s = (struct suspension){0};
}

void suspension_name(const struct suspension *s, struct buf *to)
{
    if (s->kind == SUSPENSION_EVERYTHING)
        buf_add_str(to, "everything");
    else if (s->kind == SUSPENSION_SENDER)
        buf_addf(to, "from=%s", s->name[0] ? s->name : "<>");
    else
        buf_add_str(to, s->name);
}

void suspension_say(const struct suspension *s, struct buf *to)
{
    buf_add_str(to, "suspended");
    if (s->until_ms != TIME_NEVER) {
        char text[TIME_TEXT_SIZE];
        time_format_iso(s->until_ms, text);
        buf_addf(to, " until %s", text);
    }
    if (s->who[0])
        buf_addf(to, " by %s", s->who);
    if (s->reason[0])
        buf_addf(to, ": %s", s->reason);
}
