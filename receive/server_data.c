// SPDX-License-Identifier: BSD-2-Clause
// server_data: what follows DATA, on its way into the spool. See server.h.
//
// (D1) At most one chunk of text is held: when it is full it is handed out, and nothing is read
//      until it is stored.
// (D2) A message that is not wanted (too big, in a loop, not storable) is given up at once, and
// what
//      still comes of it is read and thrown away up to its end mark: its lines must never be taken
//      for commands, and the client listens only then.
// (D3) The limit of the size counts the client's text, not the trace field that we add.
// (D4) The client must send SERVER_DATA_STEP octets within data_ms, so that single octets do not
//      keep a session for ever; on the slowest line that is some seconds of data.
#include "receive/server_inside.h"

#include "core/address.h"
#include "core/header.h"
#include "core/must.h"
#include "core/utf8.h"
#include "receive/received.h"

#include <stdlib.h>

enum {
    SERVER_DATA_STEP = 1024,
    // Capacity that a body begins with; doubled five times it is exactly enough for a chunk and
    // NUL.
    BODY_FIRST_CAP = MESSAGE_CHUNK_MAX / 32 + 1,
    BODY_STEP = 4,     // an octet, with a line end that was held before it
    TRACE_ROOM = 4096, // kept free below the largest body for our Received field
};

static const char refused_big[] = "552 5.3.4 The message is too big";
static const char refused_loop[] = "554 5.4.6 Too many hops: the message is in a loop";
static const char refused_line[] = "554 5.6.0 A line of the message is too long";
const char server_refused_busy[] =
    SERVER_NO_ROOM " Too much mail waits to be stored, try again later";
static const char refused_full[] = SERVER_NO_ROOM " No room in the spool, try again later";
static const char refused_io[] = "451 4.3.0 The message could not be stored, try again later";

uint64_t server_data_size_max(const struct server *s)
{
    uint64_t hard = (uint64_t)MESSAGE_CHUNK_MAX * MESSAGE_CHUNKS_MAX - TRACE_ROOM;
    uint64_t max = s->settings.message_size_max;
    return max > 0 && max < hard ? max : hard;
}

int64_t server_data_wait_ms(const struct server *s)
{
    return s->peer.sends_at_once ? SERVER_AT_ONCE_DATA_MS : s->settings.data_ms;
}

void server_data_reset(struct server *s)
{
    buf_close(&s->message.body);
    s->message = (struct server_message){0};
}

// One allocation for most messages, and never more than a chunk (see BODY_FIRST_CAP).
static void open_body(struct buf *body)
{
    buf_init(body, MESSAGE_CHUNK_MAX);
    body->p = must_alloc(BODY_FIRST_CAP);
    body->p[0] = '\0';
    body->cap = BODY_FIRST_CAP;
}

static void write_trace(struct server *s, int utc_offset_s)
{
    struct server_message *m = &s->message;
    struct received r = {.helo = s->helo ? s->helo : "",
                         .ip = s->ip,
                         .is_esmtp = s->is_esmtp,
                         .is_utf8 = (s->envelope.traits & MESSAGE_UTF8) != 0,
                         .uid = s->peer.uid,
                         .user_name = s->user_name,
                         .hostname = s->settings.hostname,
                         .id = m->id,
                         .now_ms = m->arrival_ms,
                         .utc_offset_s = utc_offset_s};
    if (s->envelope.rcpts.count == 1)
        r.only_rcpt = s->envelope.rcpts.addresses[0];
    received_write(&r, &m->body);
    m->trace_size = m->watched = m->body.n;
}

static void refuse_to_begin(struct server *s)
{
    if (s->message.is_chunked)
        server_chunk_on_begun(s, server_refused_busy);
    else
        server_message_done(s, server_refused_busy);
}

