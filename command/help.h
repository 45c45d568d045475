// SPDX-License-Identifier: BSD-2-Clause
// help: what --help prints. Pure.
#ifndef FP_COMMAND_HELP_H
#define FP_COMMAND_HELP_H

// program: "fermoposta", "sendmail", "mailq" or "postqueue"; verb: NULL or one of fermoposta's.
const char *help_text(const char *program, const char *verb);

#endif
