// SPDX-License-Identifier: BSD-2-Clause
// sendmail_arguments: the command line of `sendmail`, as forty years of programs write it. Pure.
//
// Options may stand before, between and behind recipients; "--" ends them. What has no meaning here
// but is written by programs is taken and ignored (docs/sendmail.fermoposta.1 lists it); what would
// have to do something that is not done is refused with the reason, so that nobody believes it was.
#ifndef FP_COMMAND_SENDMAIL_ARGUMENTS_H
#define FP_COMMAND_SENDMAIL_ARGUMENTS_H

#include "core/buf.h"
#include "core/dsn.h"

#include <stdbool.h>

enum sendmail_mode {
    SENDMAIL_SUBMIT, // -bm and default: a message on standard input
    SENDMAIL_SMTP,   // -bs: SMTP on standard input and output
    SENDMAIL_LIST,   // -bp: mailq
    SENDMAIL_FLUSH,  // -q...: try now
    SENDMAIL_DAEMON, // -bd, -bD
    SENDMAIL_HELP,
    SENDMAIL_VERSION,
};

struct sendmail_arguments {
    enum sendmail_mode mode;
    bool takes_recipients;   // -t
    bool dot_ends;           // no -i, no -oi
    bool is_8bit;            // -B8BITMIME
    bool requires_tls;       // --require-tls
    uint8_t notify;          // -N; flags of core/dsn.h
    enum dsn_ret ret;        // -R
    const char *envid;       // -V, as written; NULL: not given
    const char *sender;      // -f or -r, as written; NULL: not given
    const char *full_name;   // -F; NULL: not given
    const char *config_file; // -C; NULL: not given
    char *flush_term;        // -qIID, -qRTEXT, -qSTEXT as a filter's term; NULL: everything; owned
    const char **recipients; // owned array of borrowed words, each may hold a list
    size_t count;
};

// What -N, -R, -V and --require-tls add to MAIL and to each RCPT; nothing: "".
void sendmail_arguments_dsn(const struct sendmail_arguments *a, struct buf *mail, struct buf *rcpt);

void sendmail_arguments_close(struct sendmail_arguments *a);

// FP_OK, or FP_INVALID with a sentence in why (exit 64). argv is that of main, without argv[0].
enum fp_err sendmail_arguments_parse(struct sendmail_arguments *ret, const char *const *argv,
                                     size_t count, struct buf *why);

#endif
