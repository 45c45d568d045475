// SPDX-License-Identifier: BSD-2-Clause
// submit: the blocking client of the local socket, for the sendmail command and the operator's
// verbs.
//
// A message goes as SMTP of a client that does not wait: the first line "SUBMIT 1", then envelope,
// text, end mark and QUIT without a look at the replies, in one write where it fits. The daemon
// ends such a session at its first refusal and reads nothing behind it (receive/server.h, V7).
#ifndef FP_RECEIVE_SUBMIT_SYS_H
#define FP_RECEIVE_SUBMIT_SYS_H

#include "core/buf.h"

#include <stdbool.h>

// Connects and sends the first line; NULL: none yet. FP_AGAIN: no daemon there (no socket,
// refused); FP_DENIED; FP_IO. why: a sentence.
enum fp_err submit_connect(const char *socket_path, const char *first_line, int *ret_fd,
                           struct buf *why);

struct submit;
struct submit *submit_new(int fd); // owns fd
void submit_free(struct submit *s);
// All or nothing: where one recipient is refused, the message is not taken for the others; free s
// then. Each gives a sysexits code: 0, or 65/67/69/75/... with the daemon's words in why (RFC 5321
// codes mapped: 4xx 75, 552 65, 550/551/553 to RCPT 67, 554 69, other 5xx 65/69). A greeting that
// is none is 75: a daemon of another version, which is about to be started anew.
struct submit_parameters {
    bool is_8bit;
    const char *mail,
        *rcpt; // more of MAIL, and of each RCPT: " RET=FULL", " NOTIFY=NEVER"; "": none
};
int submit_begin(struct submit *s, const char *sender, const struct submit_parameters *parameters,
                 const char *const *rcpts, size_t count, struct buf *why);
// Clean CRLF content, in pieces of any size; dots are doubled here.
int submit_write(struct submit *s, struct slice content, struct buf *why);
// The end mark. 0 only after the 250: then the message is in the spool.
int submit_end(struct submit *s, struct buf *why);
#endif
