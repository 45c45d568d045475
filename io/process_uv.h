// SPDX-License-Identifier: BSD-2-Clause
// process: a program that gets one message on its standard input. No shell, a fixed environment,
// the folder "/", the rights of this process; a group of its own, so that nobody of it is left
// over.
//
//     p = process_start(loop, &order, &handler);     on_open or on_result follows
//     process_write(p, slices, count); ...           on_drained
//     process_finish(p);                             its standard input ends; on_result follows
//     process_close(p);                              at any time, once: what runs of it is killed
//
// It need not read everything: only how it ends counts. The result's text is the beginning of what
// it wrote to standard output and standard error.
#ifndef FP_IO_PROCESS_UV_H
#define FP_IO_PROCESS_UV_H

#include "core/slice.h"
#include "io/handover_uv.h"

#include <uv.h>

struct process;

struct process *process_start(uv_loop_t *loop, const struct handover_order *order,
                              const struct handover_handler *h);
void process_write(struct process *p, const struct slice *slices, uint32_t count); // copied
void process_finish(struct process *p);
void process_close(struct process *p);

#endif
