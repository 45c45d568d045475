// SPDX-License-Identifier: BSD-2-Clause
// process: see process_uv.h.
#include "io/process_uv.h"

#include "core/buf.h"
#include "core/must.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 400,      // what is kept of it
    OUTPUT_WAIT_MS = 1000, // somebody else may hold the pipe open behind the program's end
    PIPES_AND_TIMER = 3,   // handles
};

struct process {
    uv_process_t child;
    uv_pipe_t in, out;
    uv_timer_t timer; // first for what is told from the loop, then for OUTPUT_WAIT_MS
    struct handover_handler handler;
    int pid; // 0: it did not start, or has ended
    int start_err;
    bool has_child; // uv_spawn has begun it, and it must be closed even if that failed
    bool is_closing, has_ended, has_output_end, told_result, is_in_over;
    struct handover_result result;
    size_t unwritten;
    struct buf output;
    uint32_t open_handles;
};

struct writing {
    uv_write_t request;
    struct process *process;
    char bytes[];
};

static enum handover_fault fault_of(int err)
{
    switch (err) {
    case UV_ENOENT:
    case UV_ENOTDIR:
        return HANDOVER_MISSING;
    case UV_EACCES:
    case UV_EPERM:
        return HANDOVER_DENIED;
    case UV_EAGAIN:
    case UV_ENOMEM:
    case UV_EMFILE:
    case UV_ENFILE:
        return HANDOVER_SHORTAGE;
    default:
        return HANDOVER_BROKEN;
    }
}

// ---- the end -------------------------------------------------------------------------------

static void on_handle_closed(uv_handle_t *handle)
{
    struct process *p = handle->data;
    if (--p->open_handles > 0)
        return;
    p->handler.on_closed(p->handler.arg);
    buf_close(&p->output);
    free(p);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void close_all(struct process *p)
{
    if (p->has_child)
        close_handle((uv_handle_t *)&p->child);
    close_handle((uv_handle_t *)&p->in);
    close_handle((uv_handle_t *)&p->out);
    close_handle((uv_handle_t *)&p->timer);
}

static void tell_result(struct process *p)
{
    bool is_ready = p->start_err || (p->has_ended && p->has_output_end);
    if (p->told_result || p->is_closing || !is_ready)
        return;
    p->told_result = true;
    uv_timer_stop(&p->timer);
    must(buf_add_byte(&p->output, '\0') == FP_OK);
    p->result.text = p->start_err ? uv_strerror(p->start_err) : p->output.p;
    p->handler.on_result(p->handler.arg, &p->result);
}

static void on_output_waited(uv_timer_t *timer)
{
    struct process *p = timer->data;
    p->has_output_end = true;
    tell_result(p);
}

// Whatever it started and left in its group goes with it.
static void on_ended(uv_process_t *child, int64_t status, int number)
{
    struct process *p = child->data;
    kill(-p->pid, SIGKILL);
    p->pid = 0;
    p->has_ended = true;
    p->result.exit_code = (int)status;
    p->result.signal = number;
    if (p->is_closing) {
        close_all(p);
        return;
    }
    if (!p->has_output_end)
        uv_timer_start(&p->timer, on_output_waited, OUTPUT_WAIT_MS, 0);
    tell_result(p);
}

// ---- its output ----------------------------------------------------------------------------

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    static char room[4096]; // one loop, and what is read is copied at once
    (void)handle;
    (void)size;
    *ret = uv_buf_init(room, sizeof room);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *read)
{
    struct process *p = stream->data;
    if (n > 0) {
        size_t room = OUTPUT_MAX - p->output.n;
        must(buf_add(&p->output, read->base, (size_t)n < room ? (size_t)n : room) == FP_OK);
    }
    if (n >= 0)
        return;
    uv_read_stop(stream);
    p->has_output_end = true;
    tell_result(p);
}

// ---- the beginning -------------------------------------------------------------------------

