// SPDX-License-Identifier: BSD-2-Clause
// server_inside: what the files of the server machine share. Private: only server*.c include this.
//
// server.c owns the states, the effects and the events; server_command.c the command lines and the
// envelope; server_data.c the text; server_chunk.c BDAT.
#ifndef FP_RECEIVE_SERVER_INSIDE_H
#define FP_RECEIVE_SERVER_INSIDE_H

#include "core/buf.h"
#include "core/dot.h"
#include "core/outcome.h"
#include "receive/rcptset.h"
#include "receive/server.h"

enum {
    SERVER_LINE_MAX = 2048,     // octets of a command with its CRLF; RFC 5321 4.5.3.1.4 wants 512
    SERVER_HELO_MAX = 255,      // octets of the name that is remembered
    SERVER_OUT_HIGH = 8 * 1024, // with so many octets of replies to send no command is read
    SERVER_OUT_MAX = 16 * 1024, // what that leaves room for
    SERVER_NOTE_MAX = 8 * 1024, // a log line
    SERVER_LOCAL_RCPTS_MAX = 100000,              // of a message by the local socket
    SERVER_AT_ONCE_DATA_MS = 24 * 60 * 60 * 1000, // see server_data_wait_ms
};

enum server_state {
    STATE_GREETING,     // the banner was not taken yet
    STATE_COMMAND,      // a command is awaited
    STATE_ASKING_RCPT,  // CHECK_RCPT is out
    STATE_ASKING_BEGIN, // BEGIN is out
    STATE_DATA,         // text is awaited
    STATE_CHUNKING,     // CHUNK is out
    STATE_STORING,      // END is out
    STATE_CLOSED,
    STATE_COUNT
};

// Why a line is no command.
enum line_fault { LINE_OK, LINE_LONG, LINE_BARE };

struct server_line {
    struct buf text;       // up to SERVER_LINE_MAX
    enum line_fault fault; // the rest up to CRLF is then thrown away
    char last;             // octet that came last
    bool ends_bare;        // the command that was read last ended in LF alone (local socket)
};

struct server_envelope {
    char *sender;   // NULL: no MAIL yet
    bool is_8bit;   // declared
    uint8_t traits; // of enum message_trait: asked for
    int64_t deliver_by_ms;
    bool has_priority; // likewise, by MT-PRIORITY
    int8_t priority;
    bool has_refused;     // some RCPT got no 250
    char *asked;          // the address in question
    uint8_t asked_notify; // and what came with it
    char *asked_orcpt;    // NULL: nothing
    enum dsn_ret ret;
    char *envid;          // in xtext; NULL: none
    struct rcptset rcpts; // accepted
};

// Looks at the lines of the header block as they come.
struct server_watch {
    bool is_over;      // the blank line has passed
    uint32_t received; // Received fields
    int8_t priority;   // by the first Precedence field that says something
    bool has_8bit;     // some octet is above 127; looked at where SMTPUTF8 was said
    bool says_no_tls;  // TLS-Required: No
    size_t head_n;
    char head[40]; // how the current line begins
};

struct server_message {
    uint64_t id;
    int64_t arrival_ms;
    bool is_begun;       // (V4) an ABORT or END is owed
    bool is_lf_mode;     // the client's lines end in LF: they are made CRLF before they are read
    bool has_cr;         // in LF mode: the octet read last was a CR
    bool is_separated;   // looked whether the text begins with a header field
    const char *refusal; // reply that waits for the end mark; the text is thrown away meanwhile
    struct dot_reader dot;
    // by BDAT
    bool is_chunked, is_last; // of the piece that comes, or came
    uint64_t piece_size, piece_left;
    struct line_reader lines; // in place of dot
    struct server_watch watch;
    struct buf body;   // not yet handed out
    size_t watched;    // octets of body that watch has seen
    size_t trace_size; // octets of our Received field: they do not count against the limit
    uint64_t stored;   // octets handed out in chunks
    uint32_t chunks;
    uint64_t recent; // octets read since the deadline was set
};

struct server {
    struct server_settings settings;
    struct server_peer peer; // ip and user_name point at the copies below
    char ip[OUTCOME_IP_SIZE];
    char *user_name;
    enum server_state state;
    int64_t now_ms;
    int64_t deadline_ms;
    char *helo; // NULL: none yet
    bool is_esmtp;
    bool is_shutting;
    bool has_eof;
    bool has_refused; // some command got no 2xx or 3xx (V7)
    uint32_t errors;
    uint32_t messages;
    uint32_t refusals;     // for lack of room, not told yet
    size_t chunk_max;      // as it was said with the last bytes
    bool is_busy;          // likewise
    const char *last_verb; // for notes
    struct server_line line;
    struct server_envelope envelope;
    struct server_message message;
    // effects, in the order in which they are handed out
    bool has_abort;
    bool has_question;
    bool has_close;
    uint64_t abort_id;
    struct server_effect question;
    struct buf note; // lines, each with LF
    struct buf out;
    size_t note_taken; // octets of note that were handed out; it is emptied at the next feed
    bool out_is_taken;
    bool has_rest; // the last BYTES were not used up: the caller comes back with them
};

// server.c
void server_move(struct server *s, enum server_state to);
void server_await(struct server *s, int64_t wait_ms); // the next deadline
#define SERVER_NO_ROOM "452 4.3.1" // how refusals for lack of room, on disk or in memory, begin
extern const char server_refused_busy[];
void server_reply(struct server *s, const char *text); // one line without its end; counts 5xx
void server_ask(struct server *s, enum server_state state, struct server_effect question);
void server_note_reject(struct server *s, const char *stage, const char *reply, const char *rcpt);
void server_note_end(struct server *s, const char *what); // "lost connection after RCPT from ..."
void server_abandon(struct server *s);                    // ABORT of what was begun
void server_hang_up(struct server *s, const char *text);  // abandon, last reply, close
void server_message_done(struct server *s, const char *reply); // ends message and envelope
// Hangs up when told to, after too many errors, and where a refusal is one too many.
bool server_must_leave(struct server *s);

// server_command.c
size_t server_command_take(struct server *s, struct slice bytes);
void server_command_on_rcpt_answer(struct server *s, enum server_verdict verdict);
void server_envelope_reset(struct server *s);

// server_data.c
// How long the text may pause. The text of a client that sends at once is the output of some
// program, which may work for hours between two lines of it; cron's jobs do.
int64_t server_data_wait_ms(const struct server *s);
size_t server_data_take(struct server *s, struct slice bytes);
void server_data_on_begin_answer(struct server *s, const struct server_event *event);
void server_data_on_chunk_stored(struct server *s, enum fp_err err);
void server_data_on_accepted(struct server *s, enum fp_err err);
void server_data_reset(struct server *s);
void server_data_hand_out(struct server *s); // a chunk of text to the spool
void server_data_look(struct server *s);     // at the text that has come
void server_data_end(struct server *s);      // it is complete, or refused
uint64_t server_data_size_max(const struct server *s);

// server_chunk.c
bool server_chunk_is_open(
    const struct server *s); // a message has begun, and its last BDAT is not in
void server_chunk_on_command(struct server *s, struct slice rest);
void server_chunk_on_begun(struct server *s, const char *refusal); // NULL: the message has begun
size_t server_chunk_read(struct server_message *m, struct slice bytes);
size_t server_chunk_skip(struct server_message *m, struct slice bytes);
void server_chunk_go_on(struct server *s); // when the piece is complete

#endif
