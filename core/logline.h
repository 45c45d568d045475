// SPDX-License-Identifier: BSD-2-Clause
// logline: the wording of the log, which Postfix's readers (pflogsumm, logwatch, exporters) parse.
//
// One line per decision. Everything a stranger said is escaped (core/text).
#ifndef FP_CORE_LOGLINE_H
#define FP_CORE_LOGLINE_H

#include "core/buf.h"
#include "core/message.h"
#include "core/outcome.h"

enum { LOGLINE_MAX = 8192 }; // a `to` with this maximum holds every line whole

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// "ID: from=<a>, size=N, nrcpt=N (queue active)"
void logline_accepted(const struct message *m, uint32_t rcpt_count, struct buf *to);

struct logline_delivery {
    uint64_t id;
    const char *address;
    const struct outcome *outcome;
    int64_t delay_ms;     // since arrival
    int64_t delays_ms[4]; // before the queue manager, in the queue, connection set-up, transmission
};
// "ID: to=<b>, relay=HOST[IP]:PORT, delay=S, delays=a/b/c/d, dsn=X.Y.Z, status=WORD (TEXT)"
// WORD is sent, deferred or bounced; TEXT is outcome_describe's; relay=none when nobody was
// reached; delays as logline_add_delay writes them.
void logline_delivery(const struct logline_delivery *d, struct buf *to);
// A length of time in seconds as Postfix has it: two significant digits, at most two of them behind
// the point ("0", "0.01", "0.5", "1.2", "12"), whole seconds from 10 s on ("345").
void logline_add_delay(int64_t ms, struct buf *to);
// "ID: removed"
void logline_removed(uint64_t id, struct buf *to);
// "ID: from=<a>, status=expired, returned to sender"
void logline_expired(uint64_t id, const char *sender, struct buf *to);

#endif
