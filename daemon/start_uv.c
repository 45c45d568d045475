// SPDX-License-Identifier: BSD-2-Clause
// start: brings the shell up in the right order (listeners as root, then never root again, then the
// spool), lives through signals, and takes it down so that nothing is lost. See shell_uv.h.
#include "config/config_conf.h"
#include "daemon/fetching_uv.h"
#include "daemon/proving_uv.h"
#include "daemon/shell_internal_uv.h"
#include "daemon/shell_uv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include <utlist.h>

enum {
    BACKLOG = 1024,
    SOCKET_MODE = 0666,
    GATHER_US = 1000, // how long a message waits for others to share its commit
    PATIENCE_MS = 5,  // how long an outcome waits for company (queue/writer_db.h)
};

void shell_log(struct shell *sh, enum log_level level, struct slice text)
{
    int64_t now = system_now_ms();
    log_line(sh->log, level, text, now, system_utc_offset_s(now));
}

static void say(struct shell *sh, enum log_level level, struct buf *why)
{
    if (why->n > 0)
        shell_log(sh, level, buf_slice(why));
    buf_reset(why);
}

static int exit_code(enum fp_err err)
{
    switch (err) {
    case FP_OK:
        return EX_OK;
    case FP_BUSY:
        return EX_TEMPFAIL;
    case FP_DENIED:
        return EX_NOPERM;
    case FP_CORRUPT:
    case FP_NEWER:
        return EX_DATAERR;
    case FP_NOT_FOUND:
        return EX_CANTCREAT;
    default:
        return EX_IOERR;
    }
}

static bool is_trusted(const struct shell *sh, const char *address, const char *ip)
{
    for (uint32_t i = 0; i < sh->config.listen_count; i++) {
        const struct config_listen *l = &sh->config.listens[i];
        if (strcmp(l->address, address) != 0)
            continue;
        for (uint32_t k = 0; k < l->trusted_count; k++)
            if (hostname_in_network(&l->trusted[k], slice_str(ip)))
                return true;
    }
    return false;
}

static void on_accept(void *arg, struct stream *stream)
{
    struct door_listener *d = arg;
    struct shell *sh = d->shell;
    uint64_t conn = sh->next_conn;
    sh->next_conn += 2;
    struct link *l = link_add(sh, conn);
    l->stream = stream;
    stream_set_handler(stream, &l->handler);
    struct stream_peer peer;
    stream_peer(stream, &peer);
    struct pipeline_event e = shell_event(sh, PIPELINE_ACCEPTED);
    struct system_caller caller = {.is_operator = false};
    e.conn = conn;
    e.door = d->address ? DOOR_SMTP : DOOR_LOCAL;
    e.ip = peer.ip;
    e.uid = peer.uid;
    if (d->address) {
        e.is_trusted = is_trusted(sh, d->address, peer.ip);
    } else {
        system_find_caller(peer.uid, sh->config.operators ? sh->config.operators : "", &caller);
        e.is_operator = caller.is_operator;
        e.user_name = caller.name;
    }
    shell_feed(sh, &e);
}

static void on_pause(void *arg, const char *why)
{
    struct door_listener *d = arg;
    struct buf line;
    buf_init(&line, 4096);
    buf_addf(&line, "listener %s: no connection can be taken for the moment: %s",
             d->address ? d->address : d->shell->config.socket, why);
    say(d->shell, LOG_LEVEL_WARNING, &line);
    buf_close(&line);
}

static enum fp_err open_door(struct shell *sh, const char *address, bool is_local, struct buf *why)
{
    struct door_listener *d = &sh->doors[sh->door_count];
    *d = (struct door_listener){.shell = sh, .address = is_local ? NULL : must_strdup(address)};
    struct listener_handler h = {.arg = d, .on_accept = on_accept, .on_pause = on_pause};
    enum fp_err err =
        listener_open(&sh->loop, address, SOCKET_MODE, BACKLOG, &h, &d->listener, why);
    if (err)
        free(d->address);
    else
        sh->door_count++;
    return err;
}

