// SPDX-License-Identifier: BSD-2-Clause
// program: is there a program that this process may run?
#ifndef FP_CONFIG_PROGRAM_FS_H
#define FP_CONFIG_PROGRAM_FS_H

#include <stdbool.h>

// words: the program's path, and what stands behind the first blank.
bool config_program_is_there(const char *words);

#endif
