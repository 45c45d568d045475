// SPDX-License-Identifier: BSD-2-Clause
// scene: which hosts and names a simulation has, by the configuration's routes and the options, and
// what the weather is at each of them. Pure.
//
// Every host that a route names exists, and so do MX hosts of all domains that mail goes to.
#ifndef FP_SIMULATE_SCENE_H
#define FP_SIMULATE_SCENE_H

#include "daemon/config.h"
#include "simulate/host.h"
#include "simulate/options.h"

struct scene_host {
    char *name;     // as routes say it: a name or an IP; owned
    char ip[46];    // where it is
    uint32_t *rows; // of the weather: those that concern the whole host; owned
    uint32_t row_count;
};

struct scene_domain {
    char *name;                  // owned
    char *mx;                    // the host that takes its mail where it goes by MX; owned
    char *destination;           // what the scheduler calls it; owned
    const struct route_row *row; // of the configuration
};

struct scene_greeted; // who was greylisted since when
struct scene {
    struct scene_host *hosts;
    uint32_t host_count;
    struct scene_domain *domains;
    uint32_t domain_count;
    const struct weather *weather;
    int64_t start_ms;
    struct scene_greeted *greeted;
};

// config and options are borrowed; options get their domains when nobody said any. notes: a line
// for each row of the weather that concerns nothing, or more than its name says.
void scene_make(struct scene *s, const struct config *config, struct simulate_options *options,
                struct buf *notes);
void scene_close(struct scene *s);

// NULL: no mail goes there.
const struct scene_domain *scene_domain(const struct scene *s, const char *name);

enum host_state scene_state(const struct scene *s, const struct scene_host *h, int64_t now_ms);
// How long it takes for its answer to an envelope, in milliseconds.
int64_t scene_slowness(const struct scene *s, const struct scene_host *h, int64_t now_ms);
// The answer to RCPT; NULL: 250.
const char *scene_judge(struct scene *s, const struct scene_host *h, struct slice rcpt,
                        int64_t now_ms);

#endif
