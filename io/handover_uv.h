// SPDX-License-Identifier: BSD-2-Clause
// handover: who is told of a message on its way into a folder or a program. Callbacks come from the
// loop, never from within a call.
#ifndef FP_IO_HANDOVER_UV_H
#define FP_IO_HANDOVER_UV_H

#include "core/handover.h"

struct handover_handler {
    void *arg;
    void (*on_open)(void *arg);    // content may come
    void (*on_drained)(void *arg); // all that was written has been taken
    void (*on_result)(void *arg, const struct handover_result *result); // once; may stand alone
    void (*on_closed)(void *arg);                                       // the last one
};

#endif
