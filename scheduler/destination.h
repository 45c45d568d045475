// SPDX-License-Identifier: BSD-2-Clause
// destination: one next hop as the scheduler sees it: its health, its turn, its window.
//
// The states and the rules D2 to D4 are explained in scheduler.h. A destination is forgotten at the
// start of the next feed once it has no mail, nothing under way, and is healthy.
#ifndef FP_SCHEDULER_DESTINATION_H
#define FP_SCHEDULER_DESTINATION_H

#include "scheduler/pace.h"
#include "scheduler/state.h"

struct destination {
    UT_hash_handle hh;
    struct list run, read, unsaved; // membership in the scheduler's lists
    struct list due;                // its domains that wait to be read, oldest first
    struct senders senders;         // the window
    struct backlogs *backlogs;      // NULL: none of its domains is shared out
    struct reason *why;             // NULL when healthy
    // In `rests` while the rest lasts, at_ms stays its end; of an open one, while its rate makes it
    // wait.
    struct heap_node rest;
    int64_t since_ms;      // first failure of this outage; 0: healthy
    int64_t last_probe_ms; // last failure of this outage; 0: healthy
    uint32_t failures;     // of the host, in a row
    uint32_t noted;        // failures noted so far, our own too; a batch carries it (D4)
    uint32_t running;
    uint32_t window_batches, window_rcpts;
    uint32_t paged_rcpts; // those of window_rcpts that came out of pages
    uint32_t domain_count;
    uint32_t rcpts_max; // by today's rules
    struct pace pace;
    uint32_t closing; // conversations that only say goodbye: they still are connections
    uint32_t local_s; // last failure of our own, s since the epoch, rounded up; 0: never
    uint8_t reading;  // pages asked for, for its domains
    uint8_t state;    // enum destination_state
    uint8_t blocked;  // enum outcome_blocked
    uint8_t refusals; // of us, in a row
    uint8_t logins;   // of our credentials, in a row
    bool is_idle_listed : 1;
    bool is_suspended : 1; // D9
    char name[];
};

struct destination *destination_find(const struct scheduler *s, const char *name);
struct destination *destination_get(struct scheduler *s, const char *name); // made when unknown

// Puts it where it belongs by what it may do now (I2).
void destination_refresh(struct scheduler *s, struct destination *d);
bool destination_is_resting(const struct scheduler *s,
                            const struct destination *d); // rest not over
// Something of it has come through since it last rested (D11).
bool destination_answers(const struct destination *d);
bool destination_needs_probe(const struct scheduler *s, const struct destination *d); // rest over

void destination_started(struct scheduler *s, struct destination *d, struct batch *b);
void destination_done(struct scheduler *s, const struct sched_event *event);
void destination_closing(struct scheduler *s, const struct sched_event *event);
void destination_closed(struct scheduler *s, const struct sched_event *event);
void destination_learn_health(struct scheduler *s, const struct sched_event *event);
// The operator wants it tried now: rests end, one probe each where the host had failed.
void destination_flush(struct scheduler *s, struct destination *d);
// Does it rest because there was no network, or what looks like it? Then it is probed soon.
bool destination_rests_for_network(const struct scheduler *s, const struct destination *d);
void destination_try_early(struct scheduler *s, struct destination *d);
// It gets as many connections as one that answers again.
void destination_begin_again(struct scheduler *s, struct destination *d);
// Does it rest for that (enum outcome_blocked) and for nothing that the host has done?
bool destination_rests_blocked(const struct destination *d, uint8_t blocked);
void destination_unblock(struct scheduler *s, struct destination *d); // that is over
// New settings: limits are looked up again, a rest that was our own fault is over.
void destination_reset(struct scheduler *s, struct destination *d);

void destination_wake(struct scheduler *s); // ends the rests that are over by now
void destination_reap(struct scheduler *s); // forgets the idle ones
void destination_free(struct scheduler *s, struct destination *d);

#endif
