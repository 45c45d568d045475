// SPDX-License-Identifier: BSD-2-Clause
// domain: one domain with open mail in the spool: when it is read next, and how far reading got.
//
//     WAITING   nothing is known to be due before next_due_ms
//     DUE       in its destination's list until there is room for a page
//     READING   a page was asked for
//     RETRYING  the page could not be read; asked for again in a second
//     SHARING   all that is due now has been looked at; lanes of its backlog are read (backlog.h)
//
// Reading goes in *passes*: from the beginning to the page that says is_done, with a cursor between
// pages. What is said meanwhile about due times is collected in next_due_ms, so that a row which
// was committed behind the cursor gets a pass of its own.
//
// A pass of which there is more than one page, or whose turn does not come because the window is
// full, is shared among the senders: then it has a backlog, and is over when that has no lanes and
// nothing more has come due. The passes of a flush, and those of manual mode, are not shared.
//
// A flush is a pass without horizon, over what was not attempted since. It learns no due times, but
// none are lost either: what was said before stays in next_due_ms, and what is attempted meanwhile
// says its next time when it has settled.
//
// In manual mode no due times are known. A flush by marks is a pass over the rows that are marked
// with marked_ms or later. Marks that are told while its pages are read lie behind the cursor, as
// later flushes have later marks; next_due_ms keeps the first of them, for the case that the last
// page has been read.
//
// A domain hangs on one destination, whose room and health decide when it is read. Its recipients
// may still be routed elsewhere one by one; then it moves to where something can be done.
#ifndef FP_SCHEDULER_DOMAIN_H
#define FP_SCHEDULER_DOMAIN_H

#include "scheduler/destination.h"

enum domain_state {
    DOMAIN_WAITING,
    DOMAIN_DUE,
    DOMAIN_READING,
    DOMAIN_RETRYING,
    DOMAIN_SHARING,
};

// What a domain has only while it is read page by page, or flushed: of a hundred thousand that wait
// few have it.
struct domain_pass {
    int64_t flush_ms;           // when the flush was asked for; TIME_NEVER: none
    int64_t marked_ms;          // likewise of the flush by marks
    struct due_key after;       // cursor; INT64_MIN: a pass begins
    struct inflight *lingering; // D1
};

struct domain {
    UT_hash_handle hh;
    struct destination *destination;
    struct list due;          // in the destination's list while DUE
    struct heap_node wake;    // in `dues` while WAITING for a time, RETRYING or SHARING
    int64_t next_due_ms;      // TIME_NEVER: nothing known
    struct domain_pass *pass; // NULL: nothing of it
    uint8_t state;            // enum domain_state
    bool is_suspended;        // D9: while DUE it is in nobody's list
    bool is_stale;            // what is being read belongs to a pass that was given up
    bool has_backlog;         // its pass is shared
    char name[];
};

struct domain *domain_find(const struct scheduler *s, const char *name);
struct domain *domain_get(struct scheduler *s, const char *name, struct destination *to); // made
// There is open mail of it, due then. Its rows go to `to`; sticky, see above.
void domain_note(struct scheduler *s, const char *name, struct destination *to, int64_t due_ms);
// The pipeline tells where its mail goes by today's routes.
void domain_tell(struct scheduler *s, const struct sched_event *event);

// This recipient of b, for which the destination has no room, is in the spool alone. due_ms: when
// it may be read again. One that goes elsewhere than its domain is left to the next pass.
void domain_return(struct scheduler *s, const struct destination *dest, const struct batch *b,
                   const struct recipient *r, int64_t due_ms);

// Is there a domain of the open destination d that is DUE, and room for it?
bool domain_may_read(const struct scheduler *s, const struct destination *d);
// Asks for the next page of one of d's domains. limit: recipients. False: nobody needs one.
bool domain_read(struct scheduler *s, struct destination *d, uint32_t limit,
                 struct sched_effect *ret);
void domain_suspend(struct scheduler *s, struct domain *d, bool is_suspended);
void domain_page_end(struct scheduler *s, const struct sched_event *event);
void domain_flush(struct scheduler *s, struct domain *d, int64_t at_ms);
void domain_flush_marked(struct scheduler *s, struct domain *d, int64_t at_ms);
// The destination rests: passes that are shared begin again, so that there is mail for a probe.
void domain_share_no_more(struct scheduler *s, struct destination *d);
// The destination has failed: flushes of its domains are over (manual mode).
void domain_give_up(struct scheduler *s, struct destination *d);

// The recipient is in nobody's hands any more. f: its entry, NULL when it has none. While its
// domain is being read the entry stays, or is made, until that page has ended (D1).
void domain_let_go(struct scheduler *s, const char *name, uint64_t message, uint32_t n,
                   struct inflight *f);

void domain_wake(struct scheduler *s);       // those that are due by now
void domain_forget_all(struct scheduler *s); // but for what is being read or flushed
void domain_free(struct scheduler *s, struct domain *d);

#endif
