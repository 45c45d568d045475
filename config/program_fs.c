// SPDX-License-Identifier: BSD-2-Clause
// program: see program_fs.h.
#include "config/program_fs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool config_program_is_there(const char *words)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%.*s", (int)strcspn(words, " "), words);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}
