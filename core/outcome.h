// SPDX-License-Identifier: BSD-2-Clause
// outcome: what became of one recipient at one attempt, as plain data.
//
// That a mail could not be handed over is not an error of the program: it is the thing the program
// is about. An outcome says what happened (result), what kind of failure it was (class), whose
// failure it was (scope: that decides which clock runs, see docs/architecture.md), and what the
// next hop said. deliver/classify is the only maker of outcomes from replies and faults.
#ifndef FP_CORE_OUTCOME_H
#define FP_CORE_OUTCOME_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum outcome_result {
    OUTCOME_DELIVERED, // the next hop took responsibility: a complete 2xx after the final dot
    OUTCOME_DEFERRED,  // try again later
    OUTCOME_FAILED,    // for good: return it to the sender
};

// Whose failure it is. Ordered from narrow to wide.
enum outcome_scope {
    SCOPE_NONE,      // delivered
    SCOPE_RECIPIENT, // this recipient (a reply to RCPT)
    SCOPE_MESSAGE,   // this message at this host (a reply to MAIL, DATA or the final dot)
    SCOPE_HOST,      // the destination: no connection, greeting, EHLO, 421, DNS of that domain
    SCOPE_LOCAL,     // ourselves: no resolver, no network; nobody's mail is to blame
};

// The error classes that retry rules know (`on = "..."`).
enum outcome_class {
    CLASS_NONE,
    CLASS_HOST,         // no connection, greeting, EHLO, 421, connection lost
    CLASS_TLS,          // the protection that is asked for could not be had
    CLASS_AUTH,         // our credentials were refused
    CLASS_DNS,          // the name could not be resolved for the moment
    CLASS_GREYLIST,     // 4xx at RCPT, 450/451 4.7.1
    CLASS_MAILBOX_FULL, // 452, 4.2.2
    CLASS_RATE,         // 4.7.x or 421 that speaks of a rate
    CLASS_MESSAGE,      // 4xx to MAIL, DATA or after the final dot
    CLASS_REFUSED,      // 5xx: the next hop will not have it
    CLASS_ADDRESS,      // NXDOMAIN, null MX, a route that says error: nobody was asked
    CLASS_EXPIRED,      // too old; made by settle, never by an attempt
    CLASS_OPERATOR,     // an operator said so (`bounce`)
    CLASS_COUNT
};

enum {
    OUTCOME_STATUS_SIZE = 12, // "5.123.123" and NUL; RFC 3463
    OUTCOME_HOST_SIZE = 256,  // a domain name (255) and NUL
    OUTCOME_IP_SIZE = 46,     // an IPv6 address in text and NUL
    OUTCOME_TEXT_SIZE = 512,  // longer replies are cut; RFC 5321 4.5.3.1.5
    OUTCOME_COMMAND_SIZE = 16,
    OUTCOME_TLS_SIZE = 128,
};

// What of ourselves it is (SCOPE_LOCAL), so that nobody's mail is to blame: somebody here has to do
// something, and mail waits meanwhile without using up anything.
enum outcome_blocked {
    BLOCKED_NOT,
    BLOCKED_RESOLVER,    // no name server of ours answers anything
    BLOCKED_NETWORK,     // there is no way out of this machine
    BLOCKED_CREDENTIALS, // a relay that a route names refuses our user name or password
    BLOCKED_RELAY,       // it refuses us, by our address or name
    BLOCKED_TLS,         // TLS cannot be had as it was configured
    BLOCKED_SPOOL,       // the spool cannot be written
    BLOCKED_SHORTAGE,    // of descriptors or memory
    BLOCKED_SECRET,      // we have no credentials that a relay could be told
    BLOCKED_COUNT
};

