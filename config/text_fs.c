// SPDX-License-Identifier: BSD-2-Clause
// text: joins a configuration file and its includes. See config_text_fs.h.
#include "config/text_fs.h"

#include "core/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// What the scanner is in at the start of a line: @include counts only in plain text.
enum scan { SCAN_PLAIN, SCAN_STRING, SCAN_COMMENT };

void config_text_init(struct config_text *t)
{
    *t = (struct config_text){0};
    buf_init(&t->text, CONFIG_TEXT_MAX);
}

void config_text_close(struct config_text *t)
{
    if (!t)
        return;
    buf_close(&t->text);
    for (uint32_t i = 0; i < t->file_count; i++)
        free(t->files[i]);
    free(t->files);
    free(t->lines);
    *t = (struct config_text){0};
}

const char *config_text_file(const struct config_text *t, uint32_t line)
{
    if (line == 0 || line > t->line_count)
        return t->files[0];
    return t->files[t->lines[line - 1].file];
}

uint32_t config_text_line(const struct config_text *t, uint32_t line)
{
    if (t->line_count == 0 || line == 0)
        return 1;
    return t->lines[(line > t->line_count ? t->line_count : line) - 1].line;
}

static enum fp_err err_of_errno(int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return FP_NOT_FOUND;
    return error == EACCES || error == EPERM ? FP_DENIED : FP_IO;
}

// The whole of an open file; FP_INVALID with a sentence when it is nothing to read.
static enum fp_err read_open_file(int fd, struct buf *to, const char **ret_why)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        *ret_why = "not a regular file";
        return FP_INVALID;
    }
    char piece[16384];
    ssize_t n;
    while ((n = read(fd, piece, sizeof(piece))) > 0) {
        if (memchr(piece, '\0', (size_t)n)) {
            *ret_why = "no text file: it holds a NUL byte";
            return FP_INVALID;
        }
        if (buf_add(to, piece, (size_t)n)) {
            *ret_why = "too large for a configuration (more than 16M)";
            return FP_INVALID;
        }
    }
    if (n < 0) {
        *ret_why = "cannot be read: the disk or the file system failed";
        return FP_IO;
    }
    return FP_OK;
}

static enum fp_err read_file(const char *path, struct buf *to, const char **ret_why)
{
    // O_NONBLOCK: a FIFO that somebody left there must not stop us for ever.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        enum fp_err err = err_of_errno(errno);
        *ret_why = err == FP_NOT_FOUND ? "no such file"
                   : err == FP_DENIED  ? "cannot be read: permission denied"
                                       : "cannot be opened";
        return err;
    }
    enum fp_err err = read_open_file(fd, to, ret_why);
    close(fd);
    return err;
}

static enum scan scan_line(enum scan state, struct slice line)
{
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i], next = i + 1 < line.n ? line.p[i + 1] : '\0';
        if (state == SCAN_STRING) {
            if (c == '\\')
                i++;
            else if (c == '"')
                state = SCAN_PLAIN;
        } else if (state == SCAN_COMMENT) {
            if (c == '*' && next == '/')
                state = SCAN_PLAIN, i++;
        } else if (c == '"') {
            state = SCAN_STRING;
        } else if (c == '/' && next == '*') {
            state = SCAN_COMMENT, i++;
        } else if (c == '#' || (c == '/' && next == '/')) {
            break;
        }
    }
    return state;
}

enum fp_err config_text_include(struct slice line, struct slice *ret_path)
{
    static const char word[] = "@include";
    line = slice_trim(line);
    if (line.n < sizeof(word) - 1 || memcmp(line.p, word, sizeof(word) - 1) != 0)
        return FP_NOT_FOUND;
    line = slice_trim(slice_from(line, sizeof(word) - 1));
    const char *end = line.n > 1 && line.p[0] == '"' ? memchr(line.p + 1, '"', line.n - 1) : NULL;
    if (!end || end == line.p + 1)
        return FP_INVALID;
    struct slice path = slice_of(line.p + 1, (size_t)(end - line.p - 1));
    line = slice_trim(slice_from(line, path.n + 2));
    if (line.n > 0 && line.p[0] != '#' && !(line.n > 1 && memcmp(line.p, "//", 2) == 0))
        return FP_INVALID;
    *ret_path = path;
    return FP_OK;
}

