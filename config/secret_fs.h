// SPDX-License-Identifier: BSD-2-Clause
// secret: may a secret, or another file that rows name, be where it is said to be?
#ifndef FP_CONFIG_SECRET_FS_H
#define FP_CONFIG_SECRET_FS_H

#include <stdbool.h>
#include <stdint.h>

// What is wrong with the file, as the end of a sentence: "can be read by everybody ...". NULL:
// nothing that shows. uid, gid: who has to read it, where that is known.
const char *config_secret_trouble(const char *path, bool knows_reader, uint32_t uid, uint32_t gid);

// The same of a file that everybody may read: "is not there".
const char *config_file_trouble(const char *path, bool knows_reader, uint32_t uid, uint32_t gid);

#endif
