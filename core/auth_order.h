// SPDX-License-Identifier: BSD-2-Clause
// auth_order: what the world is asked for when we authenticate to a next hop, and its answers, as
// plain data. The delivering room decides whom we are and by which mechanism, and speaks AUTH; the
// world (io/sasl_sasl, io/secret_uv) has the secrets and makes the texts of them.
//
//     BEGIN     get the secret and begin the exchange: answered, with the initial response
//     CHALLENGE the server's word: answered, with ours
//     ACCEPTED  it is over, all is well: not answered
//     REFUSED   it is over; a secret that was kept is asked for anew next time: not answered
//
// Where the connection ends, the exchange ends with it.
#ifndef FP_CORE_AUTH_ORDER_H
#define FP_CORE_AUTH_ORDER_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum auth_step { AUTH_STEP_BEGIN, AUTH_STEP_CHALLENGE, AUTH_STEP_ACCEPTED, AUTH_STEP_REFUSED };

// Where a secret stands: one of file, words, service_secret; the others are NULL.
struct auth_secret {
    const char *file;           // its path
    const char *const *words;   // of a command that prints it, NULL behind the last
    const char *service_secret; // its name below $CREDENTIALS_DIRECTORY (systemd.exec(5))
    int64_t timeout_ms;         // of the command
    int64_t keep_ms;            // how long what it printed is kept; 0: not at all
};

// Texts are borrowed.
struct auth_order {
    enum auth_step step;
    const char *mechanism; // "SCRAM-SHA-256"
    const char *user;
    const char *host, *ip; // the server's
    uint16_t port;
    // BEGIN
    bool has_initial; // the client speaks first: BEGIN is answered with what it says
    bool binds;       // to the TLS channel
    bool renews;      // a secret that was kept has just been refused: a fresh one, please
    struct auth_secret secret;
    // CHALLENGE: base64, as it came
    struct slice challenge;
};

// To BEGIN and CHALLENGE.
struct auth_response {
    const char *why;   // a sentence without any secret: there is nothing to be said; NULL: there is
    struct slice text; // base64; "" is a response, too
    bool is_complete;  // the server has nothing left to prove
    bool is_kept;      // the secret was kept since it was asked for last, and may be out of date
};

#endif
