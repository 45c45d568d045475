// SPDX-License-Identifier: BSD-2-Clause
// server: the receiving side of SMTP, one connection. Pure. RFC 5321, 1870, 2034, 2920, 3030,
// 6152, 6531.
//
//     s = server_new(&settings, &peer, now);  pull effects (the banner)
//     do {
//         used = server_feed(s, &bytes);          BYTES: how many were consumed
//         while (server_pull(s, &effect))         executing may feed the answer at once, or later
//             execute(&effect);
//         take `used` off bytes
//     } while (bytes are left && server_wants_input(s));
//     timer at server_deadline(s): feed SERVER_TIMER, pull
//
// What is left of the bytes is kept by the caller and fed again when an answer has come and
// server_wants_input is true; only then comes what is read next, and EOF behind all of it.
//
// States: GREETING → COMMAND (HELO seen or not, MAIL seen, RCPT seen) → ASKING (a question is out:
// nothing more is read) → DATA (CHUNKING while a chunk is being stored) → STORING (end mark seen,
// answer of the spool awaited) → COMMAND ... → CLOSED.
//
// (V1) 250 to the final dot is said only after SERVER_ACCEPTED (P1); the id stands in it.
// (V2) Only CRLF.CRLF ends a message (core/dot); what was read behind it is the next command.
// (V3) While a question is open no further byte is consumed.
// (V4) What was not accepted leaves nothing: ABORT follows every BEGIN that was answered with an id
//      and does not end in END. A client that goes away after the end mark changes nothing.
// (V5) Replies to a group of pipelined commands leave in one SEND: it is held back while an answer
//      is awaited, and while bytes of the last feed are left.
// (V6) One policy for line ends: only CRLF ends a command, and only CRLF.CRLF ends a message. A
//      command line with a bare LF or another control character is refused as a whole (500 5.5.2);
//      in a text a bare CR or LF is a line end (stored as CRLF) and nothing more. On the local
//      socket a command may end in LF alone; if the line "DATA" did, the lines of the text do too,
//      and LF.LF ends it: scripts that talk to `sendmail -bs` send such lines throughout.
// (V7) A peer that sends at once does not wait for the banner, nor for 354 before its text. So the
//      first refusal ends the session: nothing that stands behind it is read, least of all the text
//      of a message that is not wanted as commands.
// (V8) A caller who is short of memory says so with the bytes (chunk_max): then the text is handed
//      out in smaller chunks, as long as that leaves enough of them for the largest message.
//
// By BDAT (RFC 3030) the text comes in pieces that say how long they are: each is COMMAND → DATA
// (the first by way of ASKING) → COMMAND, the last one DATA → STORING.
#ifndef FP_RECEIVE_SERVER_H
#define FP_RECEIVE_SERVER_H

#include "core/err.h"
#include "core/message.h"

struct server_settings {
    const char *hostname;      // borrowed, outlives the server
    uint64_t message_size_max; // bytes; 0: no limit
    uint32_t rcpts_max;        // per message; RFC 5321 4.5.3.1.8: >= 100
    uint32_t messages_max;     // per session; 0: no limit
    uint32_t errors_max;       // then 421 and close; 20
    uint32_t received_max;     // loop detection: this many Received fields are one too many; 100
    uint32_t line_max;         // octets of a text line; longer: 554 5.6.0 at the end; 0: no limit
    int64_t command_ms;        // wait for a command: 5 min (RFC 5321 4.5.3.2.7)
    int64_t data_ms;           // wait for data: 3 min for the next KiB of it
};

struct server_peer {
    const char *ip;        // text; "" for the local socket
    bool is_trusted;       // may relay anywhere
    bool is_local;         // the local socket (sendmail): EHLO and domains may be left out, and the
                           // limits on messages, errors and recipients do not hold
    bool sends_at_once;    // everything in one go, before any reply (V7)
    int64_t uid;           // local submitter, -1
    const char *user_name; // of the uid, for the Received field; "" unknown
};

enum server_event_kind {
    SERVER_BYTES,
    SERVER_EOF,
    SERVER_TIMER,
    SERVER_RCPT_ANSWER,  // to CHECK_RCPT: verdict
    SERVER_BEGIN_ANSWER, // to BEGIN: id and time of the new message, or a refusal
    SERVER_CHUNK_STORED, // to CHUNK: err
    SERVER_ACCEPTED,     // to END: err FP_OK, or why not
    SERVER_SHUTDOWN,     // say 421 when between messages; finish a message that is being stored
    SERVER_RESUMED,      // the caller has not read for a while: the client gets its time anew
};

enum server_verdict {
    VERDICT_OK,
    VERDICT_RELAY_DENIED, // 554 5.7.1
    VERDICT_REFUSED,      // 550 5.1.1 / 5.1.2: no such destination
    VERDICT_BUSY,         // 452 4.3.1: no room, no memory, too many at once
};

struct server_event {
    enum server_event_kind kind;
    int64_t now_ms;
    struct slice bytes;
    size_t chunk_max;            // BYTES: text is handed out in chunks of so much; 0: the largest
    bool is_busy;                // BYTES: no message may begin now: MAIL gets 452
    enum server_verdict verdict; // RCPT_ANSWER, BEGIN_ANSWER
    uint64_t id;                 // BEGIN_ANSWER
    int utc_offset_s;            // BEGIN_ANSWER: for the Received field
    enum fp_err err;             // CHUNK_STORED, ACCEPTED
};

enum server_effect_kind {
    SERVER_SEND,       // bytes; live until the next feed
    SERVER_CHECK_RCPT, // address
    SERVER_BEGIN,      // a body begins; answered by BEGIN_ANSWER
    SERVER_CHUNK,      // a full chunk: data is the caller's now
    SERVER_END,        // complete: entry is the caller's now
    SERVER_ABORT,      // the message begun is given up: forget what was appended
    SERVER_CLOSE,      // after everything sent so far is out
    SERVER_NOTE,       // a line for the log (refusals, protocol trouble), already escaped
};

struct server_effect {
    enum server_effect_kind kind;
    struct slice bytes;   // SEND, NOTE
    struct slice address; // CHECK_RCPT
    uint64_t id;          // CHUNK, ABORT
    uint32_t chunk;       // CHUNK: its number
    char *data;           // CHUNK
    size_t size;          // CHUNK
    struct entry *entry;  // END
};

struct server;
struct server *server_new(const struct server_settings *settings, const struct server_peer *peer,
                          int64_t now_ms);
void server_free(struct server *s);
size_t server_feed(struct server *s, const struct server_event *event);
bool server_pull(struct server *s, struct server_effect *ret);
int64_t server_deadline(const struct server *s);
void server_postpone(struct server *s, int64_t by_ms); // the clock has jumped: wait on by so much
bool server_wants_input(const struct server *s);       // false: stop reading from the socket
bool server_is_idle(const struct server *s);           // between messages
size_t server_memory(const struct server *s);          // bytes held of text and envelope
uint32_t server_take_refusals(struct server *s);       // 452 4.3.1 said since it was last asked

#endif
