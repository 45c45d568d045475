// SPDX-License-Identifier: BSD-2-Clause
// lockfile: one writer per spool. See lockfile_fs.h; fcntl(2), open file description locks.
#include "queue/lockfile_fs.h"

#include "queue/err_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PID_TEXT_SIZE = 32 };

// The holder writes its process id for the one who finds the lock taken; F_OFD_GETLK cannot tell.
static void write_holder(int fd)
{
    char text[PID_TEXT_SIZE];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    // Only a courtesy: on a full disk the lock holds without it.
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return;
}

static void say_holder(int fd, const char *path, struct buf *why)
{
    char text[PID_TEXT_SIZE] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? (size_t)n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    buf_addf(why, "%s is locked by %s%s: another daemon uses this spool", path,
             text[0] ? "process " : "another process", text);
}

static enum fp_err say_errno(const char *path, struct buf *why)
{
    int e = errno;
    buf_addf(why, "cannot lock %s: %s", path, strerror(e));
    return fs_err(e, FP_IO);
}

enum fp_err lockfile_take(const char *path, struct lockfile *ret, struct buf *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return say_errno(path, why);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &all) != 0) {
        enum fp_err err = FP_BUSY;
        if (errno == EAGAIN || errno == EACCES)
            say_holder(fd, path, why);
        else
            err = say_errno(path, why);
        close(fd);
        return err;
    }
    write_holder(fd);
    ret->fd = fd;
    return FP_OK;
}

void lockfile_release(struct lockfile *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}
