// SPDX-License-Identifier: BSD-2-Clause
// log: where log lines go: standard error, a file, or syslog. The pipeline says what, this says
// where.
//
// Lines are collected and written when the loop is about to wait (log_flush), so that a busy second
// costs a few system calls, not thousands.
#ifndef FP_DAEMON_LOG_SYS_H
#define FP_DAEMON_LOG_SYS_H

#include "core/logline.h"

struct log;
// where: "stderr", "syslog", or a file's path (appended to, mode 0640). why: a sentence.
enum fp_err log_open(const char *where, const char *hostname, struct log **ret, struct buf *why);
void log_close(struct log *l);
void log_line(struct log *l, enum log_level level, struct slice text, int64_t now_ms,
              int utc_offset_s);
void log_flush(struct log *l);
enum fp_err log_reopen(struct log *l); // after a rotation: opens the file anew
void log_give(struct log *l, uint32_t uid,
              uint32_t gid); // the file to the user we are about to become

#endif
