// SPDX-License-Identifier: BSD-2-Clause
// session_state: what a session consists of. Private to session*.c.
#ifndef FP_DELIVER_SESSION_STATE_H
#define FP_DELIVER_SESSION_STATE_H

#include "deliver/client.h"
#include "deliver/guard.h"
#include "deliver/plan.h"
#include "deliver/tally.h"

enum session_state {
    STATE_IDLE,       // no batch
    STATE_RESOLVING,  // answers are awaited
    STATE_CONNECTING, // CONNECT was or is to be pulled
    STATE_TALKING,    // connected, a batch is under way
    STATE_CLOSING,    // QUIT is out
    STATE_ENDED,
    STATE_COUNT
};

struct session {
    struct session_settings settings;
    enum session_state state;
    struct plan plan;
    struct client client;
    struct tally tally;
    struct guard guard;
    bool is_in_clear; // the address is tried without TLS, which failed
    uint64_t seed;
    int64_t now_ms, connect_deadline_ms;
    struct session_times times;
    bool is_open;      // a connection, or an attempt at one, is the shell's to close
    bool has_reopened; // for the batch under way
    bool body_began;   // of the batch under way: it cannot be sent a second time
    bool wants_quit;
    bool awaits_policy; // of the domain, before its first host is connected to,
    bool is_reusing;    // or before the connection that there is is used for it
    // to be pulled
    bool needs_disconnect, needs_connect, needs_policy, has_results, has_ended;
    uint32_t next_outcome;
};

#endif
