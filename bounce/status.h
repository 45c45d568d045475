// SPDX-License-Identifier: BSD-2-Clause
// status: the part of a notice for programs: message/delivery-status. Pure. RFC 3464 2.
#ifndef FP_BOUNCE_STATUS_H
#define FP_BOUNCE_STATUS_H

#include "bounce/sheet.h"
#include "core/notice.h"

// Adds the per-message block and one block for each recipient, blank lines between them; ends with
// a line end. 7 bits, no controls, lines below 998 octets whatever the peer said. Without details,
// and for recipients beyond STATUS_TEXT_MAX octets, only what RFC 3464 2.3 requires is said, so
// that hostile replies to a thousand recipients cannot make a notice that nobody takes.
enum { STATUS_TEXT_MAX = 1024 * 1024 };
void status_report(struct sheet *s, const struct notice *n, bool has_details);

// The status as it may stand in a notice of that kind: the given one where it has the form and
// class of RFC 3463, else the kind's "other" status. `text` needs 12 bytes.
const char *status_code(const char *status, enum notice_kind kind, char text[12]);

// The host's bare name out of "name", "name[ip]:port" or an address: "" when it names no host (a
// path). An address comes in brackets, as RFC 5321 4.1.3 writes it.
void status_host(const char *host, struct buf *to);

#endif
