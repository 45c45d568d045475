// SPDX-License-Identifier: BSD-2-Clause
// maildir: one message on its way into a Maildir, on libuv's threads: a disk may be slow.
//
//     m = maildir_open(loop, &order, &handler);      on_open or on_result follows
//     maildir_write(m, slices, count); ...           on_drained when all of it is written
//     maildir_finish(m);                             on_result follows
//     maildir_close(m);                              at any time, once; on_closed is the last
//     callback
//
// Callbacks come from the loop, never from within a call. After on_result what is written is
// dropped.
#ifndef FP_IO_MAILDIR_UV_H
#define FP_IO_MAILDIR_UV_H

#include "core/slice.h"
#include "io/handover_uv.h"

#include <uv.h>

struct maildir;

struct maildir *maildir_open(uv_loop_t *loop, const struct handover_order *order,
                             const struct handover_handler *h);
void maildir_write(struct maildir *m, const struct slice *slices, uint32_t count); // copied
void maildir_finish(struct maildir *m);
// A message that is not in its folder by then never gets there.
void maildir_close(struct maildir *m);

#endif
