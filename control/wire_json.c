// SPDX-License-Identifier: BSD-2-Clause
// wire: requests and answers of the CONTROL protocol as JSON lines. See wire_json.h.
//
// Both ends are ours, but the socket is open to every user of the machine: a request is read as a
// stranger's mail is, with maxima and without guessing.
#include "control/wire_json.h"

#include "control/column.h"
#include "core/must.h"
#include "core/text.h"
#include "core/utf8.h"

#include <jansson.h>
#include <stdlib.h>

// JSON writes an octet as six at most (\u001b), so a piece of text always makes a line that may be
// read.
enum { WIRE_PIECE_MAX = 128 * 1024, WIRE_WORDS_MAX = 256 };

static int add_piece(const char *p, size_t n, void *data)
{
    column_add(data, slice_of(p, n));
    return 0;
}

// Adds the object as one line and forgets it.
static void add_line(json_t *object, struct column *c)
{
    must(object && json_dump_callback(object, add_piece, c, JSON_COMPACT) == 0);
    column_str(c, "\n");
    json_decref(object);
}

static json_t *new_object(const char *key, json_t *value)
{
    json_t *o = json_object();
    must(value && json_object_set_new(o, key, value) == 0);
    return o;
}

// Octets that are no UTF-8 become \xHH; everything else stays as it is, controls too.
static json_t *new_repaired_text(struct slice s)
{
    struct buf text;
    buf_init(&text, 4 * s.n + 1);
    while (s.n > 0) {
        size_t n = utf8_char_size(s, NULL);
        if (n > 0)
            buf_add(&text, s.p, n);
        else
            buf_addf(&text, "\\x%02x", (unsigned)(unsigned char)s.p[0]);
        s = slice_from(s, n > 0 ? n : 1);
    }
    json_t *value = json_stringn(buf_slice(&text).p, text.n);
    buf_close(&text);
    return value;
}

static json_t *new_text(struct slice s)
{
    json_t *value = json_stringn(s.n > 0 ? s.p : "", s.n); // NULL when it is no UTF-8
    return value ? value : new_repaired_text(s);
}

void wire_format_request(enum request_verb verb, const char *const *words, size_t count,
                         bool is_streamed, struct buf *to)
{
    struct column c = column_begin(to);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        must(json_array_append_new(list, new_text(slice_str(words[i]))) == 0);
    json_t *o = new_object("verb", json_string(request_verb_name(verb)));
    must(json_object_set_new(o, "words", list) == 0);
    if (is_streamed)
        must(json_object_set_new(o, "stream", json_true()) == 0);
    add_line(o, &c);
    column_commit(&c);
}

// How much of s goes into one line: not more than a piece, and no character is cut in two.
static size_t piece_size(struct slice s)
{
    if (s.n <= WIRE_PIECE_MAX)
        return s.n;
    size_t n = WIRE_PIECE_MAX;
    for (int back = 0; back < 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80; back++)
        n--;
    return n;
}

static void format_pieces(const char *key, struct slice text, struct buf *to)
{
    struct column c = column_begin(to);
    do {
        size_t n = piece_size(text);
        add_line(new_object(key, new_text(slice_of(text.p, n))), &c);
        text = slice_from(text, n);
    } while (text.n > 0);
    column_commit(&c);
}

void wire_format_text(struct slice text, struct buf *to)
{
    format_pieces("text", text, to);
}

void wire_format_error(struct slice text, struct buf *to)
{
    format_pieces("error", text, to);
}

static void format_number(const char *key, json_int_t n, struct buf *to)
{
    struct column c = column_begin(to);
    add_line(new_object(key, json_integer(n)), &c);
    column_commit(&c);
}

void wire_format_bytes(size_t n, struct buf *to)
{
    must(n > 0 && n <= WIRE_BYTES_MAX);
    format_number("bytes", (json_int_t)n, to);
}

void wire_format_exit(int code, struct buf *to)
{
    format_number("exit", code, to);
}

// --- reading ---

static enum fp_err refuse(struct buf *why, const char *sentence)
{
    buf_add_str(why, sentence);
    return FP_INVALID;
}

