// SPDX-License-Identifier: BSD-2-Clause
// A bad sample.
#include "queue/store_db.h"
