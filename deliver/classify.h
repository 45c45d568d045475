// SPDX-License-Identifier: BSD-2-Clause
// classify: what a failure means. The one owner of that policy.
//
// Everything a next hop, the resolver or the network can do at any stage comes here and leaves as a
// `struct outcome`: tried again or given back, whose failure it is, under which retry class, with
// which RFC 3463 status. First digit decides (RFC 5321 4.2.1); an enhanced code counts only when
// its class agrees; anything malformed, early, or out of range defers. 5xx in the greeting or to
// EHLO is the host's failure, not the message's. 552 at RCPT means 452 (RFC 5321 4.5.3.1.10) unless
// its enhanced code says that it is about something else (552 5.2.2). 421 is the host's at any
// time. A connection that breaks while content goes out or after the end mark is the message's
// failure (a scanner that dies of one message must not stop the others), after the end mark in
// doubt.
//
// A relay is a next hop that a route names, and takes our mail because somebody here arranged it.
// When it will not have *us* any more, no sender can do anything about it: 530, 534, 535 and 538 at
// any stage (RFC 4954 6, RFC 3207 4), a 5xx at AUTH and STARTTLS, a 5xx in the greeting or to EHLO,
// and a 554 or X.7.z to MAIL, or a refusal of RCPT, whose words are about the client and not about
// the sender or the recipient. These are SCOPE_LOCAL, and deferred. The same replies from a host
// that the DNS named stay what they are: there it is the world's opinion of the mail.
#ifndef FP_DELIVER_CLASSIFY_H
#define FP_DELIVER_CLASSIFY_H

#include "core/handover.h"
#include "core/outcome.h"
#include "core/reply.h"

enum deliver_fault {
    FAULT_REFUSED,
    FAULT_UNREACHABLE,
    FAULT_TIMEOUT,
    FAULT_RESET,
    FAULT_CLOSED,
    FAULT_GARBAGE,
    FAULT_OTHER,
    FAULT_SHORTAGE,   // of our own descriptors or memory; only at STAGE_CONNECT
    FAULT_NO_NETWORK, // there is no way out of this machine; only at STAGE_CONNECT
    FAULT_TLS,        // the handshake failed, or what came was not what was sent
    FAULT_TLS_SET_UP  // it cannot begin: our own files; only at STAGE_STARTTLS
};

// Whom we talk to; "" and 0 when unknown. Of a Unix socket the path is the host's name.
struct hop {
    const char *host;
    const char *ip;
    uint16_t port;
    const char *path; // NULL: by TCP
    bool is_lmtp;
    bool was_helo;   // HELO was said, because EHLO was refused
    bool is_relay;   // a route names it: what it holds against us is our configuration's doing
    const char *tls; // what protects the conversation (outcome.tls); NULL: nothing
    const struct handover_order *order; // NULL: a host
};

// A complete, well-formed reply, positive or not, to the command of that stage. One that the stage
// does not know (354 to MAIL, 250 to DATA) counts as garbage. text is the reply with its code.
void classify_reply(enum outcome_stage stage, const struct reply_parser *reply,
                    const struct hop *hop, struct outcome *ret);
// No complete reply: the connection failed. detail: our words for it, "" for the default.
void classify_fault(enum outcome_stage stage, enum deliver_fault fault, const char *detail,
                    const struct hop *hop, struct outcome *ret);

