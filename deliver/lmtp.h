// SPDX-License-Identifier: BSD-2-Clause
// lmtp: behind the end mark there is a reply for each recipient that RCPT accepted, in their order.
// RFC 2033 4.2. Everything else of LMTP is the SMTP of the client, but for the word LHLO.
//
// (J1) A recipient's reply decides it at once and whatever happens later. When the connection
//      breaks, or says something that is no reply, those that are not decided are in doubt.
#ifndef FP_DELIVER_LMTP_H
#define FP_DELIVER_LMTP_H

#include "deliver/client.h"

// The reply in `reply` came to the end mark. True: it was the last one, and the tally is settled.
// False: others are to come, or the client has lost the connection.
bool lmtp_on_dot(struct client *c);

// While replies are awaited: the next recipient of whom it was said that he has his mail. Once
// each.
bool lmtp_take_decided(struct client *c, uint32_t *ret_rcpt);

#endif
