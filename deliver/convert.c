// SPDX-License-Identifier: BSD-2-Clause
// convert: see convert.h.
//
// Content is looked at line by line. A line that is longer than LINE_ROOM comes in parts: it can
// be neither a delimiter nor the beginning of a header field, so only its first part decides.
#include "deliver/convert.h"

#include "core/must.h"
#include "core/utf8.h"
#include "deliver/encode.h"
#include "deliver/mime.h"

#include <stdlib.h>

enum {
    LINE_ROOM = 1024,
    VALUE_MAX = 4096, // of a header field that says something about the body
    // What has gone by when a part of a line may still be added.
    HELD_MAX = 2 * CONVERT_LOOK_MAX + 4 * LINE_ROOM,
};

enum place {
    IN_HEADER,
    IN_LOOK,    // a body that may have to be encoded: nothing of it was handed out
    IN_ENCODED, // a body that is being encoded
    IN_COPY,    // what is left as it is, and what stands between parts
};

enum field { FIELD_NONE, FIELD_OTHER, FIELD_TYPE, FIELD_ENCODING, FIELD_VERSION, FIELD_DKIM };

struct entity {
    bool is_message; // not a part: it says MIME-Version itself
    bool is_top;
    bool has_version, has_type, has_encoding;
    bool has_blank; // behind its header
    struct mime_type type;
    enum mime_encoding encoding;
};

struct convert {
    struct slice piece;
    bool is_last, is_over;
    char line[LINE_ROOM];
    size_t line_n;
    bool is_line_start;
    enum place place;
    struct entity entity;
    enum field field; // the one under way
    struct buf value; // its body, where it is to be understood
    bool is_holding;  // V1
    struct buf held;  // the encoding's field, the header behind it, the body's beginning
    size_t held_field, held_head; // where each of the first two ends
    size_t strange;               // octets in held that quoted-printable makes three of
    size_t body_line;             // octets of its current line
    bool needs_encoding;
    struct encoder encoder;
    struct mime_type levels[CONVERT_DEPTH_MAX]; // the multiparts that we are in
    unsigned depth;
    bool is_dkim_signed, breaks_signature;
    struct buf out;
};

static void begin_entity(struct convert *c, bool is_message)
{
    c->place = IN_HEADER;
    c->entity = (struct entity){.is_message = is_message};
    c->field = FIELD_NONE;
    c->is_holding = c->needs_encoding = false;
    c->held_field = c->held_head = c->strange = c->body_line = 0;
    buf_reset(&c->held);
}

struct convert *convert_new(void)
{
    struct convert *c = must_zalloc(sizeof *c);
    buf_init(&c->value, VALUE_MAX);
    buf_init(&c->held, HELD_MAX);
    buf_init(&c->out, CONVERT_OUT_MAX);
    begin_entity(c, true);
    c->entity.is_top = c->is_line_start = true;
    return c;
}

void convert_free(struct convert *c)
{
    if (!c)
        return;
    buf_close(&c->value);
    buf_close(&c->held);
    buf_close(&c->out);
    free(c);
}

// ---- going out -----------------------------------------------------------------------------

static void emit(struct convert *c, struct slice text)
{
    must(buf_add_slice(&c->out, text) == FP_OK);
}

static void emit_str(struct convert *c, const char *text)
{
    emit(c, slice_str(text));
}

static void hold(struct convert *c, struct slice text, bool ends)
{
    must(buf_add_slice(&c->held, text) == FP_OK);
    if (ends)
        must(buf_add_str(&c->held, "\r\n") == FP_OK);
}

static void copy(struct convert *c, struct slice text, bool ends)
{
    emit(c, text);
    if (ends)
        emit_str(c, "\r\n");
}

static struct slice held_body(const struct convert *c)
{
    return slice_from(buf_slice(&c->held), c->held_head);
}

static void note_change(struct convert *c)
{
    c->breaks_signature |= c->is_dkim_signed;
    for (unsigned i = 0; i < c->depth; i++)
        c->breaks_signature |= c->levels[i].is_signed;
}

// The header from where it was held. encoding: what it is to say; NULL: as it was.
static void emit_head(struct convert *c, const char *encoding)
{
    size_t from = encoding ? c->held_field : 0;
    if (encoding) {
        note_change(c);
        emit_str(c, "Content-Transfer-Encoding: ");
        copy(c, slice_str(encoding), true);
    }
    if (c->held_head > from) // a message may have no header at all, and then nothing was held
        emit(c, slice_of(c->held.p + from, c->held_head - from));
}

