// SPDX-License-Identifier: BSD-2-Clause
// dot: the DATA transparency of RFC 5321 4.5.2, and clean line ends, in both directions.
//
// Reading: only CRLF.CRLF ends a message, whatever the read boundaries are. A CR or LF that stands
// alone is made CRLF (never an end mark), and a line of one dot that such a bare end made is text.
// Writing: content has clean CRLF ends (that is how it is stored), so only dots at line starts are
// doubled and the end mark is added.
#ifndef FP_CORE_DOT_H
#define FP_CORE_DOT_H

#include "core/buf.h"
#include "core/slice.h"

struct dot_reader {
    int state;
    bool is_done;     // CRLF.CRLF was seen
    bool has_8bit;    // an octet >= 0x80 came by
    bool has_bare;    // a lone CR or LF was made CRLF
    size_t line_n;    // octets of the current line so far
    size_t line_max;  // longest line seen, without its CRLF
    const char *held; // the rest of a line end that did not fit into `to`
};

void dot_reader_init(struct dot_reader *r);
// Consumes bytes up to the end mark at most, adding decoded content to `to` while room remains in
// it (to->max): stops early when it is full (then to->n == to->max; empty it and call again with
// the rest). Returns how many bytes were used. The content before the end mark always ends in CRLF
// (or is empty).
size_t dot_read(struct dot_reader *r, struct slice bytes, struct buf *to);

// For text that is not dot-stuffed (standard input of `sendmail`, BDAT): makes every bare CR or LF
// and every CRLF into CRLF. With ends_at_dot, a line of a single dot ends it (sendmail without -i).
struct line_reader {
    int state;
    bool ends_at_dot;
    bool is_done;
    bool has_8bit;    // an octet >= 0x80 came by
    size_t line_n;    // octets of the current line so far
    size_t line_max;  // longest line seen, without its CRLF
    bool line_is_dot; // a dot at the start of a line is held
    const char *held; // the rest of a line end that did not fit into `to`
};
void line_reader_init(struct line_reader *r, bool ends_at_dot);
size_t line_read(struct line_reader *r, struct slice bytes, struct buf *to);
// End of input: completes the last line. False when that does not fit into `to`: empty it and call
// again.
bool line_read_end(struct line_reader *r, struct buf *to);

struct dot_writer {
    bool at_line_start;
};
void dot_writer_init(struct dot_writer *w);
// The longest prefix of *content that may go out as it is; takes it off *content. When it is empty
// and content is not, a dot stands at the start of a line: send DOT_STUFF first and call again.
// Content may come in pieces cut anywhere.
struct slice dot_write(struct dot_writer *w, struct slice *content);
#define DOT_STUFF SLICE_LIT(".")
#define DOT_END   SLICE_LIT(".\r\n") // after content, which ends in CRLF or is empty

#endif
