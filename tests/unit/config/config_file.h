// SPDX-License-Identifier: BSD-2-Clause
// config_file: a configuration of a test, in a file. Behind cmocka.h.
#ifndef FP_TESTS_CONFIG_FILE_H
#define FP_TESTS_CONFIG_FILE_H

#include "config/config_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

// Every test reads c.conf in a folder of its own, which is the working directory: so FILE is
// "c.conf".
static char folder[64];

static inline int enter_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/fermoposta-test-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static inline int leave_folder(void **state)
{
    (void)state;
    static const char *const files[] = {"c.conf", "more.conf", "sub/more.conf", "sub/deep.conf"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(files[i]);
    rmdir("sub");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static inline void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

// Reads c.conf; the problems as text (static).
static inline enum fp_err load(struct config *ret, char *problems, size_t size)
{
    struct buf said;
    buf_init(&said, CONFIG_PROBLEMS_MAX);
    enum fp_err err = config_load("c.conf", ret, &said);
    snprintf(problems, size, "%s", said.p ? said.p : "");
    buf_close(&said);
    return err;
}

#define PIN  "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define HOST "hostname = \"mail.example.org\"\n"

#endif