void server_data_on_begin_answer(struct server *s, const struct server_event *event)
{
    struct server_message *m = &s->message, asked = *m;
    if (event->verdict != VERDICT_OK) {
        refuse_to_begin(s);
        return;
    }
    server_data_reset(s);
    m->is_chunked = asked.is_chunked;
    m->is_last = asked.is_last;
    m->piece_size = m->piece_left = asked.piece_size;
    m->id = event->id;
    m->arrival_ms = event->now_ms;
    m->is_begun = true;
    if (s->is_shutting) {
        server_hang_up(s, "421 4.3.2 Shutting down");
        return;
    }
    m->is_lf_mode = s->line.ends_bare;
    dot_reader_init(&m->dot);
    open_body(&m->body);
    write_trace(s, event->utc_offset_s);
    if (m->is_chunked) {
        server_chunk_on_begun(s, NULL);
        return;
    }
    server_reply(s, "354 End data with <CR><LF>.<CR><LF>");
    server_move(s, STATE_DATA);
}

// Is the line the beginning of that field? Its body, as far as it was kept.
static bool is_field(const struct server_watch *w, struct slice name, struct slice *ret_body)
{
    struct slice head = slice_of(w->head, w->head_n);
    if (!slice_starts_nocase(head, name))
        return false;
    head = slice_trim(slice_from(head, name.n));
    if (head.n == 0 || head.p[0] != ':')
        return false;
    *ret_body = slice_trim(slice_from(head, 1));
    return true;
}

// The field has never been a standard's (RFC 2076 3.9), so it is believed where it asks for less.
static int8_t precedence(struct slice value)
{
    static const struct {
        const char *word;
        int8_t priority;
    } words[] = {{"list", -2}, {"bulk", -4}, {"junk", -6}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equal_nocase(value, slice_str(words[i].word)))
            return words[i].priority;
    return 0;
}

static void look_at_line(struct server_watch *w)
{
    struct slice body;
    if (is_field(w, SLICE_LIT("Received"), &body))
        w->received++;
    else if (w->priority == 0 && is_field(w, SLICE_LIT("Precedence"), &body))
        w->priority = precedence(body);
    else if (is_field(w, SLICE_LIT("TLS-Required"), &body))
        w->says_no_tls = slice_equal_nocase(body, SLICE_LIT("No"));
}

// Takes text up to a line's end at most; only the beginning of each line is kept.
static size_t watch_piece(struct server_watch *w, const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n);
    size_t used = lf ? (size_t)(lf - p) + 1 : n;
    size_t room = sizeof w->head - w->head_n, copied = used < room ? used : room;
    memcpy(w->head + w->head_n, p, copied);
    w->head_n += copied;
    if (lf) {
        w->is_over = w->head_n == 2 && w->head[0] == '\r';
        look_at_line(w);
        w->head_n = 0;
    }
    return used;
}

static void watch(struct server_message *m, bool is_utf8)
{
    while (!m->watch.is_over && m->watched < m->body.n) {
        const char *piece = m->body.p + m->watched;
        size_t n = watch_piece(&m->watch, piece, m->body.n - m->watched);
        m->watch.has_8bit |= is_utf8 && !utf8_is_ascii(slice_of(piece, n));
        m->watched += n;
    }
}

// Text that begins with no header field is a body without a header: a blank line keeps it apart
// from our trace field. Looked at once, when the first line is there.
static void separate(struct server_message *m)
{
    char *text = m->body.p + m->trace_size;
    size_t n = m->body.n - m->trace_size;
    const char *lf = n > 0 ? memchr(text, '\n', n) : NULL;
    if (!lf)
        return;
    struct slice line = slice_of(text, (size_t)(lf - text) + 1);
    struct header_field field;
    m->is_separated = true;
    if (line.n == 2 || header_next(&line, &field))
        return;
    if (buf_add_str(&m->body, "\r\n"))
        return;
    text = m->body.p + m->trace_size;
    memmove(text + 2, text, n);
    memcpy(text, "\r\n", 2);
    m->trace_size += 2;
    m->watch.is_over = true;
}

