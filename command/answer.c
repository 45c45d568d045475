// SPDX-License-Identifier: BSD-2-Clause
// answer: what the daemon answers, taken apart as it arrives. See answer.h.
#include "command/answer.h"

#include "control/wire_json.h"

#include <stdlib.h>

void answer_init(struct answer *a)
{
    *a = (struct answer){0};
    buf_init(&a->line, WIRE_LINE_MAX);
}

void answer_close(struct answer *a)
{
    buf_close(&a->line);
    free(a->text);
    a->text = NULL;
}

static enum answer_kind take_bytes(struct answer *a, struct slice *bytes, struct answer_part *ret)
{
    size_t n = bytes->n < a->bytes_left ? bytes->n : a->bytes_left;
    *ret = (struct answer_part){.text = slice_of(bytes->p, n)};
    *bytes = slice_from(*bytes, n);
    a->bytes_left -= n;
    return ANSWER_TEXT;
}

// ANSWER_MORE: a head, or a text without a single octet; what follows is looked at next.
static enum answer_kind take_line(struct answer *a, struct slice line, struct answer_part *ret)
{
    struct wire_answer got;
    if (wire_parse_answer(line, &got))
        return ANSWER_BAD;
    if (got.kind == WIRE_BYTES) {
        a->bytes_left = got.size;
        return ANSWER_MORE;
    }
    a->text = got.text;
    *ret = (struct answer_part){.text = slice_of(got.text, got.size), .code = got.code};
    if (got.kind == WIRE_EXIT)
        return ANSWER_EXIT;
    if (got.kind == WIRE_ERROR)
        return ANSWER_ERROR;
    return got.size > 0 ? ANSWER_TEXT : ANSWER_MORE;
}

static enum answer_kind take_end_of_line(struct answer *a, struct slice end,
                                         struct answer_part *ret)
{
    if (a->line.n == 0)
        return take_line(a, end, ret);
    if (buf_add_slice(&a->line, end))
        return ANSWER_BAD;
    enum answer_kind kind = take_line(a, buf_slice(&a->line), ret);
    buf_reset(&a->line);
    return kind;
}

enum answer_kind answer_next(struct answer *a, struct slice *bytes, struct answer_part *ret)
{
    enum answer_kind kind = ANSWER_MORE;
    free(a->text);
    a->text = NULL;
    while (kind == ANSWER_MORE && bytes->n > 0) {
        if (a->bytes_left > 0)
            return take_bytes(a, bytes, ret);
        const char *end = memchr(bytes->p, '\n', bytes->n);
        if (!end) {
            kind = buf_add_slice(&a->line, *bytes) ? ANSWER_BAD : ANSWER_MORE;
            *bytes = slice_from(*bytes, bytes->n);
            return kind;
        }
        struct slice rest = slice_of(bytes->p, (size_t)(end - bytes->p));
        *bytes = slice_from(*bytes, rest.n + 1);
        kind = take_end_of_line(a, rest, ret);
        if (kind == ANSWER_MORE) {
            free(a->text);
            a->text = NULL;
        }
    }
    return kind;
}