static void on_started(uv_timer_t *timer)
{
    struct process *p = timer->data;
    if (p->is_closing)
        return;
    if (p->start_err)
        tell_result(p);
    else if (!p->has_ended)
        p->handler.on_open(p->handler.arg);
}

// order->words are one behind the other, each with its NUL.
static char **arguments(const struct handover_order *order)
{
    size_t count = 0;
    for (size_t at = 0; at < order->words_n; at++)
        count += order->words[at] == '\0';
    char **argv = must_zalloc((count + 1) * sizeof *argv);
    const char *word = order->words;
    for (size_t i = 0; i < count; i++, word += strlen(word) + 1)
        argv[i] = (char *)(uintptr_t)word;
    return argv;
}

static int spawn(struct process *p, uv_loop_t *loop, const struct handover_order *order)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", lang[] = "LANG=C", home[] = "HOME=/";
    static char *environment[] = {path, lang, home, NULL};
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return uv_translate_sys_error(errno);
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&p->in},
        {.flags = UV_INHERIT_FD, .data.fd = fds[1]},
        {.flags = UV_INHERIT_FD, .data.fd = fds[1]},
    };
    uv_process_options_t options = {
        .exit_cb = on_ended,
        .file = order->path,
        .args = arguments(order),
        .env = environment,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    must(uv_pipe_open(&p->out, fds[0]) == 0);
    int err = uv_spawn(loop, &p->child, &options);
    p->has_child = true;
    p->open_handles++;
    close(fds[1]);
    free(options.args);
    if (!err)
        p->pid = p->child.pid;
    return err;
}

struct process *process_start(uv_loop_t *loop, const struct handover_order *order,
                              const struct handover_handler *h)
{
    struct process *p = must_zalloc(sizeof *p);
    p->handler = *h;
    p->child.data = p->in.data = p->out.data = p->timer.data = p;
    buf_init(&p->output, OUTPUT_MAX + 1);
    must(uv_pipe_init(loop, &p->in, 0) == 0 && uv_pipe_init(loop, &p->out, 0) == 0);
    must(uv_timer_init(loop, &p->timer) == 0);
    p->open_handles = PIPES_AND_TIMER;
    p->start_err = spawn(p, loop, order);
    p->result.fault = p->start_err ? fault_of(p->start_err) : HANDOVER_DONE;
    if (!p->start_err)
        must(uv_read_start((uv_stream_t *)&p->out, give_room, on_output) == 0);
    uv_timer_start(&p->timer, on_started, 0, 0);
    return p;
}

// ---- content -------------------------------------------------------------------------------

static void end_input(struct process *p)
{
    if (p->is_in_over && p->unwritten == 0)
        close_handle((uv_handle_t *)&p->in);
}

// Errors are its own choice: it closed its input, or has ended.
static void on_written(uv_write_t *request, int status)
{
    struct writing *w = (struct writing *)request;
    struct process *p = w->process;
    (void)status;
    p->unwritten--;
    free(w);
    if (p->is_closing)
        return;
    end_input(p);
    if (p->unwritten == 0 && !p->is_in_over && !p->told_result)
        p->handler.on_drained(p->handler.arg);
}

void process_write(struct process *p, const struct slice *slices, uint32_t count)
{
    size_t n = 0, at = 0;
    for (uint32_t i = 0; i < count; i++)
        n += slices[i].n;
    struct writing *w = must_alloc(sizeof *w + n);
    w->process = p;
    for (uint32_t i = 0; i < count; at += slices[i++].n)
        memcpy(w->bytes + at, slices[i].p, slices[i].n);
    uv_buf_t bytes = uv_buf_init(w->bytes, (unsigned)n);
    p->unwritten++;
    must(uv_write(&w->request, (uv_stream_t *)&p->in, &bytes, 1, on_written) == 0);
}

void process_finish(struct process *p)
{
    p->is_in_over = true;
    end_input(p);
}

void process_close(struct process *p)
{
    must(!p->is_closing);
    p->is_closing = true;
    if (p->pid)
        kill(-p->pid, SIGKILL); // on_ended closes the rest
    else
        close_all(p);
}
