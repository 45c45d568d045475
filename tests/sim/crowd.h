// SPDX-License-Identifier: BSD-2-Clause
// crowd: many SMTP clients at once in the simulated world. Each sends its messages one after the
// other over one connection, in pieces, as fast as it is read; one that gets a 4xx gives that
// message up and goes on with the next.
//
//     struct crowd *c = crowd_new(w, &(struct crowd_options){.clients = 40, .messages = 3, ...});
//     crowd_run(c, TIME_MINUTE_MS);
//     ... c->accepted, c->refused ...
//     crowd_free(c);
#ifndef FP_TESTS_SIM_CROWD_H
#define FP_TESTS_SIM_CROWD_H

#include "simulate/world_db.h"

struct crowd_options {
    char name;                  // of recipients; another one for each crowd
    uint32_t clients, messages; // of each
    size_t size;                // of a text
    size_t stop_at;             // bytes of its text after which a client says nothing more; 0: none
};

struct crowd_client;
struct crowd {
    struct world *world;
    struct crowd_options options;
    struct crowd_client *clients;
    uint32_t accepted, refused, closed;
    uint32_t over; // clients that have no message left
    void (*before)(void *arg, const struct pipeline_effect *fx); // of an older crowd
    void *before_arg;
    void (*watch)(void *); // called after each step
    void *watch_arg;
};

struct crowd *crowd_new(struct world *w, const struct crowd_options *options);
void crowd_free(struct crowd *c); // its clients stay connected; the youngest crowd goes first
void crowd_run(struct crowd *c, int64_t for_ms); // until all is over, or so long
uint32_t crowd_unread(const struct crowd *c);    // clients that nobody reads
// The recipient of each message; host_count_to says whether it arrived.
void crowd_rcpt(const struct crowd *c, uint32_t client, uint32_t message, char to[64]);
bool crowd_was_accepted(const struct crowd *c, uint32_t client, uint32_t message);

#endif
