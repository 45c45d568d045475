// SPDX-License-Identifier: BSD-2-Clause
// decide: is a notice sent at all, and to whom? Pure. RFC 5321 4.5.5, 6.1; RFC 3834 2.
//
// (B1) The null sender never gets a notice.
//
// (B2) A notice of ours that fails goes to the postmaster, once; failing again it is dropped, with
// a log line.
//
// (B3) Nobody is warned about a delayed notice.
//
// (B4) Automatic mail (Auto-Submitted other than "no", Precedence bulk/list/junk, List-* fields) is
// not warned about (RFC 3834 2); its failure is still told.
#ifndef FP_BOUNCE_DECIDE_H
#define FP_BOUNCE_DECIDE_H

#include "core/message.h"
#include "core/notice.h"

enum decide_action {
    DECIDE_SEND,          // to the sender
    DECIDE_TO_POSTMASTER, // our own notice failed
    DECIDE_DROP,          // nobody is told; log it
};

// header: the original's header block; may be empty when unknown.
enum decide_action decide_notice(const struct message *original, enum notice_kind kind,
                                 struct slice header);
// The kind of the entry that DECIDE_SEND or DECIDE_TO_POSTMASTER makes.
enum message_kind decide_entry_kind(enum decide_action action);

#endif
