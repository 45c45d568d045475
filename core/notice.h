// SPDX-License-Identifier: BSD-2-Clause
// notice: what a notice to a sender is to say, as a plain value (RFC 3461 6, RFC 3464, RFC 3834).
//
// Made by the pipeline from what settle decided; bounce/ decides whether one is due and writes it.
#ifndef FP_CORE_NOTICE_H
#define FP_CORE_NOTICE_H

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum notice_kind {
    NOTICE_FAILED,  // given back: some recipients failed for good
    NOTICE_DELAYED, // a warning: some recipients are late
    NOTICE_ARRIVED, // asked for (RFC 3461 NOTIFY=SUCCESS): it has arrived, or was handed on
};

enum notice_return {
    RETURN_HEADERS, // text/rfc822-headers (RFC 6522 4)
    RETURN_FULL,    // message/rfc822, headers only above a limit
    RETURN_NONE,    // no third part
};

struct notice_recipient {
    const char *address;
    const char *status;      // "5.1.1", "4.4.7"; RFC 3463
    const char *text;        // reply of the next hop or our own words; "" when nothing is known
    bool text_is_reply;      // then it stands as Diagnostic-Code: smtp
    const char *host;        // next hop's name for Remote-MTA, "" when nobody was reached
    int64_t last_attempt_ms; // 0: never tried
    int64_t next_attempt_ms; // NOTICE_DELAYED only; 0, TIME_NEVER: nobody knows
    int64_t expires_ms;      // NOTICE_DELAYED only: Will-Retry-Until; likewise
    bool expired;            // failed because it grew too old, not by a refusal
    const char *orcpt;       // Original-Recipient as ORCPT gave it, in xtext; NULL or "": none
    bool is_relayed;         // NOTICE_ARRIVED: handed on to a host that tells nobody; else arrived
    bool in_doubt;           // an attempt ended without an answer: possibly delivered
};

struct notice {
    enum notice_kind kind;
    uint64_t id;            // queue id of the notice itself
    uint64_t original_id;   // queue id of the message it speaks of
    const char *envid;      // Original-Envelope-Id, in xtext; NULL or "": none
    const char *hostname;   // Reporting-MTA
    const char *sender;     // to whom it goes: the original's sender (or the postmaster)
    const char *postmaster; // whom the reader may ask
    int64_t arrival_ms;     // of the original: Arrival-Date
    int64_t now_ms;         // Date
    int utc_offset_s;       // of local time at now_ms
    bool to_postmaster;     // an undeliverable notice on its way to the postmaster
    const struct notice_recipient *rcpts;
    uint32_t rcpt_count;
    enum notice_return ret;
    struct slice original; // header block (with its blank line or without), or the whole message
    bool original_is_full; // original holds the whole message (RETURN_FULL and small enough)
    bool original_is_8bit;
    bool is_utf8;  // SMTPUTF8 was said of the original: the notice may hold UTF-8 (RFC 6533)
    uint64_t seed; // for the boundary
};

#endif
