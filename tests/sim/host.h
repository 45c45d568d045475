// SPDX-License-Identifier: BSD-2-Clause
// host: a scripted next hop for the simulation: SMTP with pipelining, one connection at a time per
// object, bytes in and bytes out.
#ifndef FP_TESTS_SIM_HOST_H
#define FP_TESTS_SIM_HOST_H

#include "world.h"

struct host_conn {
    struct host *host;
    uint64_t conn;
    enum host_state state; // what the weather was when it connected
    struct buf in;         // not yet understood
    struct buf out;        // replies for the world to carry
    struct buf content;
    struct buf rcpts;
    char *sender;
    uint32_t rcpt_count;
    bool in_data, wants_close, wants_reset;
    int64_t delay_ms; // by which `out` is late
    struct host_conn *next;
};

struct host_conn *host_conn_new(struct host *h, uint64_t conn, enum host_state state);
void host_conn_free(struct host_conn *c);
void host_conn_bytes(struct host_conn *c, struct slice bytes, int64_t now_ms);
void host_free(struct host *h);

#endif