static enum fp_err open_doors(struct shell *sh, const struct system_user *user, struct buf *why)
{
    sh->doors = must_zalloc((sh->config.listen_count + 1) * sizeof *sh->doors);
    for (uint32_t i = 0; i < sh->config.listen_count; i++) {
        enum fp_err err = open_door(sh, sh->config.listens[i].address, false, why);
        if (err)
            return err;
    }
    enum fp_err err = system_prepare_directory(sh->config.socket, user, why);
    if (err)
        return err;
    struct buf address;
    buf_init(&address, 4096);
    buf_addf(&address, "unix:%s", sh->config.socket);
    err = open_door(sh, buf_slice(&address).p, true, why);
    buf_close(&address);
    return err;
}

static void on_worker(void *arg)
{
    uv_async_send(arg); // from the worker's thread
}

static enum fp_err open_worker(struct shell *sh, enum store_role role, struct worker **ret,
                               uint64_t *ret_high_water, struct buf *why)
{
    struct store_options options = {
        .role = role, .is_durable = true, .has_ballast = role == STORE_WRITER};
    struct store *store;
    enum fp_err err = store_open(sh->config.spool, &options, &store, why);
    if (err)
        return err;
    if (ret_high_water)
        *ret_high_water = store_id_high_water(store);
    struct worker_options wo = {.store = store,
                                .patience_ms = PATIENCE_MS,
                                .gather_us = GATHER_US,
                                .wake = on_worker,
                                .wake_arg = &sh->wake};
    *ret = worker_start(&wo);
    return FP_OK;
}

static void feed_done(struct shell *sh, struct op *op)
{
    while (op) {
        struct op *next = op->next;
        op->next = NULL;
        if (sh->is_closing) {
            op_free(op);
        } else {
            struct pipeline_event e = shell_event(sh, PIPELINE_STORED);
            e.op = op;
            shell_feed(sh, &e);
        }
        op = next;
    }
}

static void tell_news(struct shell *sh)
{
    struct worker_news news = worker_take_news(sh->writer);
    struct buf line;
    buf_init(&line, 1024);
    if (news.failed)
        buf_addf(&line, "spool: a commit failed: %s", fp_err_text(news.failed));
    say(sh, LOG_LEVEL_ERROR, &line);
    if (news.is_over)
        shell_log(sh, LOG_LEVEL_INFO, SLICE_LIT("spool: commits succeed again"));
    buf_close(&line);
}

static void begin_again(struct shell *sh);

static void on_wake(uv_async_t *async)
{
    struct shell *sh = async->data;
    if (sh->wants_again && !sh->is_closing) {
        begin_again(sh);
        return;
    }
    if (sh->writer) {
        tell_news(sh);
        feed_done(sh, worker_take(sh->writer));
    }
    if (sh->reader && !sh->is_closing)
        feed_done(sh, worker_take(sh->reader));
}

static void on_prepare(uv_prepare_t *prepare)
{
    log_flush(((struct shell *)prepare->data)->log);
}

static void note_unchangeable(struct shell *sh, const struct config *old)
{
    const struct {
        const char *name, *was, *is;
    } fixed[] = {
        {"spool", old->spool, sh->config.spool},
        {"socket", old->socket, sh->config.socket},
        {"user", old->user ? old->user : "", sh->config.user ? sh->config.user : ""},
        {"log", old->log, sh->config.log},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (strcmp(fixed[i].was, fixed[i].is) == 0)
            continue;
        struct buf line;
        buf_init(&line, 4096);
        buf_addf(&line, "%s = \"%s\": changes at the next start", fixed[i].name, fixed[i].is);
        say(sh, LOG_LEVEL_WARNING, &line);
        buf_close(&line);
    }
    bool same = old->listen_count == sh->config.listen_count;
    for (uint32_t i = 0; same && i < old->listen_count; i++)
        same = strcmp(old->listens[i].address, sh->config.listens[i].address) == 0;
    if (!same)
        shell_log(sh, LOG_LEVEL_WARNING,
                  SLICE_LIT("listen: other addresses are listened on at the next start"));
}

