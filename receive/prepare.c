// SPDX-License-Identifier: BSD-2-Clause
// prepare: what the sendmail command does to a message before it hands it over. See prepare.h.
#include "receive/prepare_inside.h"

#include "core/dot.h"
#include "core/header.h"
#include "core/must.h"

#include <stdlib.h>

enum {
    PIECE_MAX = 32 * 1024, // of input that is looked at in one go while the header is read
    ERROR_MAX = 1024,
};

struct prepare {
    struct prepare_settings settings; // its strings are our copies
    struct line_reader reader;
    struct buf head; // the header block, and what was read along with its end
    size_t scanned;  // octets of head that are whole lines of the header
    size_t body;     // where in head the body begins, once that is known
    bool is_begun;   // the first line was looked at
    bool is_asking;  // the header is complete and waits for the facts
    bool has_header; // and has got them
    struct rcptset rcpts;
    struct buf error;
};

struct prepare *prepare_new(const struct prepare_settings *settings)
{
    struct prepare *p = must_zalloc(sizeof *p);
    p->settings = *settings;
    p->settings.sender = must_strdup(settings->sender);
    p->settings.hostname = must_strdup(settings->hostname);
    line_reader_init(&p->reader, settings->dot_ends);
    buf_init(&p->head, PREPARE_HEADER_MAX + 3 * PIECE_MAX);
    buf_init(&p->error, ERROR_MAX);
    rcptset_init(&p->rcpts);
    return p;
}

void prepare_free(struct prepare *p)
{
    if (!p)
        return;
    free((char *)p->settings.sender);
    free((char *)p->settings.hostname);
    buf_close(&p->head);
    buf_close(&p->error);
    rcptset_close(&p->rcpts);
    free(p);
}

enum line_kind { LINE_HEADER, LINE_BLANK, LINE_BODY, LINE_MBOX };

static enum line_kind classify(const struct prepare *p, struct slice line)
{
    struct header_field field;
    if (line.n == 2)
        return LINE_BLANK;
    if (!p->is_begun && line.n > 5 && memcmp(line.p, "From ", 5) == 0)
        return LINE_MBOX;
    if (p->scanned > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        return LINE_HEADER;
    return header_next(&line, &field) ? LINE_HEADER : LINE_BODY;
}

// True when the header block is complete: it is the first p->scanned octets, and at p->body begins
// the body. A line that is no field ends it too, and is the first of the body.
static bool find_end(struct prepare *p)
{
    while (p->scanned < p->head.n) {
        struct slice rest = slice_from(buf_slice(&p->head), p->scanned);
        const char *lf = memchr(rest.p, '\n', rest.n);
        if (!lf)
            return false;
        rest.n = (size_t)(lf - rest.p) + 1;
        enum line_kind kind = classify(p, rest);
        p->is_begun = true;
        if (kind == LINE_MBOX) {
            buf_drop(&p->head, rest.n);
        } else if (kind == LINE_HEADER) {
            p->scanned += rest.n;
        } else {
            p->body = p->scanned + (kind == LINE_BLANK ? rest.n : 0);
            return true;
        }
    }
    return false;
}

// A line at most, so that what stands behind the header's last one is left for `to`.
static enum fp_err feed_header(struct prepare *p, struct slice *bytes)
{
    size_t n = bytes->n < PIECE_MAX ? bytes->n : PIECE_MAX;
    const char *lf = memchr(bytes->p, '\n', n);
    if (lf)
        n = (size_t)(lf - bytes->p) + 1;
    size_t used = line_read(&p->reader, slice_of(bytes->p, n), &p->head);
    must(used == n || p->reader.is_done);
    *bytes = slice_from(*bytes, used);
    p->is_asking = find_end(p);
    if (p->is_asking || p->head.n <= PREPARE_HEADER_MAX)
        return FP_OK;
    buf_add_str(&p->error, "the header is too large");
    return FP_TOO_BIG;
}

enum fp_err prepare_feed(struct prepare *p, struct slice *bytes, struct buf *to)
{
    must(!p->is_asking);
    while (!p->has_header && !p->is_asking && bytes->n > 0 && !p->reader.is_done) {
        enum fp_err err = feed_header(p, bytes);
        if (err)
            return err;
    }
    if (!p->has_header || p->reader.is_done)
        return FP_OK;
    *bytes = slice_from(*bytes, line_read(&p->reader, *bytes, to));
    return bytes->n == 0 || p->reader.is_done ? FP_OK : FP_TOO_BIG;
}

enum fp_err prepare_end(struct prepare *p, struct buf *to)
{
    must(!p->is_asking);
    if (!line_read_end(&p->reader, p->has_header ? to : &p->head))
        return FP_TOO_BIG;
    if (p->has_header)
        return FP_OK;
    if (!find_end(p))
        p->body = p->head.n;
    p->is_asking = true;
    return FP_OK;
}

bool prepare_asks(const struct prepare *p, struct prepare_lacks *ret)
{
    if (!p->is_asking)
        return false;
    struct prepare_header header;
    prepare_header_read(slice_of(p->head.p, p->scanned), &header);
    *ret = header.lacks;
    return true;
}

enum fp_err prepare_answer(struct prepare *p, const struct prepare_facts *facts, struct buf *to)
{
    must(p->is_asking);
    struct slice head = buf_slice(&p->head);
    struct prepare_header header;
    prepare_header_read(slice_of(head.p, p->scanned), &header);
    enum fp_err err = prepare_header_write(&p->settings, facts, &header, &p->rcpts, &p->error, to);
    if (!err)
        err = buf_add_slice(to, slice_from(head, p->body));
    p->is_asking = false;
    p->has_header = true;
    buf_close(&p->head);
    return err;
}

bool prepare_is_done(const struct prepare *p)
{
    return p->reader.is_done;
}

bool prepare_has_header(const struct prepare *p)
{
    return p->has_header;
}

bool prepare_has_8bit(const struct prepare *p)
{
    return p->reader.has_8bit;
}

uint32_t prepare_recipient_count(const struct prepare *p)
{
    return p->rcpts.count;
}

const char *prepare_recipient(const struct prepare *p, uint32_t i)
{
    must(i < p->rcpts.count);
    return p->rcpts.addresses[i];
}

const char *prepare_error(const struct prepare *p)
{
    return buf_slice(&p->error).p;
}