static void add_line(struct config_text *t, struct slice line, struct config_line place)
{
    if (t->line_count == t->line_cap) {
        t->line_cap = t->line_cap ? t->line_cap * 2 : 256;
        t->lines = must_realloc(t->lines, t->line_cap * sizeof(*t->lines));
    }
    t->lines[t->line_count++] = place;
    buf_add_slice(&t->text, line);
    buf_add_byte(&t->text, '\n');
}

static uint32_t add_file(struct config_text *t, const char *path)
{
    t->files = must_realloc(t->files, (t->file_count + 1) * sizeof(*t->files));
    t->files[t->file_count] = must_strdup(path);
    return t->file_count++;
}

char *config_text_path(const char *file, struct slice path)
{
    const char *slash = strrchr(file, '/');
    struct buf full;
    buf_init(&full, SIZE_MAX);
    if (path.p[0] != '/' && slash)
        buf_add(&full, file, (size_t)(slash - file) + 1);
    buf_add_slice(&full, path);
    return buf_steal(&full, NULL);
}

static enum fp_err add_content(struct config_text *t, uint32_t file, struct slice content,
                               int depth, struct buf *problems);

static enum fp_err include(struct config_text *t, struct config_line place, struct slice path,
                           int depth, struct buf *problems)
{
    char *full = config_text_path(t->files[place.file], path);
    struct buf content;
    buf_init(&content, CONFIG_TEXT_MAX - t->text.n);
    const char *why = NULL;
    enum fp_err err = FP_INVALID;
    if (depth >= CONFIG_INCLUDE_DEPTH_MAX || t->file_count >= CONFIG_INCLUDES_MAX)
        why = "included too deeply (does it include itself?)";
    else
        err = read_file(full, &content, &why);
    if (why)
        buf_addf(problems, "%s:%u: @include %s: %s\n", t->files[place.file], place.line, full, why);
    else
        err = add_content(t, add_file(t, full), buf_slice(&content), depth, problems);
    buf_close(&content);
    free(full);
    return err ? FP_INVALID : FP_OK;
}

static enum fp_err add_content(struct config_text *t, uint32_t file, struct slice content,
                               int depth, struct buf *problems)
{
    enum scan state = SCAN_PLAIN;
    struct config_line place = {.file = file};
    while (content.n > 0) {
        const char *end = memchr(content.p, '\n', content.n);
        struct slice line = slice_of(content.p, end ? (size_t)(end - content.p) : content.n);
        content = slice_from(content, line.n + 1);
        place.line++;
        struct slice path;
        enum fp_err err = state == SCAN_PLAIN ? config_text_include(line, &path) : FP_NOT_FOUND;
        if (err == FP_OK)
            err = include(t, place, path, depth + 1, problems);
        else if (err == FP_INVALID)
            buf_addf(problems, "%s:%u: write @include \"PATH\", alone on its line\n",
                     t->files[file], place.line);
        if (err != FP_OK && err != FP_NOT_FOUND)
            return err;
        if (err == FP_NOT_FOUND) {
            add_line(t, line, place);
            state = scan_line(state, line);
        }
    }
    return FP_OK;
}

enum fp_err config_text_read(struct config_text *t, const char *file, struct buf *problems)
{
    struct buf content;
    buf_init(&content, CONFIG_TEXT_MAX / 2);
    const char *why = NULL;
    enum fp_err err = read_file(file, &content, &why);
    add_file(t, file);
    if (err)
        buf_addf(problems, "%s:1: %s\n", file, why);
    else
        err = add_content(t, 0, buf_slice(&content), 0, problems);
    buf_close(&content);
    return err;
}
