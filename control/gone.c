// SPDX-License-Identifier: BSD-2-Clause
// gone: what became of a message that is not in the queue any more. See gone.h.
#include "control/gone.h"

#include "control/column.h"
#include "core/must.h"

const char *gone_name(enum gone_how how)
{
    static const char *const names[] = {
        [GONE_DELIVERED] = "delivered", [GONE_FAILED] = "failed",   [GONE_EXPIRED] = "expired",
        [GONE_REMOVED] = "removed",     [GONE_BOUNCED] = "bounced",
    };
    must((unsigned)how < sizeof names / sizeof *names);
    return names[how];
}

static void add_how(const struct gone *g, struct column *c)
{
    static const char *const words[] = {
        [GONE_DELIVERED] = " was delivered",
        [GONE_FAILED] = " was refused for good",
        [GONE_EXPIRED] = " was given up by ",
        [GONE_REMOVED] = " was removed by an operator",
        [GONE_BOUNCED] = " was given back by an operator",
    };
    must((unsigned)g->how < sizeof words / sizeof *words);
    column_str(c, words[g->how]);
    if (g->how == GONE_EXPIRED) // older rows do not say why
        column_text(c, g->reason[0] ? g->reason : "its age or the number of its attempts");
    if (g->how > GONE_FAILED || !g->host[0])
        return;
    column_str(c, g->how == GONE_DELIVERED ? " to " : " by ");
    column_text(c, g->host);
}

void gone_sentence(const struct gone *g, int utc_offset_s, struct buf *to)
{
    struct column c = column_begin(to);
    const char *said = g->how == GONE_REMOVED ? g->reason : g->reply;
    column_str(&c, "<");
    column_text(&c, g->address);
    column_str(&c, ">");
    add_how(g, &c);
    column_str(&c, " on ");
    column_time_exact(&c, g->at_ms, utc_offset_s);
    if (said[0]) {
        column_str(&c, g->how == GONE_EXPIRED ? ", last: " : ": ");
        column_text(&c, said);
    }
    column_commit(&c);
}
