// SPDX-License-Identifier: BSD-2-Clause
// secret: see secret_uv.h.
#include "io/secret_uv.h"

#include "core/buf.h"
#include "core/must.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum {
    HANDLES = 4,     // of a command: process, two pipes, timer
    SAID_KEPT = 512, // of what it says on standard error
    SAID_ROOM = 4096,
    SAID_TOLD = 200,  // of that, escaped
    SECRET_HINT = 16, // so much of a secret is known again
    WHY_ROOM = 768,
};

struct kept {
    char *name; // the command's words, joined
    char *secret;
    uint64_t until_ms; // of the loop's clock
    struct kept *prev, *next;
};

struct asking {
    struct secrets *owner; // NULL: nobody wants the answer any more
    secret_done *done;
    void *arg;
    char *file;   // NULL: a command
    char **words; // owned, as are they
    char *name;
    int64_t timeout_ms, keep_ms;
    uv_timer_t timer;
    uv_process_t process;
    uv_pipe_t out, err;
    char text[SECRET_MAX + 1];
    size_t n;
    char said[SAID_ROOM]; // on standard error; what stands behind SAID_KEPT is written over
    size_t said_n;
    int open_handles;
    int64_t exit_status;
    int signal;
    bool has_exited, is_at_end, is_too_late, is_too_long, is_answered;
    struct asking *prev, *next;
};

struct secrets {
    uv_loop_t *loop;
    struct asking *asked;
    struct kept *kept;
};

