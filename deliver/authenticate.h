// SPDX-License-Identifier: BSD-2-Clause
// authenticate: what the client does to be let in where a route's host wants to know who we are.
// Pure. RFC 4954; which mechanism is auth.h's.
//
//     CLIENT_RESPONSE  the world is asked for what is to be said: a secret may take a while
//     CLIENT_AUTH      it was said, the host's reply is awaited
//
// (H1) Nothing is said of a message before it is over: with credentials for a host, mail goes there
//      authenticated or not at all. A host that does not offer it is no reason to go without: who
//      stands in between could have left out the offer.
// (H2) It is not over before the server has proved what the mechanism lets it prove.
// (H3) Whatever goes wrong that is not the network's doing is our own: nobody's mail bounces.
#ifndef FP_DELIVER_AUTHENTICATE_H
#define FP_DELIVER_AUTHENTICATE_H

#include "deliver/client_state.h"

// The host has said what it can do, and TLS is dealt with. False: no credentials are for it.
bool authenticate_begin(struct client *c);
void authenticate_on_response(struct client *c, const struct auth_response *response);
void authenticate_on_reply(struct client *c); // in CLIENT_AUTH
bool authenticate_pull(struct client *c, struct session_effect *ret);
void authenticate_drop(struct client *c); // the connection is gone
void authenticate_init(struct client *c);
void authenticate_close(struct client *c);

#endif
