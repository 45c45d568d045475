// SPDX-License-Identifier: BSD-2-Clause
// world: the simulated world, by its old name.
#ifndef FP_TESTS_SIM_WORLD_H
#define FP_TESTS_SIM_WORLD_H

#include "simulate/world_db.h"

#endif
