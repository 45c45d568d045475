// SPDX-License-Identifier: BSD-2-Clause
// dsn: what a sender asks to be told, and the encoding of its parameters. Pure. RFC 3461 4, 5.
//
// The values of ENVID and ORCPT are kept and passed on as they came, in xtext; only notices decode
// them.
#ifndef FP_CORE_DSN_H
#define FP_CORE_DSN_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DSN_ENVID_MAX = 100, // octets as given; RFC 3461 5.4
    DSN_ORCPT_MAX = 500,
};

// RET: how much of the message comes back with a notice of failure (RFC 3461 4.3).
enum dsn_ret { DSN_RET_NONE, DSN_RET_FULL, DSN_RET_HDRS };

// NOTIFY, flags; 0: nothing was said, which means failures, and delays as we like (4.1).
enum { DSN_NEVER = 1, DSN_SUCCESS = 2, DSN_FAILURE = 4, DSN_DELAY = 8 };

// "FULL", "HDRS" in any case; false for anything else.
bool dsn_ret_parse(struct slice text, enum dsn_ret *ret);
const char *dsn_ret_name(enum dsn_ret ret); // "" for DSN_RET_NONE
// "NEVER", or a list of the others without blanks, each once or more, in any case.
bool dsn_notify_parse(struct slice text, uint8_t *ret);
void dsn_notify_add(uint8_t notify, struct buf *to); // "SUCCESS,FAILURE"

// xtext (4): "+41" stands for "A". Decoding fails, adding a part, where text is none.
bool dsn_xtext_decode(struct slice text, struct buf *to);
void dsn_xtext_encode(struct slice text, struct buf *to);
// Is it an ENVID (4.4: printable ASCII in xtext), an ORCPT (4.2: "type;address in xtext")?
bool dsn_envid_is_valid(struct slice text);
// The type utf-8 has a form of its own (core/unitext.h).
bool dsn_orcpt_is_valid(struct slice text);
// Adds the ORCPT in 7 bits: as it came, but for the type utf-8.
void dsn_orcpt_encode(struct slice text, struct buf *to);
// Adds the address of an ORCPT as people write it, octets that it stands for; false where it is
// none.
bool dsn_orcpt_decode(struct slice text, struct buf *to);

#endif
