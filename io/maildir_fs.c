// SPDX-License-Identifier: BSD-2-Clause
// maildir_fs: see maildir_fs.h.
#include "io/maildir_fs.h"

#include "core/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, NAME_SIZE = 400 };

// Time, process and a counter make a name unique on a machine, its name among machines that share
// the folder; "/" and ":" mean something in names of files there.
static char *unique_name(const char *hostname)
{
    static atomic_uint_fast64_t counter;
    char name[NAME_SIZE], host[NAME_SIZE / 2];
    struct timespec now;
    size_t n = 0;
    for (const char *p = hostname; *p && n + 5 < sizeof host; p++) {
        if (*p == '/' || *p == ':')
            n += (size_t)snprintf(host + n, sizeof host - n, "\\%03o", (unsigned)*p);
        else
            host[n++] = *p;
    }
    host[n] = '\0';
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, sizeof name, "%lld.M%06ldP%ldQ%llu.%s", (long long)now.tv_sec,
             now.tv_nsec / 1000, (long)getpid(),
             (unsigned long long)atomic_fetch_add(&counter, 1) + 1, host);
    return must_strdup(name);
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
    if (fd < 0)
        return errno;
    if (fsync(fd) < 0)
        err = errno;
    close(fd);
    return err;
}

static int make_folder(const char *path)
{
    char parent[PATH_SIZE];
    if (mkdir(path, 0700) < 0)
        return errno == EEXIST ? 0 : errno;
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    return sync_folder(parent);
}

static int make_folders(const struct handover_order *order)
{
    static const char *const parts[] = {"tmp", "new", "cur"};
    char path[PATH_SIZE];
    struct stat st;
    int err = 0;
    size_t n = strlen(order->path);
    if (n + 8 > sizeof path)
        return ENAMETOOLONG;
    snprintf(path, sizeof path, "%.*s", (int)(order->standing_n ? order->standing_n : 1),
             order->path);
    if (stat(path, &st) < 0)
        return errno;
    for (size_t i = order->standing_n + 1; i <= n && !err; i++) {
        if (order->path[i] != '/' && order->path[i] != '\0')
            continue;
        snprintf(path, sizeof path, "%.*s", (int)i, order->path);
        err = make_folder(path);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !err; i++) {
        snprintf(path, sizeof path, "%s/%s", order->path, parts[i]);
        err = make_folder(path);
    }
    return err == ENOENT ? ENOTDIR : err; // what leads nowhere stands in this user's way alone
}

static int open_in_tmp(struct maildir_file *f)
{
    char path[PATH_SIZE];
    if ((size_t)snprintf(path, sizeof path, "%s/tmp/%s", f->folder, f->name) >= sizeof path)
        return ENAMETOOLONG;
    f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    f->is_in_tmp = f->fd >= 0;
    return f->fd < 0 ? errno : 0;
}

int maildir_fs_create(struct maildir_file *f, const struct handover_order *order)
{
    *f = (struct maildir_file){.fd = -1, .folder = must_strdup(order->path)};
    f->name = unique_name(order->hostname);
    int err = open_in_tmp(f);
    if (err == ENOENT) {
        err = make_folders(order);
        err = err ? err : open_in_tmp(f);
    }
    return err;
}

int maildir_fs_write(struct maildir_file *f, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t written = write(f->fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        at += written;
        n -= (size_t)written;
        f->size += (uint64_t)written;
    }
    return 0;
}

// The size in the name saves a server of the folder to look for it.
int maildir_fs_commit(struct maildir_file *f)
{
    char from[PATH_SIZE], to[PATH_SIZE], folder[PATH_SIZE];
    if (fsync(f->fd) < 0)
        return errno;
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) < 0)
        return errno;
    snprintf(folder, sizeof folder, "%s/new", f->folder);
    snprintf(from, sizeof from, "%s/tmp/%s", f->folder, f->name);
    if ((size_t)snprintf(to, sizeof to, "%s/new/%s,S=%llu", f->folder, f->name,
                         (unsigned long long)f->size) >= sizeof to)
        return ENAMETOOLONG;
    if (rename(from, to) < 0)
        return errno;
    f->is_in_tmp = false;
    return sync_folder(folder);
}

void maildir_fs_close(struct maildir_file *f)
{
    char path[PATH_SIZE];
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    if (f->is_in_tmp) {
        snprintf(path, sizeof path, "%s/tmp/%s", f->folder, f->name);
        unlink(path);
    }
    f->is_in_tmp = false;
    free(f->folder);
    free(f->name);
    f->folder = f->name = NULL;
}
