// SPDX-License-Identifier: BSD-2-Clause
// text: a configuration file with everything it includes, as one text that still knows where
// each line came from.
//
// libconfig would read included files itself, but it resolves a relative path against the working
// directory, cannot mix that with absolute ones once told a folder, and ends the process when it is
// given a folder to read: a daemon that re-reads its configuration must not die of that. Here a
// relative path is relative to the file that includes it.
#ifndef FP_CONFIG_TEXT_FS_H
#define FP_CONFIG_TEXT_FS_H

#include "core/buf.h"

#include <stdint.h>

enum {
    CONFIG_TEXT_MAX = 16 * 1024 * 1024, // bytes of all files together
    CONFIG_INCLUDE_DEPTH_MAX = 10,
    CONFIG_INCLUDES_MAX = 1000, // files
};

struct config_line {
    uint32_t file; // index into files
    uint32_t line; // from 1
};

struct config_text {
    struct buf text; // every line ends in '\n'
    char **files;
    uint32_t file_count;
    struct config_line *lines; // of each line of text
    uint32_t line_count;
    uint32_t line_cap;
};

void config_text_init(struct config_text *t);
void config_text_close(struct config_text *t);

// Reads the file and what it includes. On failure problems gets one line "FILE:LINE: ..." (or
// "FILE: ..." when the file itself cannot be read), and t still holds what came before:
// FP_NOT_FOUND, FP_DENIED, FP_IO for the file itself; FP_INVALID for what is wrong inside it.
enum fp_err config_text_read(struct config_text *t, const char *file, struct buf *problems);

// Is this line @include "PATH"? FP_NOT_FOUND: no; FP_INVALID: it tries to be. Only lines that begin
// outside of strings and comments count.
enum fp_err config_text_include(struct slice line, struct slice *ret_path);
// The path as the file that includes it means it; the caller frees it.
char *config_text_path(const char *file, struct slice path);

// Where line `line` (from 1) of the text came from.
const char *config_text_file(const struct config_text *t, uint32_t line);
uint32_t config_text_line(const struct config_text *t, uint32_t line);

#endif
