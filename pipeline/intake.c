// SPDX-License-Identifier: BSD-2-Clause
// intake: the marks, and when they are passed. See intake.h. What is done about it is in doors.c.
#include "pipeline/intake.h"

#include "core/message.h"
#include "core/must.h"
#include "pipeline/budget.h"

void intake_init(struct intake *in, const struct intake_marks *marks)
{
    *in = (struct intake){.marks = *marks};
    if (in->marks.stop == 0)
        in->marks.stop = BUDGET_INTAKE_STOP;
    if (in->marks.small == 0)
        in->marks.small = BUDGET_INTAKE_SMALL;
    if (in->marks.refuse == 0)
        in->marks.refuse = BUDGET_INTAKE_REFUSE;
}

bool intake_must_stop(const struct intake *in)
{
    return !in->is_stopped && in->on_way > in->marks.stop;
}

// Not at the mark itself: each time costs two system calls a client.
bool intake_may_resume(const struct intake *in)
{
    return in->is_stopped && in->on_way <= in->marks.stop / 2;
}

void intake_stop(struct intake *in)
{
    must(!in->is_stopped);
    in->is_stopped = true;
    in->stops++;
}

void intake_resume(struct intake *in)
{
    in->is_stopped = in->is_refusing = false;
}

bool intake_is_busy(const struct intake *in)
{
    return in->is_refusing || in->on_way + in->held > in->marks.refuse;
}

size_t intake_chunk_max(const struct intake *in)
{
    return in->held > in->marks.small ? BUDGET_CHUNK_SMALL : MESSAGE_CHUNK_MAX;
}
