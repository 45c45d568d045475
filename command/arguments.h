// SPDX-License-Identifier: BSD-2-Clause
// arguments: what stands on the command line of `fermoposta`, `mailq` and `postqueue`. Pure.
//
// (`sendmail` has a language of its own: command/sendmail_arguments.h.) All of them come down to a
// verb and the words behind it, in the language of control/request.h; the daemon's verbs are handed
// on as they are.
#ifndef FP_COMMAND_ARGUMENTS_H
#define FP_COMMAND_ARGUMENTS_H

#include "core/buf.h"

#include <stdbool.h>

enum { ARGUMENTS_WHY_MAX = 4096 };

enum arguments_kind {
    ARGUMENTS_HELP, // print help, of the verb where there is one
    ARGUMENTS_VERSION,
    ARGUMENTS_DAEMON, // hand on to fermopostad
    ARGUMENTS_QUEUE,  // ask the daemon over its socket
};

struct arguments {
    enum arguments_kind kind;
    const char *verb;        // borrowed; NULL for help and version without one
    const char *config_file; // borrowed; NULL: FERMOPOSTA_CONF, or the default
    const char **words;      // owned array of borrowed words behind the verb, without -c FILE
    size_t count;
};

void arguments_close(struct arguments *a);

// Each: FP_OK, or FP_INVALID with a sentence in why (exit 64). argv is that of main, without
// argv[0]. fermoposta [-c FILE] VERB [-c FILE] WORD...
enum fp_err arguments_parse(struct arguments *ret, const char *const *argv, size_t count,
                            struct buf *why);
// mailq [-C FILE] [-v] [FILTER...]: list --format=postfix
enum fp_err arguments_parse_mailq(struct arguments *ret, const char *const *argv, size_t count,
                                  struct buf *why);
// postqueue -p | -j | -f | -i ID, with -c FILE
enum fp_err arguments_parse_postqueue(struct arguments *ret, const char *const *argv, size_t count,
                                      struct buf *why);

#endif