// "FILE:LINE: warning: SENTENCE" has the log's own word for it.
static void say_problem(struct shell *sh, struct slice line)
{
    static const char word[] = ": warning: ";
    const char *at = memmem(line.p, line.n, word, sizeof word - 1);
    struct buf text;
    if (!at) {
        shell_log(sh, LOG_LEVEL_ERROR, line);
        return;
    }
    buf_init(&text, SIZE_MAX);
    buf_add(&text, line.p, (size_t)(at - line.p) + 2);
    buf_add_slice(&text, slice_from(line, (size_t)(at - line.p) + sizeof word - 1));
    shell_log(sh, LOG_LEVEL_WARNING, buf_slice(&text));
    buf_close(&text);
}

static void say_problems(struct shell *sh, const struct buf *lines)
{
    struct slice rest = buf_slice(lines);
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        say_problem(sh, (struct slice){rest.p, n});
        rest = slice_from(rest, end ? n + 1 : n);
    }
}

static struct dns_options name_servers(const struct shell *sh)
{
    return (struct dns_options){.servers = (const char *const *)sh->config.nameservers,
                                .server_count = sh->config.nameserver_count,
                                .trusts_ad = sh->config.trusts_ad};
}

static void change_name_servers(struct shell *sh)
{
    struct dns_options dns = name_servers(sh);
    struct buf why;
    buf_init(&why, 4096);
    if (dns_change(sh->dns, &dns, &why))
        say(sh, LOG_LEVEL_ERROR, &why);
    buf_close(&why);
}

static void reload(struct shell *sh)
{
    struct config fresh;
    struct buf problems;
    buf_init(&problems, 256 * 1024);
    system_notify("RELOADING=1");
    log_reopen(sh->log);
    enum fp_err err = config_load(sh->config.file, &fresh, &problems);
    say_problems(sh, &problems);
    buf_close(&problems);
    if (err) {
        shell_log(sh, LOG_LEVEL_ERROR,
                  SLICE_LIT("configuration not changed: the one in use stays"));
    } else {
        struct config old = sh->config;
        sh->config = fresh;
        sh->config.machine_ips = system_machine_ips();
        note_unchangeable(sh, &old);
        change_name_servers(sh);
        struct pipeline_event e = shell_event(sh, PIPELINE_RELOAD);
        e.config = &sh->config;
        shell_feed(sh, &e);
        if (sh->tls)
            tls_engine_renew(sh->tls); // certificates may be new, too
        config_close(&old);
        shell_log(sh, LOG_LEVEL_INFO, SLICE_LIT("configuration read again"));
    }
    system_notify("READY=1");
}