static const char *find_fault(const struct server *s)
{
    const struct server_message *m = &s->message;
    if (m->stored + m->body.n - m->trace_size > server_data_size_max(s))
        return refused_big;
    if (s->settings.received_max && m->watch.received >= s->settings.received_max)
        return refused_loop;
    if (s->settings.line_max && m->dot.line_max > s->settings.line_max)
        return refused_line;
    return NULL;
}

// (D2)
static void refuse(struct server *s, const char *reply)
{
    s->message.refusal = reply;
    server_note_reject(s, "END-OF-MESSAGE", reply, NULL);
    server_abandon(s);
}

void server_data_hand_out(struct server *s)
{
    struct server_message *m = &s->message;
    struct server_effect chunk = {.kind = SERVER_CHUNK, .id = m->id, .chunk = m->chunks++};
    chunk.data = buf_steal(&m->body, &chunk.size);
    m->stored += chunk.size;
    m->watched = 0;
    server_ask(s, STATE_CHUNKING, chunk);
}

void server_data_on_chunk_stored(struct server *s, enum fp_err err)
{
    server_move(s, STATE_DATA);
    open_body(&s->message.body);
    if (err)
        refuse(s, err == FP_FULL ? refused_full : refused_io);
    if (s->message.is_chunked)
        server_chunk_go_on(s);
}

static struct recipient new_recipient(const struct server *s, uint32_t n)
{
    const char *address = s->envelope.rcpts.addresses[n];
    struct buf domain;
    buf_init(&domain, ADDRESS_MAX);
    address_domain_key(slice_str(address), &domain);
    struct slice key = buf_slice(&domain);
    struct recipient r = {.message = s->message.id,
                          .n = n,
                          .state = RECIPIENT_OPEN,
                          .next_attempt_ms = s->message.arrival_ms,
                          .address = must_strdup(address),
                          .domain = must_memdup(key.p, key.n),
                          .last_status = must_strdup(""),
                          .last_reply = must_strdup(""),
                          .last_host = must_strdup("")};
    const struct rcptset *set = &s->envelope.rcpts;
    if (set->orcpt) {
        r.notify = set->notify[n];
        r.orcpt = set->orcpt[n] ? must_strdup(set->orcpt[n]) : NULL;
    }
    buf_close(&domain);
    return r;
}

// RFC 8689 5: who says REQUIRETLS means that.
static uint8_t traits_of(const struct server *s)
{
    uint8_t traits = s->envelope.traits;
    if (s->message.watch.has_8bit)
        traits |= MESSAGE_UTF8_HEADER;
    if (s->message.watch.says_no_tls && !(traits & MESSAGE_REQUIRE_TLS))
        traits |= MESSAGE_TLS_OPTIONAL;
    return traits;
}

static struct entry *new_entry(struct server *s)
{
    struct server_message *m = &s->message;
    struct entry *e = entry_new();
    e->message = (struct message){
        .id = m->id,
        .kind = MESSAGE_MAIL,
        .is_8bit = s->envelope.is_8bit || m->dot.has_8bit,
        .traits = traits_of(s),
        .arrival_ms = m->arrival_ms,
        .deliver_by_ms = s->envelope.deliver_by_ms,
        .size = m->stored + m->body.n,
        .priority = s->envelope.has_priority ? s->envelope.priority : m->watch.priority,
        .uid = s->peer.uid,
        .ret = s->envelope.ret,
        .envid = s->envelope.envid ? must_strdup(s->envelope.envid) : NULL,
        .sender = must_strdup(s->envelope.sender)};
    e->rcpt_count = s->envelope.rcpts.count;
    e->rcpts = must_alloc(e->rcpt_count * sizeof *e->rcpts);
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        e->rcpts[i] = new_recipient(s, i);
    e->chunks_before = m->chunks;
    e->tail_cap = m->body.cap;
    if (m->body.n > 0)
        e->tail = buf_steal(&m->body, &e->tail_size);
    return e;
}

void server_data_end(struct server *s)
{
    if (s->message.refusal) {
        server_message_done(s, s->message.refusal);
        server_must_leave(s);
        return;
    }
    struct entry *e = new_entry(s);
    server_ask(s, STATE_STORING, (struct server_effect){.kind = SERVER_END, .entry = e});
    s->message.is_begun = false; // from here on it is the spool's
}

