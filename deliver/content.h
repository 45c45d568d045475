// SPDX-License-Identifier: BSD-2-Clause
// content: a body on its way out, piece by piece, as slices with dots doubled and the end mark.
//
//     content_begin(&w);
//     content_piece(&w, piece, is_last);
//     while (!content_is_taken(&w)) { n = content_slices(&w, slices); send them; wait until sent; }
//
// What needs no doubling goes out as slices of the piece itself. Only where lines that begin with
// dots are so frequent that the slices run out, short runs are gathered in a scratch buffer of
// fixed size. Plain, for what is no SMTP: line ends are LF, dots stay, there is no end mark; all of
// it goes by the scratch buffer. In chunks, each piece goes as it is behind its BDAT (RFC 3030 2).
// (X1) The end mark comes exactly once, and never but behind a line end (RFC 5321 4.5.2).
#ifndef FP_DELIVER_CONTENT_H
#define FP_DELIVER_CONTENT_H

#include "core/dot.h"

#include <stdint.h>

enum { CONTENT_SLICES_MAX = 16 };

struct content_writer {
    struct dot_writer dots;
    struct slice piece; // not looked at yet
    struct slice run;   // to go out as it is
    bool is_last;
    bool is_over;  // the end mark was handed out
    char *scratch; // owned; NULL until it is needed
    bool is_plain, is_chunked;
    bool has_cr;       // plain: the last byte was a CR, which may belong to a line end
    struct slice head; // plain: not out yet
    char bdat[40];     // in chunks: the command of the piece that goes out
};

void content_close(struct content_writer *w);
void content_begin(struct content_writer *w);
// head: goes first, as it is; borrowed until it is out.
void content_begin_plain(struct content_writer *w, struct slice head);
void content_begin_chunks(struct content_writer *w);
void content_piece(struct content_writer *w, struct slice piece, bool is_last);
bool content_is_taken(const struct content_writer *w); // of the piece nothing is left to hand out
uint32_t content_slices(struct content_writer *w, struct slice slices[CONTENT_SLICES_MAX]);

#endif
