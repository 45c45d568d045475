// SPDX-License-Identifier: BSD-2-Clause
// client_state: what client.c and client_reply.c share. Nobody else includes it.
#ifndef FP_DELIVER_CLIENT_STATE_H
#define FP_DELIVER_CLIENT_STATE_H

#include "deliver/client.h"

void client_move(struct client *c, enum client_state to,
                 int64_t wait_ms);                   // the only one that sets `state`
void client_wait(struct client *c, int64_t wait_ms); // TIME_NEVER: for ever
void client_send_text(struct client *c, const char *text);
void client_send_commands(struct client *c); // what was gathered in `commands`
void client_begin_body(struct client *c);
void client_end_body(struct client *c);
void client_ask_body(struct client *c);
void client_begin_handshake(struct client *c); // the world sets TLS up
void client_send_hello(struct client *c);      // EHLO or LHLO
void client_be_ready(struct client *c);        // for transactions
void client_lose(struct client *c, const struct outcome *why);
void client_lose_by(struct client *c, enum deliver_fault fault, const char *detail);
// It was delivered: who says so to the sender?
void client_note_onward(const struct client *c, struct outcome *o);
void client_on_reply(struct client *c); // `reply` is complete

#endif
