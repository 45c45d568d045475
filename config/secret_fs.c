// SPDX-License-Identifier: BSD-2-Clause
// secret: see secret_fs.h.
#include "config/secret_fs.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

// A group that is not the user's first may be one of its others.
static bool may_read(const struct stat *st, uint32_t uid, uint32_t gid)
{
    if (uid == 0)
        return true;
    if (st->st_uid == uid)
        return st->st_mode & S_IRUSR;
    return st->st_mode & (st->st_gid == gid ? S_IRGRP : S_IRGRP | S_IROTH);
}

static const char *trouble_of(const char *path, const char *of_folder, bool is_secret,
                              bool knows_reader, uint32_t uid, uint32_t gid)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ? "is not there" : NULL;
    if (S_ISDIR(st.st_mode))
        return of_folder;
    if (is_secret && st.st_mode & S_IROTH)
        return "can be read by everybody on this machine; take that right away (chmod o= FILE)";
    if (knows_reader && !may_read(&st, uid, gid))
        return "cannot be read by the daemon's user";
    return NULL;
}

const char *config_secret_trouble(const char *path, bool knows_reader, uint32_t uid, uint32_t gid)
{
    return trouble_of(path, "is a folder; write the file that holds the secret", true, knows_reader,
                      uid, gid);
}

const char *config_file_trouble(const char *path, bool knows_reader, uint32_t uid, uint32_t gid)
{
    return trouble_of(path, "is a folder; write a file", false, knows_reader, uid, gid);
}
