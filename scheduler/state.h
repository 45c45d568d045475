// SPDX-License-Identifier: BSD-2-Clause
// state: what the files of the scheduler share. Not for anybody else.
//
//   scheduler.c    events in, effects out
//   destination.c  a destination's health: OPEN, RESTING, PROBING
//   domain.c       domains with open mail: when their next page is read, and how far reading got
//   backlog.c      those of which much is due: how their senders share it
//   window.c       the batches that are in memory, and the room for them
//   senders.c      those of one destination: whose turn it is
//   suspend.c      what operators have suspended
//   inflight.c     the recipients that are in our hands
//   reason.c       why a destination rests, kept small
//   list.h, core/hash, core/heap
//
// (I1) parked_rcpts is the sum of window_rcpts over the destinations that are not OPEN.
// (I2) A destination is in `run` or `passed` exactly when it may start a batch, in `read` exactly
// when it may
//      ask for a page: destination_refresh is called after every change that could matter.
// (I3) After a feed no node in `rests` or `dues` is in the past, so the deadline is always ahead:
//      what is due is in a destination's list and waits for room, not for the clock.
#ifndef FP_SCHEDULER_STATE_H
#define FP_SCHEDULER_STATE_H

#include "core/heap.h"
#include "scheduler/backlog.h"
#include "scheduler/inflight.h"
#include "scheduler/list.h"
#include "scheduler/reason.h"
#include "scheduler/scheduler.h"
#include "scheduler/senders.h"

enum {
    READS_MAX = 64,            // pages asked for at the same time
    READS_PER_DESTINATION = 8, // of these for one destination, whose domains may be many and small
    READ_RETRY_MS = 1000,      // after a page that could not be read
    LOCAL_REST_MS = 60 * 1000, // after a failure of our own
    LOGIN_REST_MAX_MS = 15 * 60 * 1000, // after our credentials were refused again and again
    NETWORK_SPREAD_MS = 3000,           // of the probes, when a network has appeared
    FORGET_MS = 24 * 3600 * 1000,       // behind the rest of a destination without mail
    SCAN_MS = 3600 * 1000,              // between looks for such ones
    UNTRIED_LEAVE = 5,                  // D11: a fifth is for destinations that answer
    LOCAL_REFUSALS = 3, // so many in a row are not about what was asked, but about us
};

struct scheduler {
    struct scheduler_settings settings;
    int64_t now_ms; // the newest seen (D5)
    bool is_paused;
    bool is_braked;                   // the windows fill, but nothing is started
    struct destination *destinations; // hash by name
    struct domain *domains;           // hash by name
    struct inflight *inflight;        // hash by recipient
    struct sender_lines lines;        // hash by destination, sender, priority
    struct backlog *backlogs;         // hash by domain
    struct heap rests;                // destinations, by the end of their rest
    struct heap dues;                 // domains, by when they want to be read
    struct list run, read;            // destinations that take turns (D2)
    struct list passed;               // those of run that wait for room by D11
    struct list unsaved;              // destinations whose health the spool does not know yet
    struct destination **idle;        // destinations to be forgotten, unless something came up
    size_t idle_count, idle_room;
    struct batch *discards; // to be given back, linked by next
    struct reasons *shown;
    int64_t next_scan_ms; // when destinations are looked through for what can be forgotten
    struct suspensions suspensions;
    struct suspension over;  // that the last pull told of
    uint32_t running;        // batches started and not done,
    uint32_t untried;        // those of them that D11 is about
    uint32_t reading;        // pages asked for
    uint32_t window_batches; // in all windows
    uint32_t window_rcpts;
    uint32_t parked_rcpts;
    uint32_t resting; // destinations that are not OPEN
};

#endif
