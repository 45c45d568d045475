// SPDX-License-Identifier: BSD-2-Clause
// sheet: a notice while it is being written. Pure.
//
// Wraps the buffer that the notice goes to, remembers that it ran out of room (so that the many
// small additions need not be checked one by one), and folds what is too long for a line. Text that
// comes in is harmless already (core/text). RFC 5322 2.1.1 (line length), 2.2.3 (folding).
#ifndef FP_BOUNCE_SHEET_H
#define FP_BOUNCE_SHEET_H

#include "core/buf.h"

enum {
    SHEET_COLUMNS = 76, // lines are folded at the last blank before
    SHEET_WORD_MAX =
        900 // octets; longer runs without a blank are broken: a line must stay below 998
};

struct sheet {
    struct buf *to;
    bool is_utf8;    // addresses stand in UTF-8 where they are (RFC 6533)
    enum fp_err err; // the first failure; what is added after it goes nowhere
};

void sheet_add(struct sheet *s, struct slice text);
void sheet_str(struct sheet *s, const char *text);
void sheet_addf(struct sheet *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Adds the words of text with one blank between them, beginning at `column` of the current line;
// further lines begin with indent. Ends the line. Runs of blanks become one, since a folded line of
// blanks alone would end a header block.
void sheet_wrap(struct sheet *s, size_t column, const char *indent, struct slice text);

// Adds a folded header field "name: type; text" (type NULL: "name: text").
void sheet_field(struct sheet *s, const char *name, const char *type, struct slice text);

// Adds text as it stands, folded only where the line would become longer than is allowed: for
// addresses, in which a run of blanks means something. Ends the line.
void sheet_exact(struct sheet *s, struct slice text);

// Adds the harmless form of an address to `to`: in 7 bits, or in UTF-8.
void sheet_show_address(const struct sheet *s, const char *address, struct buf *to);

#endif