static bool is_utf8(struct slice text)
{
    while (text.n > 4) { // the last character may not be whole
        size_t n = utf8_char_size(text, NULL);
        if (n == 0)
            return false;
        text = slice_from(text, n);
    }
    return true;
}

// ---- bodies --------------------------------------------------------------------------------

static void encode(struct convert *c, struct slice text, bool ends)
{
    encoder_text(&c->encoder, text, &c->out);
    if (ends)
        encoder_line_end(&c->encoder, &c->out);
}

static void encode_held(struct convert *c)
{
    struct slice rest = held_body(c);
    while (rest.n > 0) {
        const char *end = memmem(rest.p, rest.n, "\r\n", 2);
        struct slice text = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        encode(c, text, end != NULL);
        rest = slice_from(rest, text.n + (end ? 2 : 0));
    }
}

static enum encoding choose_encoding(const struct convert *c)
{
    if (!c->needs_encoding) // so far: then hardly anything of it changes
        return ENCODING_QUOTED_PRINTABLE;
    bool is_dense = c->strange * 6 > held_body(c).n; // 1 + 2/6 is what base64 makes of each
    return c->entity.type.kind == MIME_TEXT && !is_dense ? ENCODING_QUOTED_PRINTABLE
                                                         : ENCODING_BASE64;
}

static void begin_encoding(struct convert *c)
{
    enum encoding encoding = choose_encoding(c);
    if (c->entity.is_message && !c->entity.has_version)
        emit_str(c, "MIME-Version: 1.0\r\n");
    if (!c->entity.has_type) {
        emit_str(c, "Content-Type: text/plain; charset=");
        emit_str(c, is_utf8(held_body(c)) ? "utf-8\r\n" : "unknown-8bit\r\n");
    }
    emit_head(c, encoding_name(encoding));
    if (!c->entity.has_blank)
        emit_str(c, "\r\n");
    encoder_init(&c->encoder, encoding);
    encode_held(c);
    c->place = IN_ENCODED;
}

// is_whole: the whole body is held.
static void decide(struct convert *c, bool is_whole)
{
    if (c->needs_encoding || !is_whole) {
        begin_encoding(c);
    } else {
        emit_head(c, c->entity.encoding == MIME_8BIT ? "7bit" : NULL);
        emit(c, held_body(c));
        c->place = IN_COPY;
    }
    buf_close(&c->held); // most messages have one body, and it may be long
}

static void look(struct convert *c, struct slice text, bool ends)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char octet = (unsigned char)text.p[i];
        c->needs_encoding |= octet > 127;
        c->strange += octet > '~' || octet == '=' || (octet < ' ' && octet != '\t');
    }
    c->body_line += text.n;
    c->needs_encoding |= c->body_line > CONVERT_LINE_MAX;
    if (ends)
        c->body_line = 0;
    hold(c, text, ends);
    if (c->held.n - c->held_head >= CONVERT_LOOK_MAX)
        decide(c, false);
}

// ---- headers -------------------------------------------------------------------------------

