// SPDX-License-Identifier: BSD-2-Clause
// glance_fs: a configuration and its includes, line by line. See config_glance_fs.h.
#include "config/glance_fs.h"

#include "config/text_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_SIZE = 4096 };

struct walk {
    struct config_glance *g;
    uint32_t files; // so far: a file may include itself
    int depth;
};

static bool glance_file(struct walk *w, const char *file);

static bool glance_line(struct walk *w, const char *file, struct slice line)
{
    struct slice path;
    enum fp_err err =
        config_glance_is_plain(w->g) ? config_text_include(line, &path) : FP_NOT_FOUND;
    if (err == FP_NOT_FOUND)
        return config_glance_line(w->g, line);
    if (err)
        return false;
    char *full = config_text_path(file, path);
    w->depth++;
    bool is_sure = glance_file(w, full);
    w->depth--;
    free(full);
    return is_sure;
}

// All whole lines of the piece; what is left of it is moved to its beginning.
static bool glance_piece(struct walk *w, const char *file, char *piece, size_t *n)
{
    bool is_sure = true;
    struct slice rest = slice_of(piece, *n);
    const char *end;
    while (is_sure && rest.n > 0 && (end = memchr(rest.p, '\n', rest.n))) {
        size_t size = (size_t)(end - rest.p);
        is_sure = glance_line(w, file, slice_of(rest.p, size));
        rest = slice_from(rest, size + 1);
    }
    memmove(piece, rest.p, rest.n);
    *n = rest.n;
    return is_sure;
}

static bool glance_open_file(struct walk *w, const char *file, int fd)
{
    char piece[PIECE_SIZE];
    size_t n = 0;
    ssize_t more;
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    while ((more = read(fd, piece + n, sizeof piece - n)) > 0) {
        if (memchr(piece + n, '\0', (size_t)more))
            return false;
        n += (size_t)more;
        if (!glance_piece(w, file, piece, &n) || n == sizeof piece) // nobody writes such lines
            return false;
    }
    return more == 0 && (n == 0 || glance_line(w, file, slice_of(piece, n)));
}

static bool glance_file(struct walk *w, const char *file)
{
    if (w->depth > CONFIG_INCLUDE_DEPTH_MAX || w->files++ >= CONFIG_INCLUDES_MAX)
        return false;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not stop us for ever
    if (fd < 0)
        return false;
    bool is_sure = glance_open_file(w, file, fd);
    close(fd);
    return is_sure;
}

bool config_glance_read(const char *file, const char *const *names, struct config_glance *ret)
{
    struct walk w = {.g = ret};
    config_glance_init(ret, names);
    return glance_file(&w, file) && config_glance_end(ret);
}
