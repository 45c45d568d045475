// SPDX-License-Identifier: BSD-2-Clause
// scene: which hosts and names a simulation has, by the configuration's routes and the options, and
// what the weather is at each of them. Pure.
//
// Every host, socket, folder and program that a route names exists, and so do MX hosts of all
// domains that mail goes to.
#ifndef FP_SIMULATE_SCENE_H
#define FP_SIMULATE_SCENE_H

#include "config/config.h"
#include "core/handover.h"
#include "simulate/host.h"
#include "simulate/options.h"

// A host at one port, a socket, a folder or a program.
struct scene_host {
    enum target_kind kind;
    char *name;     // as routes say it: of a host its name or IP, else the target's text; owned
    uint16_t port;  // of a host; else 0
    char ip[46];    // where it is; "" no host
    bool is_named;  // that its name is to be resolved to; once a name
    uint32_t *rows; // of the weather: those that concern it as a whole; owned
    uint32_t row_count;
};

// Where mail of some senders to a domain goes.
struct scene_way {
    const struct route_row *row; // of the configuration
    char *destination;           // what the scheduler calls it; owned
};
struct scene_domain {
    char *name;             // owned
    char *mx;               // the host that takes its mail where it goes by MX; owned
    struct scene_way *ways; // the most exact first; owned
    uint32_t way_count;     // at least one
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

// What the scheduler calls where that mail goes; "" when no mail goes to that domain.
const char *scene_destination(const struct scene *s, struct slice address, const char *sender);

// The folder or program that an order is about; NULL: none of the routes'.
const struct scene_host *scene_folder(const struct scene *s, const struct handover_order *order);
enum host_state scene_state(const struct scene *s, const struct scene_host *h, int64_t now_ms);
// How long it takes for its answer to an envelope, in milliseconds.
int64_t scene_slowness(const struct scene *s, const struct scene_host *h, int64_t now_ms);
// What it has against a recipient; WEATHER_COUNT: nothing.
enum weather_kind scene_judge(struct scene *s, const struct scene_host *h, struct slice rcpt,
                              int64_t now_ms);
// Is that weather the host's own, not that of a domain behind it, and is it a relay? Then a refusal
// is about who asks.
bool scene_is_of_relay(const struct scene *s, const struct scene_host *h, enum weather_kind kind,
                       int64_t now_ms);

#endif
