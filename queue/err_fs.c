// SPDX-License-Identifier: BSD-2-Clause
// err_fs: what errno says about a file, as an fp_err. See err_fs.h.
#include "queue/err_fs.h"

#include <errno.h>

enum fp_err fs_err(int error_number, enum fp_err otherwise)
{
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
        return FP_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return FP_DENIED;
    case ENOENT:
    case ENOTDIR:
        return FP_NOT_FOUND;
    default:
        return otherwise;
    }
}
