// SPDX-License-Identifier: BSD-2-Clause
// maildir: see maildir_uv.h.
//
// One job at a time is with a thread, and takes along whatever there is to do when it begins: a
// small message is opened, then written and finished, in two.
#include "io/maildir_uv.h"

#include "core/must.h"
#include "io/maildir_fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct maildir {
    uv_work_t job;
    uv_loop_t *loop;
    struct handover_handler handler;
    struct handover_order order; // its strings are owned
    char *path, *hostname;
    struct buf pending; // not with the thread yet
    bool wants_finish, is_closing, has_job;
    // with the thread while has_job
    struct maildir_file file;
    struct buf writing;
    bool is_open, is_finishing, is_done;
    int err;
    // told
    bool told_open, told_result;
};

static void start_job(struct maildir *m);

static enum handover_fault fault_of(int err)
{
    switch (err) {
    case ENOSPC:
        return HANDOVER_FULL;
    case EDQUOT:
        return HANDOVER_QUOTA;
    case EACCES:
    case EPERM:
    case EROFS:
        return HANDOVER_DENIED;
    case ENOENT:
        return HANDOVER_MISSING;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return HANDOVER_SHORTAGE;
    default:
        return HANDOVER_BROKEN;
    }
}

static void work(uv_work_t *job)
{
    struct maildir *m = job->data;
    if (!m->is_open)
        m->err = maildir_fs_create(&m->file, &m->order);
    m->is_open = true;
    if (!m->err && m->writing.n > 0)
        m->err = maildir_fs_write(&m->file, m->writing.p, m->writing.n);
    if (!m->err && m->is_finishing) {
        m->err = maildir_fs_commit(&m->file);
        m->is_done = !m->err;
    }
}

static void tell(struct maildir *m)
{
    bool was_writing = m->writing.n > 0;
    buf_reset(&m->writing);
    if (m->told_result)
        return;
    if (m->err || m->is_done) {
        m->told_result = true;
        char text[128];
        struct handover_result result = {
            .fault = m->err ? fault_of(m->err) : HANDOVER_DONE,
            .text = m->err ? strerror_r(m->err, text, sizeof text) : "",
        };
        m->handler.on_result(m->handler.arg, &result);
    } else if (!m->told_open) {
        m->told_open = true;
        m->handler.on_open(m->handler.arg);
    } else if (was_writing && m->pending.n == 0) {
        m->handler.on_drained(m->handler.arg);
    }
}

static void undo(uv_work_t *job)
{
    struct maildir *m = job->data;
    if (m->is_open)
        maildir_fs_close(&m->file);
}

static void on_undone(uv_work_t *job, int status)
{
    struct maildir *m = job->data;
    (void)status;
    m->handler.on_closed(m->handler.arg);
    buf_close(&m->pending);
    buf_close(&m->writing);
    free(m->path);
    free(m->hostname);
    free(m);
}

static void on_worked(uv_work_t *job, int status)
{
    struct maildir *m = job->data;
    (void)status;
    m->has_job = false;
    if (!m->is_closing)
        tell(m);
    start_job(m);
}

static void start_job(struct maildir *m)
{
    if (m->has_job)
        return;
    if (m->is_closing) {
        m->has_job = true;
        must(uv_queue_work(m->loop, &m->job, undo, on_undone) == 0);
        return;
    }
    if (m->told_result || (m->is_open && m->pending.n == 0 && !m->wants_finish))
        return;
    struct buf empty = m->writing;
    m->writing = m->pending;
    m->pending = empty;
    m->is_finishing = m->wants_finish;
    m->has_job = true;
    must(uv_queue_work(m->loop, &m->job, work, on_worked) == 0);
}

struct maildir *maildir_open(uv_loop_t *loop, const struct handover_order *order,
                             const struct handover_handler *h)
{
    struct maildir *m = must_zalloc(sizeof *m);
    m->job.data = m;
    m->loop = loop;
    m->handler = *h;
    m->order = *order;
    m->order.path = m->path = must_strdup(order->path);
    m->order.hostname = m->hostname = must_strdup(order->hostname);
    buf_init(&m->pending, SIZE_MAX);
    buf_init(&m->writing, SIZE_MAX);
    start_job(m);
    return m;
}

void maildir_write(struct maildir *m, const struct slice *slices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        must(buf_add_slice(&m->pending, slices[i]) == FP_OK);
    start_job(m);
}

void maildir_finish(struct maildir *m)
{
    m->wants_finish = true;
    start_job(m);
}

void maildir_close(struct maildir *m)
{
    must(!m->is_closing);
    m->is_closing = true;
    start_job(m);
}