static void close_doors(struct shell *sh)
{
    for (uint32_t i = 0; i < sh->door_count; i++) {
        if (sh->doors[i].listener)
            listener_close(sh->doors[i].listener);
        sh->doors[i].listener = NULL;
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct shell *sh = signal->data;
    if (number == SIGHUP) {
        reload(sh);
        return;
    }
    if (++sh->stop_signals == 1) {
        shell_log(sh, LOG_LEVEL_INFO, SLICE_LIT("stopping"));
        system_notify("STOPPING=1");
        close_doors(sh);
        struct pipeline_event e = shell_event(sh, PIPELINE_SHUTDOWN);
        shell_feed(sh, &e);
        if (sh->wants_again)
            shell_stopped(sh);
    } else {
        shell_stopped(sh); // asked twice: no grace
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

// Everything that was pushed is committed before the threads end; then the loop drains.
void shell_stopped(struct shell *sh)
{
    if (sh->is_closing)
        return;
    sh->is_closing = true;
    close_doors(sh);
    links_close(sh);
    proving_close(sh);
    tls_engine_free(sh->tls);
    sh->tls = NULL;
    dns_close(sh->dns);
    fetching_close(sh);
    sh->dns = NULL;
    network_close(sh->network);
    sh->network = NULL;
    // The reader first: who closes the spool last, and may checkpoint, empties the log into the
    // file, so that a spool at rest is one file to copy.
    feed_done(sh, sh->reader ? worker_stop(sh->reader) : NULL);
    feed_done(sh, sh->writer ? worker_stop(sh->writer) : NULL);
    sh->writer = sh->reader = NULL;
    close_handle((uv_handle_t *)&sh->timer);
    close_handle((uv_handle_t *)&sh->wake);
    close_handle((uv_handle_t *)&sh->prepare);
    close_handle((uv_handle_t *)&sh->on_term);
    close_handle((uv_handle_t *)&sh->on_int);
    close_handle((uv_handle_t *)&sh->on_hup);
}

static void watch_signal(struct shell *sh, uv_signal_t *handle, int number)
{
    must(uv_signal_init(&sh->loop, handle) == 0);
    handle->data = sh;
    uv_signal_start(handle, on_signal, number);
}

static void open_loop(struct shell *sh)
{
    signal(SIGPIPE, SIG_IGN);
    must(uv_loop_init(&sh->loop) == 0);
    must(uv_timer_init(&sh->loop, &sh->timer) == 0);
    must(uv_async_init(&sh->loop, &sh->wake, on_wake) == 0);
    must(uv_prepare_init(&sh->loop, &sh->prepare) == 0);
    sh->timer.data = sh->wake.data = sh->prepare.data = sh;
    uv_prepare_start(&sh->prepare, on_prepare);
    watch_signal(sh, &sh->on_term, SIGTERM);
    watch_signal(sh, &sh->on_int, SIGINT);
    watch_signal(sh, &sh->on_hup, SIGHUP);
    sh->next_conn = 1;
    sh->armed_ms = INT64_MAX;
}

// Listeners while root, the spool as the user that will own it.
static int bring_up(struct shell *sh, uint64_t *ret_high_water, struct buf *why)
{
    struct system_user user;
    if (system_find_user(sh->config.user, &user, why))
        return EX_CONFIG;
    say(sh, LOG_LEVEL_WARNING, why);
    struct dns_options dns = name_servers(sh);
    enum fp_err err = dns_open(&sh->loop, &dns, &sh->dns, why);
    if (!err)
        err = open_doors(sh, &user, why);
    if (!err)
        err = system_prepare_directory(sh->config.spool, &user, why);
    if (err)
        return exit_code(err);
    system_own_file(sh->config.spool, &user);
    log_give(sh->log, user.uid, user.gid);
    err = system_drop_privileges(&user, why);
    if (!err)
        err = open_worker(sh, STORE_WRITER, &sh->writer, ret_high_water, why);
    if (!err)
        err = open_worker(sh, STORE_READER, &sh->reader, NULL, why);
    if (err)
        return exit_code(err);
    say(sh, LOG_LEVEL_WARNING, why);
    system_check_file_system(sh->config.spool, why);
    say(sh, LOG_LEVEL_WARNING, why);
    return EX_OK;
}

static void free_questions(struct shell *sh)
{
    struct question *q, *next;
    DL_FOREACH_SAFE(sh->questions, q, next)
    free(q);
}

static void take_down(struct shell *sh)
{
    for (uint32_t i = 0; i < sh->door_count; i++)
        free(sh->doors[i].address);
    free(sh->doors);
    free_questions(sh);
    fetching_forget(sh);
    pipeline_free(sh->pipeline);
    free(sh->sent);
    log_close(sh->log);
    config_close(&sh->config);
}

// Nothing was promised to anybody yet: what was opened is closed again, and that is all.
static int fail(struct shell *sh, int code, const struct buf *why)
{
    fprintf(stderr, "fermoposta: %s\n", why->n ? why->p : "the daemon cannot start");
    shell_stopped(sh);
    uv_run(&sh->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&sh->loop) == 0);
    take_down(sh);
    return code;
}

static void on_network(void *arg)
{
    struct shell *sh = arg;
    struct pipeline_event e = shell_event(sh, PIPELINE_NETWORK);
    shell_feed(sh, &e);
}

// Without it a rest just lasts until its end.
static void watch_network(struct shell *sh)
{
    if (network_open(&sh->loop, on_network, sh, &sh->network) != FP_OK)
        shell_log(sh, LOG_LEVEL_INFO,
                  SLICE_LIT("changes of the network cannot be heard of: rests end at their time"));
}

static void start_pipeline(struct shell *sh, uint64_t high_water)
{
    struct pipeline_options options = {
        .config = &sh->config,
        .id_high_water = high_water,
        .seed = system_seed(),
        .now_ms = system_now_ms(),
        .monotonic_ms = system_monotonic_ms(),
    };
    sh->pipeline = pipeline_new(&options);
    shell_log(sh, LOG_LEVEL_INFO, SLICE_LIT("daemon started"));
    log_flush(sh->log);
    system_notify("READY=1");
    struct pipeline_event e = shell_event(sh, PIPELINE_START);
    shell_feed(sh, &e);
}

// ---- beginning again ---------------------------------------------------------------------------

void shell_begin_again(struct shell *sh)
{
    sh->wants_again = true;
    uv_async_send(&sh->wake);
}

static void free_ops(struct op *op)
{
    while (op) {
        struct op *next = op->next;
        op_free(op);
        op = next;
    }
}

// Whatever was for the old pipeline must not come to the new one, which counts from 1 again.
static void drop_pipeline(struct shell *sh)
{
    struct question *q;
    DL_FOREACH(sh->questions, q)
    q->lookup = 0;
    links_close(sh);
    sh->sent_count = 0;
    free_ops(worker_stop(sh->reader));
    free_ops(worker_stop(sh->writer));
    sh->reader = sh->writer = NULL;
    pipeline_free(sh->pipeline);
    sh->pipeline = NULL;
    uv_timer_stop(&sh->timer);
    sh->armed_ms = INT64_MAX;
    sh->now_ms = 0; // the clocks are read anew
}

// As a start, but for the listeners, which stay, and what only root may do.
static void begin_again(struct shell *sh)
{
    uint64_t high_water = 0;
    struct buf why;
    buf_init(&why, 64 * 1024);
    sh->wants_again = false;
    drop_pipeline(sh);
    enum fp_err err = open_worker(sh, STORE_WRITER, &sh->writer, &high_water, &why);
    if (!err)
        err = open_worker(sh, STORE_READER, &sh->reader, NULL, &why);
    say(sh, err ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, &why);
    buf_close(&why);
    if (err) {
        sh->exit_code = exit_code(err);
        shell_stopped(sh);
        return;
    }
    start_pipeline(sh, high_water);
}

int shell_run(struct config *config)
{
    struct shell sh = {.config = *config};
    sh.config.machine_ips = system_machine_ips();
    *config = (struct config){0};
    struct buf why;
    uint64_t high_water = 0;
    buf_init(&why, 64 * 1024);
    if (log_open(sh.config.log, sh.config.hostname, &sh.log, &why)) {
        fprintf(stderr, "fermoposta: %s\n", buf_slice(&why).p);
        buf_close(&why);
        config_close(&sh.config);
        return EX_CANTCREAT;
    }
    system_raise_limits();
    open_loop(&sh);
    int code = bring_up(&sh, &high_water, &why);
    if (code) {
        code = fail(&sh, code, &why);
        buf_close(&why);
        return code;
    }
    buf_close(&why);
    start_pipeline(&sh, high_water);
    watch_network(&sh);
    uv_run(&sh.loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&sh.loop) == 0);
    shell_log(&sh, LOG_LEVEL_INFO, SLICE_LIT("daemon stopped"));
    take_down(&sh);
    return sh.exit_code;
}
