// SPDX-License-Identifier: BSD-2-Clause
// ballast: room on the disk that is kept back. See ballast_fs.h.
#include "queue/ballast_fs.h"

#include "core/must.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool has_room(const char *path)
{
    struct statvfs fs;
    char *copy = must_strdup(path);
    int rc = statvfs(dirname(copy), &fs);
    free(copy);
    return rc == 0 && (unsigned long long)fs.f_bavail * fs.f_frsize > 2ULL * BALLAST_BYTES;
}

void ballast_init(struct ballast *b, const char *path)
{
    struct stat st;
    b->path = must_strdup(path);
    // Blocks count, not only the size: a sparse file of the right length holds nothing back.
    b->is_held = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == BALLAST_BYTES &&
                 st.st_blocks >= BALLAST_BYTES / 512;
    if (!b->is_held)
        ballast_restore(b);
}

void ballast_close(struct ballast *b)
{
    free(b->path);
    *b = (struct ballast){0};
}

void ballast_release(struct ballast *b)
{
    if (b->path && b->is_held)
        unlink(b->path);
    b->is_held = false;
}

void ballast_restore(struct ballast *b)
{
    if (!b->path || b->is_held || !has_room(b->path))
        return;
    unlink(b->path); // one that was cut short
    int fd = open(b->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    b->is_held = posix_fallocate(fd, 0, BALLAST_BYTES) == 0;
    if (close(fd) != 0 || !b->is_held) {
        unlink(b->path);
        b->is_held = false;
    }
}