// How far the conversation had come: what was answered, or what was waited for.
enum outcome_stage {
    STAGE_NONE, // there was none: age, an operator, a route that says error
    STAGE_CONNECT,
    STAGE_GREETING,
    STAGE_EHLO,
    STAGE_STARTTLS,
    STAGE_AUTH,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA,
    STAGE_BODY, // content is being sent; the end mark is not out
    STAGE_DOT,  // the end mark is out: in doubt until a complete reply
    STAGE_DNS,  // names were looked up
    STAGE_QUIT, // never of an outcome
    STAGE_COUNT
};

// Who tells the sender that asks for it that the mail has arrived (RFC 3461 5.2, 6).
enum outcome_onward {
    ONWARD_RELAYED,  // nobody behind the next hop: we say that it was handed on
    ONWARD_PROMISED, // the next hop, which took the request
    ONWARD_FINAL,    // it has arrived: we say so
    ONWARD_TRACED,   // it was handed on, and the sender is told of that unless he wants to hear
                     // nothing
};

struct outcome {
    enum outcome_result result;
    enum outcome_class klass;
    enum outcome_scope scope;
    bool in_doubt;   // the end mark was sent, no complete reply came: possibly delivered, RFC 1047
    bool has_reply;  // text is what the next hop said (Diagnostic-Code: smtp), not our own words
    uint16_t port;   // 0: no connection
    uint8_t stage;   // enum outcome_stage
    uint8_t onward;  // enum outcome_onward; OUTCOME_DELIVERED only
    uint8_t blocked; // enum outcome_blocked; not 0 only with SCOPE_LOCAL
    char status[OUTCOME_STATUS_SIZE]; // "2.0.0"; class digit agrees with result
    char host[OUTCOME_HOST_SIZE];     // next hop's name, "" when none was reached
    char ip[OUTCOME_IP_SIZE];         // "" when not connected
    // The reply with its code, lines joined by a blank; or our own words, such as
    // "connect to mx[192.0.2.1]:25: Connection refused".
    char text[OUTCOME_TEXT_SIZE];
    // has_reply: what was answered, "RCPT TO" or "end of DATA"; "" for the greeting. Readers say
    // "(in reply to X command)".
    char command[OUTCOME_COMMAND_SIZE];
    // What protected the conversation, and who we were in it: "TLSv1.3 ...", "TLSv1.3 ..., ann by
    // PLAIN", "in clear, ann by CRAM-MD5"; "": nothing, and nobody.
    char tls[OUTCOME_TLS_SIZE];
};

// "host", "greylist", ...: the names of the retry rules and of the spool's views. Never NULL.
const char *outcome_class_name(enum outcome_class klass);

// "rcpt", "end of data", ...: the names of the spool's views; "" for STAGE_NONE.
const char *outcome_stage_name(enum outcome_stage stage);

// "no name server answers", ...: what is wrong here, for people; "" for BLOCKED_NOT.
const char *outcome_blocked_text(enum outcome_blocked blocked);
// "resolver", "network", "credentials", "relay", "tls", "spool", "shortage",
// "secret": for programs.
const char *outcome_blocked_name(enum outcome_blocked blocked);

// "blocked here: WHAT": how log, listings and the spool begin whatever is our own doing.
void outcome_say_blocked(enum outcome_blocked blocked, struct buf *to);
// What stands behind "blocked here: " in such a text, borrowed; NULL: it is no such text.
const char *outcome_behind_blocked(const char *text);

// Fills an outcome in our own words; text is a printf format, cut to fit.
void outcome_set(struct outcome *o, enum outcome_result result, enum outcome_scope scope,
                 enum outcome_class klass, const char *status, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

// What log and listings tell, raw: "host mx.example[192.0.2.1] said: 450 4.2.0 ... (in reply to
// RCPT TO command)", for a greeting "host ... refused to talk to me: 554 ..."; of a delivery the
// reply alone, and our own words as they are. outcome_say_blocked and a colon stand before what is
// our own doing.
void outcome_describe(const struct outcome *o, struct buf *to);

#endif