static json_t *load_object(struct slice line, size_t flags)
{
    json_t *o = line.n <= WIRE_LINE_MAX ? json_loadb(line.p, line.n, flags, NULL) : NULL;
    if (o && !json_is_object(o)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static enum fp_err read_verb(const json_t *o, struct request *r, struct buf *why)
{
    const char *name = json_string_value(json_object_get(o, "verb"));
    if (!name)
        return refuse(why, "the request has no verb");
    if (request_verb_parse(name, &r->verb))
        return FP_OK;
    char shown[41];
    snprintf(shown, sizeof shown, "%s", name);
    buf_add_str(why, "unknown verb '");
    text_escape(slice_str(shown), why);
    buf_add_str(why, "'");
    return FP_INVALID;
}

static enum fp_err read_words(const json_t *o, struct request *r, struct buf *why)
{
    const char *words[WIRE_WORDS_MAX];
    const json_t *list = json_object_get(o, "words");
    size_t count = json_array_size(list);
    if (list && !json_is_array(list))
        return refuse(why, "the request's words are no list");
    if (count > WIRE_WORDS_MAX)
        return refuse(why, "the request has too many words");
    for (size_t i = 0; i < count; i++) {
        words[i] = json_string_value(json_array_get(list, i));
        if (!words[i])
            return refuse(why, "a word of the request is no string");
    }
    return request_parse_words(r, words, count, why);
}

// A member that is not known may change what is meant (a newer command with an older daemon), so it
// is refused, not skipped.
static enum fp_err check_members(const json_t *o, struct buf *why)
{
    const json_t *stream = json_object_get(o, "stream");
    size_t known = (json_object_get(o, "verb") != NULL) + (json_object_get(o, "words") != NULL) +
                   (stream != NULL);
    if (json_object_size(o) != known)
        return refuse(why, "the request has a member that this daemon does not know");
    if (stream && !json_is_boolean(stream))
        return refuse(why, "the request's stream is neither true nor false");
    return FP_OK;
}

enum fp_err wire_parse_request(struct slice line, struct request *ret, struct buf *why)
{
    struct request r = {0};
    json_t *o = load_object(line, JSON_REJECT_DUPLICATES);
    if (!o)
        return refuse(why, "the request is no JSON object");
    enum fp_err err = check_members(o, why);
    if (!err)
        err = read_verb(o, &r, why);
    if (!err)
        err = read_words(o, &r, why);
    if (!err)
        err = request_check(&r, why);
    r.is_streamed = json_is_true(json_object_get(o, "stream"));
    json_decref(o);
    if (!err)
        *ret = r;
    return err == FP_OK ? FP_OK : FP_INVALID;
}

static bool is_number(const json_t *value, json_int_t min, json_int_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= min &&
           json_integer_value(value) <= max;
}

static enum fp_err read_answer(const json_t *o, struct wire_answer *ret)
{
    const json_t *code = json_object_get(o, "exit"), *bytes = json_object_get(o, "bytes");
    const json_t *text = json_object_get(o, "text"), *error = json_object_get(o, "error");
    const json_t *s = text ? text : error;
    if (json_object_size(o) != 1)
        return FP_INVALID;
    if (is_number(code, 0, 255)) {
        *ret = (struct wire_answer){.kind = WIRE_EXIT, .code = (int)json_integer_value(code)};
    } else if (is_number(bytes, 1, WIRE_BYTES_MAX)) {
        *ret = (struct wire_answer){.kind = WIRE_BYTES, .size = (size_t)json_integer_value(bytes)};
    } else if (json_is_string(s)) {
        size_t size = json_string_length(s);
        *ret = (struct wire_answer){.kind = text ? WIRE_TEXT : WIRE_ERROR, .size = size};
        ret->text = must_memdup(json_string_value(s), size);
    } else {
        return FP_INVALID;
    }
    return FP_OK;
}

enum fp_err wire_parse_answer(struct slice line, struct wire_answer *ret)
{
    json_t *o = load_object(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL);
    enum fp_err err = o ? read_answer(o, ret) : FP_INVALID;
    json_decref(o);
    return err;
}
