// SPDX-License-Identifier: BSD-2-Clause
// Nothing is wrong here.
#include "io/stream_uv.h"
#include <uv.h>