enum dns_fault {
    DNS_NXDOMAIN,    // the name does not exist: permanent 5.1.2
    DNS_NODATA,      // neither MX nor address: permanent 5.1.2
    DNS_NULL_MX,     // RFC 7505: permanent 5.1.10
    DNS_SERVFAIL,    // temporary 4.4.3
    DNS_TIMEOUT,     // temporary 4.4.3
    DNS_BAD_ANSWER,  // temporary 4.4.3
    DNS_ALIAS_LOOP,  // its CNAMEs lead round in a circle: temporary 4.4.3
    DNS_MX_UNUSABLE, // every MX host is without address or not a host name: permanent 5.4.4
    DNS_LOOP,        // the best MX is ourselves: permanent 5.4.6
    DNS_NO_RESOLVER, // our name servers do not answer anything: ours, 4.4.3
};
void classify_dns(enum dns_fault fault, const char *name, struct outcome *ret);
// A host that a route names and the DNS does not know: our configuration, not the address.
// Deferred.
void classify_relay_unknown(const char *name, struct outcome *ret);
// What a row of `route` says itself: "5.1.2 TEXT" or "4.x.x TEXT" of "error:"; "discard:".
void classify_route_error(const char *said, struct outcome *ret);
void classify_discarded(struct outcome *ret);
// A folder or program of this machine was asked. What did not work by our own fault is deferred.
void classify_handover(const struct handover_order *order, const struct handover_result *result,
                       struct outcome *ret);
// A program did not end in time, and was killed: deferred.
void classify_too_slow(const struct handover_order *order, int64_t limit_ms, struct outcome *ret);
// The recipient's address cannot be the name of a folder, or a word of a command. Failed.
void classify_no_folder(struct outcome *ret);
// The domain's MTA-STS policy (RFC 8461) does not name this host. Deferred: 5 of it.
void classify_sts_host(const char *domain, const struct hop *hop, struct outcome *ret);
// TLS is required by our policy, and the host does not offer it; or refuses it: refusal is its
// reply. Deferred: it is never the mail's fault.
void classify_no_tls(const struct reply_parser *refusal, const struct hop *hop,
                     struct outcome *ret);
// What the DNS says of that host's TLS (its TLSA records) cannot be found out: it may be all that
// protects from whoever is in between, so nothing is sent. RFC 7672 2.1.2. Deferred.
void classify_tlsa_unknown(const char *host, uint16_t port, enum dns_fault fault,
                           struct outcome *ret);
// Our policy wants them, and there are none that could be used. Deferred.
void classify_no_tlsa(const char *host, uint16_t port, bool is_secure, struct outcome *ret);
// The message is larger than what the host said it takes (RFC 1870 6.1): failed 5.3.4, unsent.
void classify_too_big(uint64_t size, uint64_t size_max, const struct hop *hop, struct outcome *ret);
// 8-bit content, a host without 8BITMIME, and conversion is not wanted (RFC 6152 3): failed 5.6.3.
void classify_no_8bit(const struct hop *hop, struct outcome *ret);
// Mail that needs SMTPUTF8, a host without it (RFC 6531 3.2): failed 5.6.7, by the header 5.6.9.
enum classify_utf8 { UTF8_SENDER, UTF8_RECIPIENT, UTF8_HEADER };
void classify_no_utf8(enum classify_utf8 what, const struct hop *hop, struct outcome *ret);
// The time that its sender set for delivery (DELIVERBY, mode R) is over: failed 5.4.7.
void classify_overdue(const struct hop *hop, struct outcome *ret);
// The host does not keep that time (RFC 2852 4.2): failed 5.3.3.
void classify_no_deadline(const struct hop *hop, struct outcome *ret);
// REQUIRETLS, and a host that does not pass it on, or speaks no TLS (RFC 8689 4.2): failed 5.7.30.
void classify_no_requiretls(const struct hop *hop, struct outcome *ret);
// An address or sender that cannot stand in a command line. Failed.
void classify_unspeakable(bool is_sender, struct outcome *ret);
// TLS cannot be had as our configuration wants it: a key or certificate of ours, a policy that the
// relay cannot keep. Nothing of it is the message's.
void classify_tls_set_up(const char *why, const struct hop *hop, struct outcome *ret);
// We cannot authenticate as our configuration wants it: no secret, no mechanism that both sides
// know, a host that does not prove who it is. Nothing of it is the message's.
void classify_no_auth(const char *why, const struct hop *hop, struct outcome *ret);
// Our own side gave up: the spool did not give the body, or we are shutting down.
void classify_local(enum outcome_stage stage, const char *why, const struct hop *hop,
                    struct outcome *ret);

#endif
