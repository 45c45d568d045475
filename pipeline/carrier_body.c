// SPDX-License-Identifier: BSD-2-Clause
// carrier_body: the body of a carrier's batch, piece by piece on its way to the session: out of
// memory where it is there, else out of the spool. What is asked of the spool, or given to a socket
// that has not taken it, counts against the budget of bodies.
#include "pipeline/carrier.h"

void carrier_forget_piece(struct pipeline *p, struct carrier *h)
{
    body_unref(p, h->piece);
    h->piece = NULL;
    if (h->uses_body)
        body_leave(p, h->batch->body);
    h->uses_body = false;
}

static void count_sending(struct pipeline *p, struct carrier *h, size_t n)
{
    h->sending += n;
    p->sending += n;
}

void carrier_forget_sending(struct pipeline *p, struct carrier *h)
{
    p->sending -= h->sending;
    h->sending = 0;
}

void carrier_forget_body(struct pipeline *p, struct carrier *h)
{
    carrier_forget_piece(p, h);
    carrier_forget_sending(p, h);
    if (h->reading)
        h->reading->carrier = NULL;
    h->reading = NULL;
}

// A host hears the message from its beginning.
void carrier_begin_body(struct carrier *h)
{
    h->chunk = h->chunk_offset = 0;
    h->body_given = 0;
}

static struct session_event give(struct pipeline *p, struct carrier *h, struct slice piece)
{
    h->body_given += piece.n;
    count_sending(p, h, piece.n);
    return (struct session_event){.kind = SESSION_BODY,
                                  .now_ms = p->now_ms,
                                  .bytes = piece,
                                  .is_last = h->body_given >= h->batch->message.size};
}

static void advance(struct carrier *h, size_t n, bool is_end_of_chunk)
{
    h->chunk_offset = is_end_of_chunk ? 0 : h->chunk_offset + (uint32_t)n;
    h->chunk += is_end_of_chunk;
}

// The chunk that is to be sent now is in memory.
static void give_part(struct pipeline *p, struct carrier *h, const struct body *b, size_t max)
{
    struct slice rest = slice_from((struct slice){b->data, b->size}, h->chunk_offset);
    struct slice part = slice_of(rest.p, rest.n < max ? rest.n : max);
    advance(h, part.n, part.n == rest.n);
    struct session_event e = give(p, h, part);
    session_feed(h->session, &e);
}

void carrier_need_body(struct pipeline *p, struct carrier *h)
{
    uint64_t left = h->batch->message.size - h->body_given;
    size_t max = body_piece_max(p, left);
    struct body *b = h->chunk == 0 ? h->batch->body : NULL;
    carrier_forget_piece(p, h);
    if (body_use(p, b)) {
        h->uses_body = true;
        give_part(p, h, b, max);
        return;
    }
    b = relaying_body(p, h->batch->message.id, h->chunk);
    if (b) {
        h->piece = body_ref(b);
        give_part(p, h, b, max);
        return;
    }
    struct op *op = op_new(OP_CHUNK);
    op->chunk.message = h->batch->message.id;
    op->chunk.chunk = h->chunk;
    op->chunk.offset = h->chunk_offset;
    op->chunk.size_max = (uint32_t)max;
    h->reading = store_op(p, op, WAIT_CARRIER_CHUNK);
    h->reading->carrier = h;
    count_sending(p, h, left < max ? (size_t)left : max); // many may ask before the first is read
}

void carrier_chunk_read(struct pipeline *p, struct carrier *h, struct op *op)
{
    h->reading = NULL;
    carrier_forget_sending(p, h);
    if (op->err || op->chunk.size == 0) {
        carrier_feed(p, h, (struct session_event){.kind = SESSION_BODY_FAILED});
        return;
    }
    h->piece = body_new(p, op->chunk.data, op->chunk.size);
    op->chunk.data = NULL;
    advance(h, op->chunk.size, op->chunk.is_end);
    carrier_feed(p, h, give(p, h, (struct slice){h->piece->data, h->piece->size}));
}
