// SPDX-License-Identifier: BSD-2-Clause
// config_conf: reads the configuration file (libconfig) and says every problem with file and line.
#ifndef FP_CONFIG_CONFIG_CONF_H
#define FP_CONFIG_CONFIG_CONF_H

#include "config/config.h"

#define CONFIG_DEFAULT_FILE "/etc/fermoposta/fermoposta.conf"

// Enough for the problems of any file: what does not fit is not told.
enum { CONFIG_PROBLEMS_MAX = 256 * 1024 };

// FP_OK, and *ret is to be closed with config_close; problems may still hold warnings
// ("FILE:LINE: warning: ..."). FP_INVALID: problems holds one line each: "FILE:LINE: what is wrong
// and what would be right". FP_NOT_FOUND, FP_DENIED, FP_IO: problems says so. Every problem up to
// the first syntax error is told. Lines end in '\n'. (Not config_read: libconfig has one.)
enum fp_err config_load(const char *file, struct config *ret, struct buf *problems);

// Names of all settings, for the check that sample.conf holds each; NULL-terminated. A row's
// settings are written "listen.address".
extern const char *const config_setting_names[];

#endif
