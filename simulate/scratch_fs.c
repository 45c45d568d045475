// SPDX-License-Identifier: BSD-2-Clause
// scratch: the folder of a simulation. See scratch_fs.h.
#include "simulate/scratch_fs.h"

#include "core/must.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

// A spool of some ten thousand messages and its log. Containers often have 64 MiB there.
enum { MEMORY_MIN = 512 * 1024 * 1024 };

static const char *find_base(void)
{
    const char *own = getenv("TMPDIR");
    if (own && own[0])
        return own;
    struct statvfs fs;
    if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &fs) == 0 &&
        (uint64_t)fs.f_bavail * fs.f_frsize >= MEMORY_MIN)
        return "/dev/shm";
    return "/tmp";
}

// Those that are there, so that a program that ends in the middle leaves none.
static char **folders;
static size_t folder_count;

static void remove_all(void)
{
    while (folder_count > 0)
        scratch_remove(folders[folder_count - 1]);
    free(folders);
    folders = NULL;
}

static void note(const char *folder)
{
    static bool is_registered;
    if (!is_registered)
        is_registered = atexit(remove_all) == 0;
    folders = must_realloc(folders, (folder_count + 1) * sizeof *folders);
    folders[folder_count++] = must_strdup(folder);
}

static void forget(const char *folder)
{
    size_t i = 0;
    while (i < folder_count && strcmp(folders[i], folder) != 0)
        i++;
    must(i < folder_count);
    free(folders[i]);
    folders[i] = folders[--folder_count];
}

char *scratch_path(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = must_alloc(size);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

enum fp_err scratch_new(char **ret_path, struct buf *why)
{
    char *path = scratch_path(find_base(), "fermoposta-XXXXXX");
    if (!mkdtemp(path)) {
        buf_addf(why,
                 "no folder could be made for the simulation (%s): %s; TMPDIR may name another",
                 path, strerror(errno));
        free(path);
        return FP_IO;
    }
    note(path);
    *ret_path = path;
    return FP_OK;
}

static void remove_files(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *path = scratch_path(folder, entry->d_name);
        unlink(path);
        free(path);
    }
    if (d)
        closedir(d);
}

void scratch_remove(const char *folder)
{
    remove_files(folder);
    rmdir(folder);
    forget(folder); // last: it may be the list's own text
}