static void wipe(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

static char *join(const char *const *words)
{
    struct buf text;
    buf_init(&text, SIZE_MAX);
    for (const char *const *w = words; *w; w++)
        buf_add_all(&text, *w, w[1] ? " " : "");
    return buf_steal(&text, NULL);
}

// ---- what is kept --------------------------------------------------------------------------

static void drop(struct secrets *s, struct kept *k)
{
    DL_DELETE(s->kept, k);
    wipe(k->secret);
    free(k->name);
    free(k);
}

static struct kept *find(struct secrets *s, const char *name)
{
    struct kept *k;
    DL_FOREACH(s->kept, k)
    {
        if (strcmp(k->name, name) == 0)
            break;
    }
    if (k && k->until_ms <= uv_now(s->loop)) {
        drop(s, k);
        return NULL;
    }
    return k;
}

static void keep(struct asking *a)
{
    struct kept *k = find(a->owner, a->name);
    if (k)
        drop(a->owner, k);
    if (a->keep_ms <= 0)
        return;
    k = must_zalloc(sizeof *k);
    k->name = must_strdup(a->name);
    k->secret = must_strdup(a->text);
    k->until_ms = uv_now(a->owner->loop) + (uint64_t)a->keep_ms;
    DL_APPEND(a->owner->kept, k);
}

static struct kept *find_of(struct secrets *s, const struct secret_source *source)
{
    if (source->file)
        return NULL;
    char *name = join(source->words);
    struct kept *k = find(s, name);
    free(name);
    return k;
}

bool secret_is_kept(struct secrets *s, const struct secret_source *source)
{
    return find_of(s, source) != NULL;
}

void secret_forget(struct secrets *s, const struct secret_source *source)
{
    struct kept *k = find_of(s, source);
    if (k)
        drop(s, k);
}

// ---- the end of a question -----------------------------------------------------------------

static void free_asking(struct asking *a)
{
    explicit_bzero(a->text, sizeof a->text);
    explicit_bzero(a->said, sizeof a->said);
    for (char **w = a->words; w && *w; w++)
        free(*w);
    free(a->words);
    free(a->file);
    free(a->name);
    free(a);
}

static void on_closed(uv_handle_t *handle)
{
    struct asking *a = handle->data;
    if (--a->open_handles == 0)
        free_asking(a);
}

static void close_handle(void *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void close_all(struct asking *a)
{
    close_handle(&a->timer);
    if (a->open_handles == HANDLES) {
        close_handle(&a->out);
        close_handle(&a->err);
        close_handle(&a->process);
    }
}

static void answer(struct asking *a, const char *secret, const char *why)
{
    struct secrets *s = a->owner;
    must(!a->is_answered);
    a->is_answered = true;
    a->owner = NULL;
    DL_DELETE(s->asked, a);
    a->done(a->arg, secret, why);
}

// The first line; NULL with a sentence: there is none.
static const char *first_line(struct asking *a, const char *from, char *why, size_t size)
{
    a->text[a->n] = '\0';
    bool has_nul = strlen(a->text) < a->n;
    a->text[strcspn(a->text, "\r\n")] = '\0';
    if (has_nul)
        snprintf(why, size, "%s: the secret holds a NUL", from);
    else if (a->is_too_long)
        snprintf(why, size, "%s: more than %d bytes", from, SECRET_MAX);
    else if (!a->text[0])
        snprintf(why, size, "%s: the first line is empty", from);
    else
        return a->text;
    return NULL;
}

// ---- files ---------------------------------------------------------------------------------

static int read_from(struct asking *a, int fd)
{
    struct stat st;
    ssize_t got = 0;
    if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
        return ESPIPE;
    while (a->n < SECRET_MAX && (got = read(fd, a->text + a->n, SECRET_MAX - a->n)) > 0)
        a->n += (size_t)got;
    a->is_too_long = a->n == SECRET_MAX;
    return got < 0 ? errno : 0;
}

// To open a pipe would wait for somebody who writes, and the loop with it.
static int read_file(struct asking *a)
{
    int fd = open(a->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno;
    int code = read_from(a, fd);
    close(fd);
    return code;
}

static void on_file(uv_timer_t *timer)
{
    struct asking *a = timer->data;
    char why[512];
    const char *secret = NULL;
    int code = read_file(a);
    if (code == ESPIPE)
        snprintf(why, sizeof why, "%s is a pipe; write a file, or the command that says the secret",
                 a->file);
    else if (code)
        snprintf(why, sizeof why, "%s: %s", a->file, strerror(code));
    else
        secret = first_line(a, a->file, why, sizeof why);
    answer(a, secret, secret ? NULL : why);
    close_all(a);
}

// ---- what a command says about itself ------------------------------------------------------

static void give_room_to_say(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct asking *a = handle->data;
    (void)suggested;
    *ret = uv_buf_init(a->said + a->said_n, (unsigned)(SAID_ROOM - a->said_n));
}

static void note_said(struct asking *a, ssize_t n)
{
    if (n > 0)
        a->said_n += (size_t)n;
    a->said_n = a->said_n < SAID_KEPT ? a->said_n : SAID_KEPT;
}

// All of it is read, so that who says much does not stand still.
static void on_said(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    note_said(stream->data, n);
    if (n < 0)
        uv_read_stop(stream);
}

// What an ended command has written stands in the pipe. The pipe's end is not waited for: what it
// left running in the background (an agent) may hold that open for days.
static void read_the_rest(struct asking *a)
{
    uv_os_fd_t fd;
    if (a->said_n < SAID_KEPT && uv_fileno((uv_handle_t *)&a->err, &fd) == 0)
        note_said(a, read(fd, a->said + a->said_n, SAID_KEPT - a->said_n));
}

// Standard output is never told. Where the secret, or how it begins (a long one may be cut), stands
// in both, nothing is.
static void add_said(struct asking *a, char *why, size_t size)
{
    read_the_rest(a);
    struct slice line = slice_trim(slice_of(a->said, a->said_n));
    const char *end = memchr(line.p, '\n', line.n);
    if (end)
        line = slice_trim(slice_of(line.p, (size_t)(end - line.p)));
    size_t secret_n = 0;
    while (secret_n < a->n && secret_n < SECRET_HINT && !strchr("\r\n", a->text[secret_n]))
        secret_n++;
    if (line.n == 0 || (secret_n > 0 && memmem(a->said, a->said_n, a->text, secret_n)))
        return;
    struct buf told;
    buf_init(&told, SAID_TOLD);
    text_escape(line, &told);
    size_t at = strlen(why);
    snprintf(why + at, size - at, ": %.*s", (int)told.n, told.p);
    buf_close(&told);
}

// ---- commands ------------------------------------------------------------------------------

static void end_command(struct asking *a)
{
    char why[WHY_ROOM];
    const char *secret = NULL;
    if (!a->has_exited || !a->is_at_end || a->is_answered)
        return;
    if (a->is_too_late)
        snprintf(why, sizeof why, "%s: no answer within %lld s", a->words[0],
                 (long long)(a->timeout_ms / 1000));
    else if (a->is_too_long)
        snprintf(why, sizeof why, "%s: more than %d bytes", a->words[0], SECRET_MAX);
    else if (a->signal)
        snprintf(why, sizeof why, "%s: ended by signal %d", a->words[0], a->signal);
    else if (a->exit_status)
        snprintf(why, sizeof why, "%s: exit status %lld", a->words[0], (long long)a->exit_status);
    else
        secret = first_line(a, a->words[0], why, sizeof why);
    if (!secret)
        add_said(a, why, sizeof why);
    if (a->owner) {
        if (secret)
            keep(a);
        answer(a, secret, secret ? NULL : why);
    }
    close_all(a);
}

static void on_exit_of_command(uv_process_t *process, int64_t status, int signal)
{
    struct asking *a = process->data;
    a->has_exited = true;
    a->exit_status = status;
    a->signal = signal;
    end_command(a);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct asking *a = handle->data;
    (void)suggested;
    *ret = uv_buf_init(a->text + a->n, (unsigned)(SECRET_MAX - a->n));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct asking *a = stream->data;
    (void)buf;
    if (n > 0)
        a->n += (size_t)n;
    a->is_too_long = a->n == SECRET_MAX;
    if (n >= 0 && !a->is_too_long)
        return;
    uv_read_stop(stream);
    if (a->is_too_long && !a->has_exited)
        kill(-a->process.pid, SIGKILL);
    a->is_at_end = true;
    end_command(a);
}

static void on_too_late(uv_timer_t *timer)
{
    struct asking *a = timer->data;
    a->is_too_late = true;
    if (!a->has_exited)
        kill(-a->process.pid, SIGKILL); // with its children
    a->is_at_end = true;
    end_command(a);
}

static void on_no_command(uv_timer_t *timer)
{
    struct asking *a = timer->data;
    char why[512];
    snprintf(why, sizeof why, "%s: %s", a->words[0], uv_strerror((int)a->exit_status));
    answer(a, NULL, why);
    close_all(a);
}

static void run_command(struct asking *a)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&a->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&a->err},
    };
    uv_process_options_t options = {
        .file = a->words[0],
        .args = a->words,
        .flags = UV_PROCESS_DETACHED, // a group of its own, so that all of it can be ended
        .stdio = stdio,
        .stdio_count = 3,
        .exit_cb = on_exit_of_command,
    };
    uv_pipe_init(a->owner->loop, &a->out, 0);
    uv_pipe_init(a->owner->loop, &a->err, 0);
    a->process.data = a->out.data = a->err.data = a;
    a->open_handles = HANDLES;
    int rc = uv_spawn(a->owner->loop, &a->process, &options);
    if (rc < 0) {
        a->exit_status = rc;
        uv_timer_start(&a->timer, on_no_command, 0, 0);
        return;
    }
    uv_timer_start(&a->timer, on_too_late, (uint64_t)a->timeout_ms, 0);
    uv_read_start((uv_stream_t *)&a->out, give_room, on_output);
    uv_read_start((uv_stream_t *)&a->err, give_room_to_say, on_said);
}

