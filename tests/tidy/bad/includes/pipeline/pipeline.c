// SPDX-License-Identifier: BSD-2-Clause
// pipeline: a bad sample.
#include "daemon/shell.h"
