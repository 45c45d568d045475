// SPDX-License-Identifier: BSD-2-Clause
// glance_fs: glances at a configuration file and at what it includes. See config_glance.h.
#ifndef FP_CONFIG_GLANCE_FS_H
#define FP_CONFIG_GLANCE_FS_H

#include "config/glance.h"

// True: *ret holds what is written. False: it is not sure, or the file cannot be read; config_load
// knows more.
bool config_glance_read(const char *file, const char *const *names, struct config_glance *ret);

#endif
