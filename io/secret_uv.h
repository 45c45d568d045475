// SPDX-License-Identifier: BSD-2-Clause
// secret: passwords and tokens that stand elsewhere: in a file, or in what a command prints.
//
//     secret_ask(s, &source, on_secret, arg);    the answer comes from the loop, once
//     secret_forget(s);                          it was refused: the next one is asked for anew
//
// A file is read each time, so a changed password counts at once. What a command prints is kept for
// `keep_ms`, for it may ask a server for a token. The secret is the first line, without its end.
// Kept secrets are wiped when they are forgotten; what callers copy is theirs to wipe.
#ifndef FP_IO_SECRET_UV_H
#define FP_IO_SECRET_UV_H

#include "core/slice.h"

#include <stdbool.h>
#include <uv.h>

enum { SECRET_MAX = 16 * 1024 }; // bytes; longer ones are an error

struct secret_source {
    const char *file;         // absolute path; NULL: a command
    const char *const *words; // its words, NULL behind the last; no shell is asked
    int64_t timeout_ms;       // of the command: then its process group is killed
    int64_t keep_ms;          // how long what it printed is kept; 0: not at all
};

struct secrets;
struct secrets *secrets_open(uv_loop_t *loop);
// Questions under way are forgotten without a call; commands are killed. NULL is fine.
void secrets_close(struct secrets *s);

// secret: borrowed during the call; NULL: there is none, and why says it in a sentence without it,
// with the first line of a command's standard error behind it: escaped, 200 octets at most.
typedef void secret_done(void *arg, const char *secret, const char *why);
void secret_ask(struct secrets *s, const struct secret_source *source, secret_done *done,
                void *arg);
// Would the answer be one that was kept? Then a fresh one may be another.
bool secret_is_kept(struct secrets *s, const struct secret_source *source);
void secret_forget(struct secrets *s, const struct secret_source *source);

#endif