// Makes the LF of each line CRLF on its way to the reader (local socket, see C1).
static size_t read_lf_lines(struct server_message *m, struct slice in)
{
    size_t used = 0;
    while (used < in.n && !m->dot.is_done) {
        if (in.p[used] == '\n') {
            if (!m->has_cr && dot_read(&m->dot, SLICE_LIT("\r"), &m->body) == 0)
                break;
            m->has_cr = true;
            if (dot_read(&m->dot, SLICE_LIT("\n"), &m->body) == 0)
                break;
            m->has_cr = false;
            used++;
            continue;
        }
        const char *lf = memchr(in.p + used, '\n', in.n - used);
        size_t run = lf ? (size_t)(lf - in.p) - used : in.n - used;
        size_t n = dot_read(&m->dot, slice_of(in.p + used, run), &m->body);
        used += n;
        if (n > 0)
            m->has_cr = in.p[used - 1] == '\r';
        if (n < run)
            break;
    }
    return used;
}

static void renew_deadline(struct server *s, size_t used)
{
    s->message.recent += used;
    if (s->message.recent >= SERVER_DATA_STEP) // (D4)
        server_await(s, server_data_wait_ms(s));
}

// (V8) Not the first chunk while it is not known to begin with a header (see separate).
static size_t chunk_max(const struct server *s)
{
    const struct server_message *m = &s->message;
    uint64_t full = server_data_size_max(s) / MESSAGE_CHUNK_MAX + 2; // that many must be left
    bool may_be_small = s->chunk_max > 0 && s->chunk_max < MESSAGE_CHUNK_MAX &&
                        m->chunks + full < MESSAGE_CHUNKS_MAX && (m->is_separated || m->refusal);
    return may_be_small ? s->chunk_max : MESSAGE_CHUNK_MAX;
}

// What is more than that already goes with the next octets: some must be taken.
static size_t body_max(size_t n, size_t max)
{
    if (n < max)
        return max;
    return n + BODY_STEP < MESSAGE_CHUNK_MAX ? n + BODY_STEP : MESSAGE_CHUNK_MAX;
}

void server_data_look(struct server *s)
{
    struct server_message *m = &s->message;
    if (!m->is_separated && !m->refusal && m->chunks == 0)
        separate(m);
    watch(m, (s->envelope.traits & MESSAGE_UTF8) != 0);
    const char *fault = m->refusal ? NULL : find_fault(s);
    if (fault)
        refuse(s, fault);
    if (m->refusal) {
        buf_reset(&m->body);
        m->watched = 0;
    }
}

static size_t read_text(struct server_message *m, struct slice bytes)
{
    if (m->is_chunked)
        return m->refusal ? server_chunk_skip(m, bytes) : server_chunk_read(m, bytes);
    return m->is_lf_mode ? read_lf_lines(m, bytes) : dot_read(&m->dot, bytes, &m->body);
}

size_t server_data_take(struct server *s, struct slice bytes)
{
    struct server_message *m = &s->message;
    size_t max = chunk_max(s);
    m->body.max = body_max(m->body.n, max);
    size_t used = read_text(m, bytes);
    renew_deadline(s, used);
    server_data_look(s);
    if (m->dot.is_done)
        server_data_end(s);
    else if (m->body.n >= max)
        server_data_hand_out(s); // (D1)
    else if (m->is_chunked)
        server_chunk_go_on(s);
    return used;
}

// (V1)
void server_data_on_accepted(struct server *s, enum fp_err err)
{
    char reply[64] = "250 2.0.0 Ok: queued as ";
    message_id_format(s->message.id, reply + strlen(reply));
    if (!err)
        s->messages++;
    server_message_done(s, !err                ? reply
                           : err == FP_FULL    ? refused_full
                           : err == FP_TOO_BIG ? refused_big
                                               : refused_io);
}
