// SPDX-License-Identifier: BSD-2-Clause
// A bad sample.
#include "command/help.h"
#include "simulate/host.h"
