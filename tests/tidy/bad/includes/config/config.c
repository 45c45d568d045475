// SPDX-License-Identifier: BSD-2-Clause
// config: a bad sample.
#include "pipeline/pipeline.h"
