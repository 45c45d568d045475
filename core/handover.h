// SPDX-License-Identifier: BSD-2-Clause
// handover: mail that goes to something of this machine instead of a host: what is to be done with
// it, and what came of that. Plain data between deliver/ and those who do it (io/maildir_uv,
// io/process_uv).
#ifndef FP_CORE_HANDOVER_H
#define FP_CORE_HANDOVER_H

#include <stdint.h>

enum handover_kind {
    HANDOVER_MAILDIR, // a file in path/new
    HANDOVER_PIPE,    // standard input of a program
};

struct handover_order {
    enum handover_kind kind;
    const char *path;     // of the Maildir, or the program; absolute
    uint32_t standing_n;  // MAILDIR: so many bytes of path name a folder that must be there
    const char *words;    // PIPE: of the command, each with its NUL; the first is path
    uint32_t words_n;     // PIPE: bytes of them
    const char *hostname; // MAILDIR: for the file's name
    const char *sender;   // whose message it is, "" is <>,
    const char *rcpt;     // and for whom, as the sender wrote it
};

enum handover_fault {
    HANDOVER_DONE,     // MAILDIR: it is on disk; PIPE: the program has ended
    HANDOVER_FULL,     // no room on the disk
    HANDOVER_QUOTA,    // no room for this user
    HANDOVER_DENIED,   // no right to do that
    HANDOVER_MISSING,  // a folder or program that must be there is not
    HANDOVER_SHORTAGE, // of descriptors, memory, processes
    HANDOVER_BROKEN,   // anything else
};

struct handover_result {
    enum handover_fault fault;
    int exit_code;    // PIPE, DONE
    int signal;       // PIPE, DONE: 0 unless that ended it
    const char *text; // what the C library says; PIPE, DONE: the program's output; never NULL
};

#endif
