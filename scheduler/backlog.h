// SPDX-License-Identifier: BSD-2-Clause
// backlog: a domain of which more is due than is to be in memory, shared out among its senders.
//
// Such a domain is read in two ways. Its cursor goes on through all that is due, takes a little of
// each sender (a *portion*) and passes over the rest of those who have more, so that it comes to
// everybody soon. Who has more is a *lane*: it is known from where on its mail was passed over, and
// a new portion is read there whenever little of it is left in the window. Lanes end at the cursor.
//
// (B1) What is due up to the cursor has been taken, or stands behind the beginning of its sender's
//      lane, or, when there was no lane to be had for it, is left to the domain's next pass.
// (B2) So each entry is looked at once by the cursor, and at most once for each lane. An entry is a
//      row of the index; there are DUE_SENDERS_MAX lanes.
// (B3) A portion is a page divided by the lanes, at least an eighth: so the lanes of a destination
//      have three pages in the window at most, with what was left of the portions before.
//
// Senders beyond DUE_SENDERS_MAX mailings at the same time are read in the order of the due times.
#ifndef FP_SCHEDULER_BACKLOG_H
#define FP_SCHEDULER_BACKLOG_H

#include "core/due.h"
#include "core/hash.h"
#include "scheduler/list.h"

struct destination;
struct domain;
struct scheduler;
struct batch;

enum {
    BACKLOGS_MAX = 500,   // domains that are shared out at the same time
    BACKLOG_LOOK_MS = 10, // at the earliest so long after the last look for what has come due
};

struct backlog_lane {
    uint32_t sender;
    int32_t priority;
    struct due_key from;     // exclusive
    struct due_key returned; // what was given back while it was read begins behind this; DUE_END
};

// Of one domain. Which one that is: the hash's key.
struct backlog {
    struct domain *domain;
    UT_hash_handle hh;
    struct list in_destination; // while the cursor has nothing to do
    int64_t look_ms;            // the cursor goes on then; TIME_NEVER: nothing will be due
    int64_t looked_ms;          // when it went on last
    int64_t rest_ms;            // no lane is read before: what was read found no room
    uint32_t lane_count;
    struct backlog_lane lanes[DUE_SENDERS_MAX];
    struct backlog_lane *reading; // NULL: the cursor's page is being read, or none
    struct due_sharing asked;     // of the page that is being read
};

// Of one destination: domains whose cursors have nothing to do, but whose lanes may be read.
struct backlogs {
    struct list list;
    uint32_t lanes;  // as many as the domain with most of them has had
    bool is_thirsty; // some lane may have little in the window
};

// NULL when there are too many already.
struct backlog *backlog_new(struct scheduler *s, struct domain *d);
struct backlog *backlog_find(const struct scheduler *s, const struct domain *d); // NULL: none
void backlog_free(struct scheduler *s, struct backlog *b);                       // in no list

// The cursor has nothing to do, or something again. to: the domain's destination.
void backlog_enter(struct backlog *b, struct destination *to);
void backlog_leave(struct backlog *b, struct destination *from);
// May a lane of one of its domains be read?
bool backlog_is_thirsty(const struct destination *d);
// One with the least in the window, when that is little; it is `reading` then. NULL: none.
struct backlog *backlog_pick(struct scheduler *s, struct destination *d);

// n recipients of the batch leave the window.
void backlog_lost(const struct scheduler *s, struct destination *d, const struct batch *b,
                  uint32_t n);

// What the cursor's next page passes over, and what it takes. Lives until that page has ended.
const struct due_sharing *backlog_share(struct scheduler *s, struct backlog *b,
                                        const struct destination *d);
// Likewise of the next page of the lane that is `reading`, of left_each rows.
const struct due_sharing *backlog_share_lane(const struct scheduler *s, struct backlog *b,
                                             const struct destination *d, struct due_key cursor);
// The cursor's page was read: who was passed over. False: there are more lanes meanwhile than when
// it was asked for, and too few are left; it is to be read again.
bool backlog_learn(struct backlog *b, const struct due_sharing *read);
// The lane's page was read, up to `last` unless the lane has ended.
void backlog_lane_read(struct backlog *b, bool is_done, struct due_key last);
// What the cursor has passed, or is passing, is in the spool only. False: no room for a lane.
bool backlog_return(struct backlog *b, uint32_t sender, int32_t priority, struct due_key key);

#endif
