// SPDX-License-Identifier: BSD-2-Clause
// target: one next hop as the configuration writes it.
//
//     "mx"                     the hosts that DNS names for the domain
//     "smtp://HOST[:PORT]"     this host; HOST is a name or an IP, [v6] in brackets
//     "smtps://HOST[:PORT]"    the same, where TLS comes first (RFC 8314)
//     "lmtp://HOST:PORT"       this host, by LMTP (RFC 2033)
//     "lmtp:///PATH"           the same by a Unix socket
//     "maildir:///PATH"        a folder of this machine; {user} and the like: deliver/placeholder.h
//     "pipe:///PROGRAM WORDS"  a program of this machine, with the same names
//     "error:4.x.x|5.x.x TEXT" nobody: deferred, or given back, for this reason
//     "discard:"               nobody: counts as delivered
#ifndef FP_DELIVER_TARGET_H
#define FP_DELIVER_TARGET_H

#include "core/buf.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum target_kind {
    TARGET_MX,
    TARGET_SMTP,
    TARGET_SMTPS,
    TARGET_LMTP,
    TARGET_LMTP_UNIX,
    TARGET_MAILDIR,
    TARGET_PIPE,
    TARGET_ERROR,
    TARGET_DISCARD,
};

enum { TARGET_SOCKET_PATH_MAX = 107 }; // sun_path less its NUL

struct target {
    enum target_kind kind;
    char *host;    // SMTP, SMTPS, LMTP: name or plain IP; owned
    uint16_t port; // SMTP: 25 when not given; SMTPS: 465; LMTP
    // LMTP_UNIX: the socket's path; MAILDIR: its path; PIPE: the words; ERROR: "5.1.2 TEXT"; owned
    char *text;
    char *name; // as it was written; NULL: it was not; owned
};

// Does it take one recipient at a time?
bool target_takes_one(const struct target *t);
// FP_INVALID: not one of the forms; why gets one sentence that says what would be right.
enum fp_err target_parse(struct slice text, struct target *ret, struct buf *why);
void target_copy(const struct target *from, struct target *ret);
void target_close(struct target *t);
// In the one way of all to write it: "smtp://relay.example:25".
void target_write(const struct target *t, struct buf *to);

// Does it decide in any case? Then nothing that stands behind it in a list is ever tried.
bool target_is_final(const struct target *t);
#endif
