// SPDX-License-Identifier: BSD-2-Clause
// session_sys: what every way of being called needs: how it was called, and the two settings that a
// command looks for in the configuration.
#ifndef FP_COMMAND_SESSION_SYS_H
#define FP_COMMAND_SESSION_SYS_H

#include "core/buf.h"

struct session {
    const char *program; // "fermoposta", "sendmail", "mailq", "postqueue": for messages
    const char *config_file;
    char *socket;   // once loaded; owned
    char *hostname; // NULL: not set, and nobody asked yet; owned
    bool is_quiet;  // answers of the daemon are not printed, its errors are
};

// Where the configuration is: option (NULL: not given), else FERMOPOSTA_CONF, else the default.
void session_init(struct session *s, const char *program, const char *option);
void session_close(struct session *s);
// 0, or 78 after printing every problem. Values that are not needed are not looked at
// (config/glance): they, and warnings, are left to `check` and the daemon.
int session_load(struct session *s);
// This machine's name where none is set: to be looked up may take a while, so it is when asked for.
const char *session_hostname(struct session *s);
// "PROGRAM: SENTENCE" on standard error; returns the code.
int session_fail(const struct session *s, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Becomes `fermopostad VERB -c FILE WORD...`, found beside this executable or where it was
// installed. Returns only when that fails, with a code after saying so.
int session_become_daemon(const struct session *s, const char *verb, const char *const *words,
                          size_t count);
// Asks the daemon for the verb and prints its answers. Verbs that only read are done by fermopostad
// itself when no daemon answers. Returns the exit code.
int session_ask(struct session *s, const char *verb, const char *const *words, size_t count);

// The sendmail command: argv of main, without argv[0]. Returns the exit code.
int sendmail_run(const char *const *argv, size_t count);
// -bs: bytes both ways between standard input and output and the socket. Returns the exit code.
int smtp_copy_run(struct session *s);

#endif
