// SPDX-License-Identifier: BSD-2-Clause
// operator_gone: a request names a message that is not in the queue: what became of it, as far as
// history knows. See operator_internal.h.
#include "pipeline/operator_internal.h"
#include "pipeline/past.h"

#include <sysexits.h>

enum { GONE_RCPTS_MAX = 10 };

void answer_gone(struct pipeline *p, struct operator_session *s)
{
    struct op *op = op_new(OP_HISTORY);
    op->history.message = filter_id(&s->request.filter);
    op->history.count = GONE_RCPTS_MAX;
    buf_reset(&s->text); // what was begun is no answer any more
    store_op(p, op, WAIT_OPERATOR)->conn = s->conn;
}

void gone_read(struct pipeline *p, struct operator_session *s, struct op *op)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    past_sentence(&op->history, request_scope_uid(&s->caller), &s->request.filter, p->utc_offset_s,
                  &text);
    answer_error(p, s, EX_NOINPUT, buf_slice(&text).p);
    buf_close(&text);
}
