// SPDX-License-Identifier: BSD-2-Clause
// err_fs: what errno says about a file, as an fp_err.
#ifndef FP_QUEUE_ERR_FS_H
#define FP_QUEUE_ERR_FS_H

#include "core/err.h"

// FP_FULL, FP_DENIED or FP_NOT_FOUND; `otherwise` for everything else.
enum fp_err fs_err(int error_number, enum fp_err otherwise);

#endif
