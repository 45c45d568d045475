// SPDX-License-Identifier: BSD-2-Clause
// err: the texts of the closed set of environment errors. See err.h.
#include "core/err.h"

const char *fp_err_text(enum fp_err err)
{
    static const char *const texts[FP_ERR_COUNT] = {
        [FP_OK] = "no error",
        [FP_INVALID] = "malformed input",
        [FP_TOO_BIG] = "too large",
        [FP_NOT_FOUND] = "not found",
        [FP_CONFLICT] = "changed meanwhile",
        [FP_GONE] = "removed meanwhile",
        [FP_BUSY] = "in use",
        [FP_FULL] = "no space left",
        [FP_IO] = "input/output error",
        [FP_CORRUPT] = "damaged or not a spool",
        [FP_NEWER] = "written by a newer version",
        [FP_DENIED] = "not permitted",
        [FP_AGAIN] = "try again later",
        [FP_CLOSED] = "closed",
    };
    if ((unsigned)err >= FP_ERR_COUNT || !texts[err])
        return "unknown error";
    return texts[err];
}

bool fp_err_is_trouble(enum fp_err err)
{
    switch (err) {
    case FP_OK:
    case FP_CONFLICT:
    case FP_GONE:
    case FP_NOT_FOUND:
    case FP_INVALID:
    case FP_TOO_BIG:
        return false;
    default:
        return true;
    }
}
