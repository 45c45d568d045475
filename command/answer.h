// SPDX-License-Identifier: BSD-2-Clause
// answer: what the daemon answers, taken apart as it arrives. Pure (control/wire_json).
//
//     answer_init(&a)
//     for each piece of bytes that was read:
//         while ((kind = answer_next(&a, &bytes, &part)) != ANSWER_MORE) ... use part ...
//     answer_close(&a)
//
// Both ways of sending text are understood (control/request.h). What is sent as it stands is not
// copied. The daemon is not trusted: lines and numbers have their maxima.
#ifndef FP_COMMAND_ANSWER_H
#define FP_COMMAND_ANSWER_H

#include "core/buf.h"

struct answer {
    struct buf line;   // one whose end has not come yet
    size_t bytes_left; // of text that is sent as it stands
    char *text;        // of the part shown last, or NULL
};

enum answer_kind {
    ANSWER_MORE,  // nothing more is in these bytes
    ANSWER_TEXT,  // for standard output
    ANSWER_ERROR, // for standard error
    ANSWER_EXIT,  // the last one
    ANSWER_BAD,   // no answer: nothing that follows can be understood
};

struct answer_part {
    struct slice text; // TEXT, ERROR; lives until the next call, and no longer than the bytes
    int code;          // EXIT
};

void answer_init(struct answer *a);
void answer_close(struct answer *a);
// Takes one part off the front of *bytes. ret is set as the kind says.
enum answer_kind answer_next(struct answer *a, struct slice *bytes, struct answer_part *ret);

#endif
