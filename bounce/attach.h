// SPDX-License-Identifier: BSD-2-Clause
// attach: the part of a notice that gives the original back. Pure. RFC 6522 3 and 4, RFC 3461 6.2.
//
// The original is a stranger's. What would make the notice itself malformed (octets of value zero,
// lines beyond 998 octets, a CR or LF alone) costs the body its place: then the headers alone go
// back, repaired.
#ifndef FP_BOUNCE_ATTACH_H
#define FP_BOUNCE_ATTACH_H

#include "bounce/sheet.h"
#include "core/notice.h"

struct attachment {
    bool is_present;    // a third part is written at all
    bool is_full;       // message/rfc822
    bool is_8bit;       // it holds octets above 127
    bool is_global;     // and its header does, which its sender meant to be UTF-8 (RFC 6532)
    struct slice bytes; // borrows from the notice
};

struct attachment attach_choose(const struct notice *n);
void attach_write(struct sheet *s, const struct attachment *a); // the part's own header and content

#endif
