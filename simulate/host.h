// SPDX-License-Identifier: BSD-2-Clause
// host: a scripted next hop for the simulation: SMTP with pipelining, bytes in and bytes out. Pure.
//
//     struct host *h = host_new("192.0.2.1");  h->state = HOST_BUSY;
//     struct host_conn *c = host_conn_new(h, number, h->state);
//     host_conn_bytes(c, bytes, now_ms);   then carry c->out away, and look at what c wants
//     host_conn_free(c);  host_free(h);
#ifndef FP_SIMULATE_HOST_H
#define FP_SIMULATE_HOST_H

#include "core/buf.h"
#include "core/handover.h"

#include <stdint.h>

enum host_state {
    HOST_UP,
    HOST_DOWN,        // connection refused
    HOST_SILENT,      // accepts the connection, says nothing
    HOST_BUSY,        // greets with 421
    HOST_GREYLIST,    // 450 4.7.1 at RCPT
    HOST_REJECT,      // 550 5.1.1 at RCPT
    HOST_FULL,        // 452 4.2.2 at RCPT
    HOST_REFUSE,      // 554 5.7.1 after the final dot
    HOST_TEMP,        // 451 4.3.0 after the final dot
    HOST_LOST,        // takes the message, then resets instead of the last 250 (RFC 1047)
    HOST_ONCE,        // takes one message and closes the connection
    HOST_BARRED,      // greets with 554 5.7.1
    HOST_AUTH,        // 530 5.7.0 at MAIL of who has not authenticated
    HOST_AUTH_REFUSE, // 535 5.7.8 at AUTH, and so 530 at MAIL
    HOST_NO_RELAY,    // 554 5.7.1 relay access denied at RCPT
    HOST_TLS,         // offers STARTTLS, with a certificate that proves who it is
    HOST_TLS_BROKEN,  // offers it, but the handshake fails
    HOST_TLS_EXPIRED, // offers it, with a certificate that proves nothing any more
};

struct host_message {
    char *sender;
    char *rcpts; // separated by blanks
    char *content;
    size_t size;
    int64_t at_ms;
    enum host_state state; // of the host then
    struct host_message *next;
};

// Where a host takes its time.
enum host_pace {
    PACE_QUICK,
    PACE_SLOW_CONNECT,
    PACE_SLOW_MAIL, // and with it RCPT and DATA, which come with it
    PACE_SLOW_DOT,
    PACE_SLOW_QUIT,
};

struct host {
    char *ip;      // or another place (world_host)
    char helo[64]; // how its last client introduced itself
    enum host_state state;
    enum host_pace pace;
    int64_t slow_ms; // how much time
    // Asked instead of `state` when set: weather by time.
    enum host_state (*weather)(const struct host *h, int64_t now_ms, void *arg);
    void *weather_arg;
    // When set: what to answer to RCPT, NULL for 250; who is told of what it took.
    const char *(*judge)(const struct host *h, struct slice rcpt, int64_t now_ms, void *arg);
    // Of a folder or a program: what it ends with; NULL: it has taken the message.
    const struct handover_result *(*ends)(const struct host *h, struct slice rcpt, int64_t now_ms,
                                          void *arg);
    void (*took)(const struct host *h, const struct host_message *m, void *arg);
    void *watch_arg;
    bool has_tls;                  // and proves who it is, in any state but those of TLS
    bool keeps_nothing;            // of what it took, but the count
    struct host_message *received; // newest first
    uint32_t received_count, received_in_tls, received_known; // of who had authenticated
    uint32_t handshakes;
    // Open is one that its client has not closed.
    uint32_t connections, connections_open, connections_peak;
    struct host *next;
};

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
    bool is_lmtp, in_tls, in_data, wants_close, wants_reset;
    bool in_auth, is_known;
    bool is_left;     // its client has closed it
    bool is_folder;   // or a program: nothing is said, and all it gets is content
    int64_t delay_ms; // by which `out` is late
    struct host_conn *next;
};

struct host *host_new(const char *ip); // up, with nothing received
void host_free(struct host *h);
struct host_conn *host_conn_new(struct host *h, uint64_t conn, enum host_state state);
// A message that is handed to a folder or a program.
struct host_conn *host_conn_folder(struct host *h, uint64_t conn,
                                   const struct handover_order *order);
void host_conn_take(struct host_conn *c, int64_t now_ms); // it is complete
void host_conn_free(struct host_conn *c);
void host_conn_leave(struct host_conn *c); // its client has closed it
void host_conn_bytes(struct host_conn *c, struct slice bytes, int64_t now_ms);
// The client begins TLS: why the handshake fails, or NULL.
const char *host_conn_shake_hands(struct host_conn *c, bool must_verify);

// Messages that the host took for that recipient.
uint32_t host_count_to(const struct host *h, const char *rcpt);
// Different notices (by Message-ID) that hold both texts: the same one may arrive twice after a
// crash.
uint32_t host_count_notices(const struct host *h, const char *action, const char *about);

#endif
