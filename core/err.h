// SPDX-License-Identifier: BSD-2-Clause
// err: what can go wrong in the environment, as one closed set.
//
// Returned by functions that touch the world or take input; results come through trailing `ret_`
// pointers, which stay untouched on failure. Foreign codes (errno, UV_*, SQLITE_*) are translated
// once, in the suffixed file that met them. The failure of a mail is not an error: that is
// `struct outcome` (core/outcome.h).
#ifndef FP_CORE_ERR_H
#define FP_CORE_ERR_H

#include <stdbool.h>

enum fp_err {
    FP_OK = 0,
    FP_INVALID,   // the input does not have the form that is asked for
    FP_TOO_BIG,   // a maximum would be exceeded
    FP_NOT_FOUND, // no such thing
    FP_CONFLICT,  // the version that was read is no longer the stored one: read and compute again
    FP_GONE,      // removed meanwhile
    FP_BUSY,      // somebody else holds it (a second daemon on the same spool)
    FP_FULL,      // no room on the disk
    FP_IO,        // the disk or the network failed
    FP_CORRUPT,   // the file is not what it should be (no spool, damaged)
    FP_NEWER,     // the spool was written by a newer version of this program
    FP_DENIED,    // not permitted
    FP_AGAIN,     // not now
    FP_CLOSED,    // the other side or we have gone away
    FP_ERR_COUNT
};

// A short English phrase for a log line; never NULL.
const char *fp_err_text(enum fp_err err);

// Did the environment fail (disk, file, rights)? False for FP_OK and for what is an answer: a
// conflict, something that is gone or not there, input that does not fit.
bool fp_err_is_trouble(enum fp_err err);

#endif
