// SPDX-License-Identifier: BSD-2-Clause
// placeholder: "{user}" and the like in the texts of next hops.
//
//     {user}       the local part, in lower case
//     {domain}     what stands behind it, in lower case
//     {address}    both
//     {recipient}  both, as the sender wrote it        (only for programs)
//     {sender}     the envelope's sender, "" for <>    (only for programs)
//
// (H1) In a path a value is one name or part of one: nothing that a stranger writes leads to
// another
//      folder. (H2) A word of a command line never becomes an option that the configuration did not
//      write.
#ifndef FP_DELIVER_PLACEHOLDER_H
#define FP_DELIVER_PLACEHOLDER_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum placeholder_use { PLACEHOLDER_PATH, PLACEHOLDER_WORD };

// FP_INVALID: an unknown name or a brace too many; why gets a sentence, with the nearest name.
enum fp_err placeholder_check(struct slice text, enum placeholder_use use, struct buf *why);
// Where the first one begins; text.n when there is none.
size_t placeholder_first(struct slice text);
// text was checked. False: these addresses cannot stand there (H1, H2).
bool placeholder_expand(struct slice text, enum placeholder_use use, const char *sender,
                        const char *rcpt, struct buf *to);

#endif