static enum field field_of(struct slice name)
{
    static const struct {
        const char *name;
        enum field field;
    } fields[] = {{"Content-Type", FIELD_TYPE},
                  {"Content-Transfer-Encoding", FIELD_ENCODING},
                  {"MIME-Version", FIELD_VERSION},
                  {"DKIM-Signature", FIELD_DKIM}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (slice_equal_nocase(name, slice_str(fields[i].name)))
            return fields[i].field;
    return FIELD_OTHER;
}

// The field that the line begins; FIELD_NONE: it begins none. *line becomes what is behind the
// colon.
static enum field take_name(struct slice *line)
{
    size_t n = 0;
    while (n < line->n && line->p[n] > ' ' && line->p[n] <= '~' && line->p[n] != ':')
        n++;
    struct slice name = {line->p, n};
    while (n < line->n && (line->p[n] == ' ' || line->p[n] == '\t'))
        n++;
    if (name.n == 0 || n == line->n || line->p[n] != ':')
        return FIELD_NONE;
    *line = slice_from(*line, n + 1);
    return field_of(name);
}

static void end_field(struct convert *c)
{
    struct entity *e = &c->entity;
    if (c->field == FIELD_TYPE && !e->has_type) {
        e->has_type = true;
        mime_type_parse(buf_slice(&c->value), &e->type);
    } else if (c->field == FIELD_ENCODING && !e->has_encoding) {
        e->has_encoding = true;
        e->encoding = mime_encoding_parse(buf_slice(&c->value));
        c->held_field = c->held.n;
    }
    e->has_version |= c->field == FIELD_VERSION;
    c->is_dkim_signed |= c->field == FIELD_DKIM && e->is_top;
    c->field = FIELD_NONE;
}

static void begin_field(struct convert *c, enum field field)
{
    end_field(c);
    c->field = field;
    buf_reset(&c->value);
    if (field == FIELD_ENCODING && !c->entity.has_encoding)
        c->is_holding = true;
}

// 8 KiB of encoding are none that anybody knows.
static void give_up_holding(struct convert *c)
{
    emit(c, buf_slice(&c->held));
    buf_reset(&c->held);
    c->held_field = 0;
    c->is_holding = false;
    c->field = FIELD_OTHER;
    c->entity.has_encoding = true;
    c->entity.encoding = MIME_ENCODED;
}

// Headers are short behind the encoding. Of one that is not, the rest goes ahead of it.
static void make_room(struct convert *c, size_t n)
{
    if (c->field == FIELD_ENCODING || c->held_field + n > CONVERT_LOOK_MAX) {
        give_up_holding(c);
        return;
    }
    emit(c, slice_from(buf_slice(&c->held), c->held_field));
    c->held.n = c->held_field;
}

static void keep_head(struct convert *c, struct slice text, bool ends)
{
    if (c->field == FIELD_ENCODING && c->entity.has_encoding)
        return; // a second one: what readers make of two differs, the first counts
    if (c->is_holding && c->held.n + text.n + 2 > CONVERT_LOOK_MAX)
        make_room(c, text.n + 2);
    if (c->is_holding)
        hold(c, text, ends);
    else
        copy(c, text, ends);
}

static void push_level(struct convert *c)
{
    c->levels[c->depth++] = c->entity.type;
    c->place = IN_COPY;
}

static const char *relabelled(const struct convert *c)
{
    return c->entity.encoding == MIME_8BIT ? "7bit" : NULL;
}

static void begin_body(struct convert *c)
{
    struct entity *e = &c->entity;
    bool is_plain = e->encoding != MIME_ENCODED;
    if (e->type.kind == MIME_MULTIPART && c->depth < CONVERT_DEPTH_MAX) {
        emit_head(c, relabelled(c));
        push_level(c);
    } else if (e->type.kind == MIME_MESSAGE && is_plain) {
        emit_head(c, relabelled(c));
        begin_entity(c, true);
    } else if (is_plain && (e->type.kind == MIME_TEXT || e->type.kind == MIME_DATA)) {
        c->place = IN_LOOK;
    } else {
        emit_head(c, NULL);
        c->place = IN_COPY;
    }
}

static void end_header(struct convert *c, bool has_blank)
{
    end_field(c);
    c->entity.has_blank = has_blank;
    if (has_blank)
        hold(c, (struct slice){"", 0}, true);
    c->held_head = c->held.n;
    begin_body(c);
}

static void on_line(struct convert *c, struct slice text, bool starts, bool ends);

static void on_header(struct convert *c, struct slice text, bool starts, bool ends)
{
    struct slice value = text;
    bool is_fold = c->field != FIELD_NONE && text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t');
    if (starts && text.n == 0 && ends) {
        end_header(c, true);
        return;
    }
    if (starts && !is_fold) {
        enum field field = take_name(&value);
        if (field == FIELD_NONE) { // a body without a blank line before it
            end_header(c, false);
            on_line(c, text, starts, ends);
            return;
        }
        begin_field(c, field);
    }
    if (c->field == FIELD_TYPE || c->field == FIELD_ENCODING)
        (void)buf_add_slice(&c->value, value); // what is too long for it says nothing
    keep_head(c, text, ends);
}

// ---- delimiters ----------------------------------------------------------------------------

static bool is_blank(struct slice s)
{
    return slice_trim(s).n == 0;
}

// RFC 2046 5.1.1. The whole line is compared, though the beginning is said to suffice: readers do
// so, and one boundary is often the beginning of another.
static bool is_delimiter(const struct convert *c, struct slice line, unsigned *ret_level,
                         bool *ret_is_close)
{
    if (line.n < 2 || line.p[0] != '-' || line.p[1] != '-')
        return false;
    for (unsigned level = c->depth; level-- > 0;) {
        struct slice boundary = slice_str(c->levels[level].boundary), rest = slice_from(line, 2);
        if (rest.n < boundary.n || memcmp(rest.p, boundary.p, boundary.n) != 0)
            continue;
        rest = slice_from(rest, boundary.n);
        bool is_close = rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-';
        if (!is_blank(slice_from(rest, is_close ? 2 : 0)))
            continue;
        *ret_level = level;
        *ret_is_close = is_close;
        return true;
    }
    return false;
}

// is_line_end_content: false before a delimiter, to which the last line end belongs.
static void end_body(struct convert *c, bool is_line_end_content)
{
    while (c->place == IN_HEADER)
        end_header(c, false);
    if (c->place == IN_LOOK)
        decide(c, true);
    if (c->place == IN_ENCODED)
        encoder_end(&c->encoder, is_line_end_content, &c->out);
    c->place = IN_COPY;
}

static void on_delimiter(struct convert *c, struct slice line, unsigned level, bool is_close)
{
    end_body(c, false);
    copy(c, line, true);
    c->depth = level + !is_close;
    if (is_close)
        return;
    begin_entity(c, false);
    if (c->levels[level].is_digest)
        c->entity.type.kind = MIME_MESSAGE;
}

// ---- lines ---------------------------------------------------------------------------------

static void on_line(struct convert *c, struct slice text, bool starts, bool ends)
{
    unsigned level;
    bool is_close;
    if (starts && ends && is_delimiter(c, text, &level, &is_close)) {
        on_delimiter(c, text, level, is_close);
        return;
    }
    switch (c->place) {
    case IN_HEADER:
        on_header(c, text, starts, ends);
        break;
    case IN_LOOK:
        look(c, text, ends);
        break;
    case IN_ENCODED:
        encode(c, text, ends);
        break;
    case IN_COPY:
        copy(c, text, ends);
        break;
    }
}

// What is gathered of the line goes on its way; a CR at its end may be half of a line end.
static void use_line(struct convert *c, bool ends)
{
    size_t n = ends ? c->line_n - 2 : c->line_n;
    bool has_cr = n == LINE_ROOM && c->line[n - 1] == '\r';
    on_line(c, slice_of(c->line, n - has_cr), c->is_line_start, ends);
    c->is_line_start = ends;
    c->line_n = has_cr;
    c->line[0] = has_cr ? '\r' : c->line[0];
}

static void take_line(struct convert *c)
{
    size_t room = LINE_ROOM - c->line_n;
    size_t n = c->piece.n < room ? c->piece.n : room;
    const char *lf = memchr(c->piece.p, '\n', n);
    n = lf ? (size_t)(lf - c->piece.p) + 1 : n;
    memcpy(c->line + c->line_n, c->piece.p, n);
    c->line_n += n;
    c->piece = slice_from(c->piece, n);
    if (lf && c->line_n >= 2 && c->line[c->line_n - 2] == '\r')
        use_line(c, true);
    else if (c->line_n == LINE_ROOM)
        use_line(c, false);
}

static void finish(struct convert *c)
{
    if (c->line_n > 0)
        use_line(c, false);
    end_body(c, true);
    c->is_over = true;
}

void convert_piece(struct convert *c, struct slice piece, bool is_last)
{
    must(c->piece.n == 0 && !c->is_last);
    c->piece = piece;
    c->is_last = is_last;
}

bool convert_next(struct convert *c, struct slice *ret_out, bool *ret_is_end)
{
    buf_reset(&c->out);
    if (c->is_over)
        return false;
    while (c->piece.n > 0 && c->out.n < CONVERT_STEP)
        take_line(c);
    if (c->piece.n == 0 && c->is_last)
        finish(c);
    *ret_out = buf_slice(&c->out);
    *ret_is_end = c->is_over;
    return c->is_over || c->out.n > 0;
}

bool convert_is_taken(const struct convert *c)
{
    return c->piece.n == 0 && (!c->is_last || c->is_over);
}

bool convert_breaks_signature(const struct convert *c)
{
    return c->breaks_signature;
}
