// SPDX-License-Identifier: BSD-2-Clause
// intake: how much mail is between the sockets and the spool, and what follows from that. Pure.
//
//     in->on_way, in->held grow and shrink;
//     intake_must_stop(in)?    stop reading from all clients;  intake_stop(in)
//     intake_may_resume(in)?   read from them again, in turn;  intake_resume(in)
//     when reading was stopped for patience_ms: in->is_refusing = true
//
// What is on its way to the writer shrinks by itself, whatever clients do: so nothing but that
// stops them, and they never wait for one another. What sessions hold shrinks only by what clients
// do: so it is kept small (intake_chunk_max), and stops nobody. The order is: clients wait; new
// messages are refused, for the moment (452 4.3.1), when clients have waited for long or all of it
// together is too much; and nothing that was accepted is ever lost for it.
#ifndef FP_PIPELINE_INTAKE_H
#define FP_PIPELINE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intake_marks { // bytes; 0: that of pipeline/budget.h
    size_t stop;      // on the way: beyond it nothing is read, until half of it
    size_t small;     // held: beyond it chunks are small
    size_t refuse;    // both: beyond it no message begins
};

struct intake {
    struct intake_marks marks;
    size_t on_way; // with the writer
    size_t held;   // in sessions
    bool is_stopped;
    bool is_refusing; // stopped for so long that clients are told so
    uint64_t stops;   // since the start
    uint64_t refusals;
};

void intake_init(struct intake *in, const struct intake_marks *marks);
bool intake_must_stop(const struct intake *in); // and it has not been
bool intake_may_resume(const struct intake *in);
void intake_stop(struct intake *in);
void intake_resume(struct intake *in);
bool intake_is_busy(const struct intake *in); // no message may begin
// Bytes of text that a session may gather before it hands them out.
size_t intake_chunk_max(const struct intake *in);

#endif
