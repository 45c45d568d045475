// SPDX-License-Identifier: BSD-2-Clause
// server_chunk: BDAT, text in pieces that say how long they are. See server.h. RFC 3030 2.
//
// (B1) As many octets as a BDAT announced are read behind it whatever comes of it, and none of them
// is
//      taken for a command: pieces of a message that is not wanted are thrown away and then
//      refused. Where the number cannot be read nobody knows where they end: the connection ends.
// (B2) The text is text: BINARYMIME is not offered, so line ends are made CRLF as behind DATA (V6),
//      also where they fall between two pieces. A line of one dot is nothing special.
// (B3) Between two pieces of a message only BDAT goes on with it; RSET gives it up.
#include "receive/server_inside.h"

#include "core/must.h"
#include "receive/parse.h"

#include <inttypes.h>
#include <stdio.h>

bool server_chunk_is_open(const struct server *s)
{
    return s->message.is_begun && s->message.is_chunked;
}

static void open_piece(struct server *s)
{
    server_move(s, STATE_DATA);
    server_chunk_go_on(s);
}

// (B1)
static void throw_away(struct server *s, const char *refusal)
{
    s->message.refusal = refusal;
    open_piece(s);
}

static const char *fault(const struct server *s)
{
    if (!s->envelope.sender)
        return "503 5.5.1 MAIL first";
    if (s->envelope.rcpts.count == 0)
        return s->envelope.has_refused ? "554 5.5.1 No valid recipients" : "503 5.5.1 RCPT first";
    return NULL;
}

void server_chunk_on_command(struct server *s, struct slice rest)
{
    struct server_message *m = &s->message;
    struct parse_bdat bdat;
    if (!parse_bdat(rest, &bdat)) {
        server_hang_up(s, "501 5.5.4 Syntax: BDAT SIZE [LAST]");
        return;
    }
    m->piece_size = m->piece_left = bdat.size;
    m->is_last = bdat.is_last;
    m->is_chunked = true;
    if (server_chunk_is_open(s))
        open_piece(s);
    else if (fault(s))
        throw_away(s, fault(s));
    else
        server_ask(s, STATE_ASKING_BEGIN, (struct server_effect){.kind = SERVER_BEGIN});
}

void server_chunk_on_begun(struct server *s, const char *refusal)
{
    if (refusal) {
        server_move(s, STATE_COMMAND);
        throw_away(s, refusal);
    } else {
        line_reader_init(&s->message.lines, false);
        open_piece(s);
    }
}

size_t server_chunk_read(struct server_message *m, struct slice bytes)
{
    if (m->piece_left < bytes.n)
        bytes.n = (size_t)m->piece_left;
    size_t used = line_read(&m->lines, bytes, &m->body);
    m->piece_left -= used;
    m->dot.has_8bit = m->lines.has_8bit;
    m->dot.line_max = m->lines.line_max;
    return used;
}

size_t server_chunk_skip(struct server_message *m, struct slice bytes)
{
    size_t used = m->piece_left < bytes.n ? (size_t)m->piece_left : bytes.n;
    m->piece_left -= used;
    return used;
}

void server_chunk_go_on(struct server *s)
{
    struct server_message *m = &s->message;
    char reply[80];
    if (s->state != STATE_DATA || m->piece_left > 0)
        return;
    if (m->refusal) {
        server_data_end(s);
    } else if (!m->is_last) {
        snprintf(reply, sizeof reply, "250 2.0.0 %" PRIu64 " octets received", m->piece_size);
        server_reply(s, reply);
        server_move(s, STATE_COMMAND);
        server_must_leave(s);
    } else if (!line_read_end(&m->lines, &m->body)) {
        server_data_hand_out(s); // then it is gone on with
    } else {
        server_data_look(s);
        server_data_end(s);
    }
}