static void on_kept(uv_timer_t *timer)
{
    struct asking *a = timer->data;
    struct kept *k = find(a->owner, a->name);
    if (!k) { // its time has gone by meanwhile
        run_command(a);
        return;
    }
    answer(a, k->secret, NULL);
    close_all(a);
}

// ---- outside -------------------------------------------------------------------------------

struct secrets *secrets_open(uv_loop_t *loop)
{
    struct secrets *s = must_zalloc(sizeof *s);
    s->loop = loop;
    return s;
}

static char **copy_words(const char *const *words)
{
    size_t n = 0;
    while (words[n])
        n++;
    char **copy = must_zalloc((n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = must_strdup(words[i]);
    return copy;
}

void secret_ask(struct secrets *s, const struct secret_source *source, secret_done *done, void *arg)
{
    struct asking *a = must_zalloc(sizeof *a);
    a->owner = s;
    a->done = done;
    a->arg = arg;
    a->timeout_ms = source->timeout_ms;
    a->keep_ms = source->keep_ms;
    a->open_handles = 1;
    a->timer.data = a;
    uv_timer_init(s->loop, &a->timer);
    DL_APPEND(s->asked, a);
    if (source->file) {
        a->file = must_strdup(source->file);
        uv_timer_start(&a->timer, on_file, 0, 0);
        return;
    }
    must(source->words && source->words[0]);
    a->words = copy_words(source->words);
    a->name = join(source->words);
    if (find(s, a->name))
        uv_timer_start(&a->timer, on_kept, 0, 0);
    else
        run_command(a);
}

void secrets_close(struct secrets *s)
{
    if (!s)
        return;
    struct asking *a, *next;
    DL_FOREACH_SAFE(s->asked, a, next)
    {
        DL_DELETE(s->asked, a);
        a->owner = NULL;
        a->is_answered = true;
        if (a->open_handles == HANDLES && a->process.pid > 0 && !a->has_exited)
            kill(-a->process.pid, SIGKILL);
        close_all(a);
    }
    while (s->kept)
        drop(s, s->kept);
    free(s);
}
