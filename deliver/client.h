// SPDX-License-Identifier: BSD-2-Clause
// client: SMTP or LMTP on one connection, from the greeting to QUIT. Pure. RFC 5321, 1870, 2920,
// 3207, 4954, 6152; what LMTP has of its own is in lmtp.c, AUTH in authenticate.c.
//
//     client_init(&c, settings);
//     client_connected(&c, &hop, &protection, now);
//     client_feed(&c, event) with BYTES, EOF, RESET, BODY, SENT, TIMER, QUIT; after each
//     client_take_news(&c), and client_pull(&c, &effect) until it says false
//     at NEWS_READY or NEWS_DONE with client_is_ready: client_begin(&c, &tally, now)
//
// It knows nothing of names, other hosts, or what a failure means for the queue: it says NEWS_LOST
// with an outcome, and the session decides. States:
//
//     CLOSED → GREETING → EHLO (→ HELO) → READY → ENVELOPE → BODY → DOT → READY ... → QUIT → CLOSED
//     EHLO → STARTTLS → HANDSHAKE → EHLO; CLOSED → HANDSHAKE → GREETING where TLS comes first
//     EHLO → RESPONSE → AUTH (→ RESPONSE → AUTH ...) → READY where there are credentials for the
//     host ENVELOPE → VOID → READY: DATA was answered with 354 although nobody was accepted no
//     host, but a folder or a program (deliver/handover): CLOSED → READY → BODY → DOT → CLOSED
//     anything → CLOSED
//
// (K1) A reply is believed only if its command had been handed out before it came; a byte that is
//      early ends the connection. So two replies in one segment cannot answer a later command.
// (K2) From the moment the end mark is handed out the state is DOT, and every failure is in doubt.
// (K3) A transaction that MAIL opened and no end mark closed is closed by RSET before the next
// MAIL.
// (K4) What was heard in clear is forgotten when TLS begins, and nothing may come behind the reply
//      that it begins with (RFC 3207 4.2, 6): it would be taken for what the host says inside.
#ifndef FP_DELIVER_CLIENT_H
#define FP_DELIVER_CLIENT_H

#include "core/auth_order.h"
#include "deliver/content.h"
#include "deliver/credential.h"
#include "deliver/envelope.h"
#include "deliver/session.h"

enum client_state {
    CLIENT_CLOSED,
    CLIENT_GREETING,  // waits for the greeting
    CLIENT_EHLO,      // EHLO is out
    CLIENT_HELO,      // HELO is out
    CLIENT_STARTTLS,  // STARTTLS is out
    CLIENT_HANDSHAKE, // TLS is being set up
    CLIENT_RESPONSE,  // what AUTH is to say is awaited
    CLIENT_AUTH,      // AUTH, or the response to a challenge, is out
    CLIENT_READY,     // between transactions
    CLIENT_ENVELOPE,  // RSET, MAIL, RCPT, DATA
    CLIENT_BODY,      // content goes out
    CLIENT_DOT,       // the end mark is out
    CLIENT_VOID,      // a lone dot is out, for nobody
    CLIENT_QUIT,      // QUIT is out
    CLIENT_STATE_COUNT
};

enum client_news {
    NEWS_NONE,
    NEWS_READY, // greeted: transactions may begin
    NEWS_DONE,  // the transaction is over, the tally settled; another may begin if client_is_ready
    NEWS_LOST,  // the connection is to be closed; `failure` says why. A tally under way is not
                // settled
    NEWS_BYE,   // QUIT is dealt with: close the connection
};

// How a connection is to be protected, and who we are on it.
struct client_protection {
    enum protect_policy policy;
    bool is_implicit;                        // TLS before anything else (RFC 8314 3.3)
    bool is_strict;                          // as an MTA-STS policy wants it
    const struct credential_row *credential; // borrowed while connected; NULL: nobody
};

struct client_auth {
    struct auth_order order;
    bool has_order; // it is to be pulled
    bool is_complete, is_kept;
    uint32_t rounds;      // challenges so far
    struct buf held;      // the initial response, where it does not fit into the command
    struct buf challenge; // that the order points at
};

struct client {
    const struct session_settings *settings;
    struct hop hop; // strings borrowed while connected
    enum client_state state;
    enum client_news news;
    int64_t now_ms, deadline_ms;
    struct ehlo_caps caps;
    struct client_protection protection;
    struct client_auth auth;
    char tls[OUTCOME_TLS_SIZE]; // what protects the connection, and who we are on it
    bool is_protected;
    bool has_binding; // TLS can be bound to
    bool needs_tls;   // START_TLS is to be pulled
    struct reply_parser reply;
    bool has_partial;          // some bytes of a reply have come
    bool is_reused;            // the transaction under way is not the first on this connection
    bool was_answered;         // MAIL of the transaction under way was taken or refused, not by 421
    bool mail_refused;         // and that was a refusal
    bool rcpt_was_taken;       // some RCPT was answered 2xx, whatever came of MAIL
    bool needs_rset;           // K3
    bool needs_finish;         // no host: FINISH is to be pulled, behind the last SEND
    bool needs_body;           // NEED_BODY is to be pulled
    bool has_asked;            // NEED_BODY was pulled and not answered
    uint32_t dot_rcpt;         // LMTP: whose reply to the end mark is the next
    uint32_t dot_told;         // LMTP: until which one of them lmtp_take_decided has come
    bool dot_delivered;        // LMTP: some of them were positive
    uint32_t chunks_open;      // BDATs that were handed out and not answered
    int64_t handover_until_ms; // a program's time limit
    uint32_t delivered_count;
    struct tally *tally; // of the transaction under way; borrowed
    struct envelope envelope;
    bool converts;           // the content of the transaction under way: the host takes 7 bits only
    bool broke_signature;    // by that
    struct convert *convert; // owned; NULL: content goes out as it is
    struct content_writer content;
    struct buf commands;
    struct slice slices[SESSION_SLICES_MAX];
    uint32_t slice_count;   // > 0: SEND is to be pulled
    struct outcome failure; // NEWS_LOST
};

void client_init(struct client *c, const struct session_settings *settings);
void client_close(struct client *c);

void client_connected(struct client *c, const struct hop *hop,
                      const struct client_protection *protection, int64_t now_ms);
void client_begin(struct client *c, struct tally *tally,
                  int64_t now_ms); // requires client_is_ready
void client_feed(struct client *c, const struct session_event *event);
void client_drop(struct client *c); // forget the connection without a word

enum client_news client_take_news(struct client *c);
// SEND, FINISH, NEED_BODY, AUTH, and START_TLS without its terms.
bool client_pull(struct client *c, struct session_effect *ret);
bool client_is_ready(const struct client *c);
// Of the piece of a body that it was given nothing is left that was not handed to SEND.
bool client_body_is_taken(const struct client *c);
enum outcome_stage client_stage(const struct client *c); // where a failure now would belong

#endif
