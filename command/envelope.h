// SPDX-License-Identifier: BSD-2-Clause
// envelope: sender and recipients as they were given to sendmail, made complete addresses. Pure.
#ifndef FP_COMMAND_ENVELOPE_H
#define FP_COMMAND_ENVELOPE_H

#include "core/buf.h"

struct envelope {
    char *sender; // "" is the null sender; owned
    char **rcpts; // owned, in the order given
    size_t rcpt_count;
};

void envelope_close(struct envelope *e);

// The sender as -f gives it: "a@b", "<a@b>", "Name <a@b>", "a" (gets @hostname); "" and "<>" are
// the null sender. FP_INVALID with a sentence (exit 65).
enum fp_err envelope_set_sender(struct envelope *e, const char *word, const char *hostname,
                                struct buf *why);
// One word of recipients, which may be a list "a@b, Name <c@d>, e". FP_INVALID with a sentence.
enum fp_err envelope_add_recipients(struct envelope *e, const char *word, const char *hostname,
                                    struct buf *why);
// A complete address, as it is (found by -t).
void envelope_add_address(struct envelope *e, const char *address);
// Drops recipients that stand there already; the first stays in its place.
void envelope_drop_duplicates(struct envelope *e);
// Is SMTPUTF8 to be said of it: is some local part beyond ASCII? (A domain becomes A-labels.)
bool envelope_needs_utf8(const struct envelope *e);

#endif
