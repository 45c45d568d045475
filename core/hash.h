// SPDX-License-Identifier: BSD-2-Clause
// hash: uthash, told how this program allocates: memory that runs out aborts in one place.
#ifndef FP_CORE_HASH_H
#define FP_CORE_HASH_H

#include "core/must.h"

#define uthash_malloc(size) must_alloc(size)
#define uthash_fatal(text)  must_fail(text, __FILE__, __LINE__, __func__)
#include <uthash.h>

#endif
