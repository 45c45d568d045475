// SPDX-License-Identifier: BSD-2-Clause
// classify: what a failure means. The one owner of that policy.
//
// Everything a next hop, the resolver or the network can do at any stage comes here and leaves as a
// `struct outcome`: tried again or given back, whose failure it is, under which retry class, with
// which RFC 3463 status. First digit decides (RFC 5321 4.2.1); an enhanced code counts only when
// its class agrees; anything malformed, early, or out of range defers. 5xx in the greeting or to
// EHLO is the host's failure, not the message's. 552 at RCPT means 452 (RFC 5321 4.5.3.1.10).
#ifndef FP_DELIVER_CLASSIFY_H
#define FP_DELIVER_CLASSIFY_H

#include "core/outcome.h"
#include "core/reply.h"

enum deliver_stage {
    STAGE_CONNECT, STAGE_GREETING, STAGE_EHLO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA,
    STAGE_BODY,    // content is being sent; the end mark is not out
    STAGE_DOT,     // the end mark is out: in doubt until a complete reply
    STAGE_QUIT,
};

enum deliver_fault { FAULT_REFUSED, FAULT_UNREACHABLE, FAULT_TIMEOUT, FAULT_RESET, FAULT_CLOSED, FAULT_GARBAGE, FAULT_OTHER };

struct hop { const char *host; const char *ip; uint16_t port; }; // whom we talk to; "" and 0 when unknown

// A complete reply, positive or not, to the command of that stage.
void classify_reply(enum deliver_stage stage, const struct reply_parser *reply, const struct hop *hop,
                    struct outcome *ret);
// No complete reply: the connection failed. detail: our words for it, "" for the default.
void classify_fault(enum deliver_stage stage, enum deliver_fault fault, const char *detail,
                    const struct hop *hop, struct outcome *ret);

enum dns_fault {
    DNS_NXDOMAIN,     // the name does not exist: permanent 5.1.2
    DNS_NODATA,       // neither MX nor address: permanent 5.1.2
    DNS_NULL_MX,      // RFC 7505: permanent 5.1.10
    DNS_SERVFAIL,     // temporary 4.4.3
    DNS_TIMEOUT,      // temporary 4.4.3
    DNS_BAD_ANSWER,   // temporary 4.4.3
    DNS_MX_UNUSABLE,  // every MX host is without address or not a host name
    DNS_LOOP,         // the best MX is ourselves: permanent 5.4.6
};
void classify_dns(enum dns_fault fault, const char *name, struct outcome *ret);

#endif
