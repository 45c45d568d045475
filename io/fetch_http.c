// SPDX-License-Identifier: BSD-2-Clause
// fetch: see fetch_http.h. libcurl says which sockets it waits for, and for how long; libuv waits.
//
// (F1) libcurl is never called from within one of its own callbacks, and `done` never from within
//      libcurl: what is over is asked for behind each step.
#include "io/fetch_http.h"

#include "core/buf.h"
#include "core/must.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <utlist.h>

enum { FETCH_MAGIC = 0x66657431, AT_ONCE_MAX = 20 };

struct transfer {
    struct transfer *prev, *next;
    CURL *easy;
    struct curl_slist *resolve;
    struct buf text;
    char *media_type;
    bool is_too_long;
    char error[CURL_ERROR_SIZE];
    fetch_done *done;
    void *arg;
};

struct fetcher {
    uint32_t magic;
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi; // NULL until something is fetched
    struct transfer *transfers;
    bool is_closing;
};

// One socket of libcurl's.
struct watch {
    uv_poll_t poll;
    struct fetcher *fetcher;
    curl_socket_t fd;
};

// ---- between libcurl and libuv -------------------------------------------------------------

static void transfer_free(struct fetcher *f, struct transfer *t)
{
    curl_multi_remove_handle(f->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->resolve);
    buf_close(&t->text);
    free(t->media_type);
    DL_DELETE(f->transfers, t);
    free(t);
}

static bool is_wanted_type(const struct transfer *t)
{
    const char *type = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    size_t n = strlen(t->media_type);
    return type && strncasecmp(type, t->media_type, n) == 0 && strchr("; \t", type[n]);
}

// Why what came is not what was wanted; NULL: it is.
static const char *judge(struct transfer *t, CURLcode code)
{
    long status = 0;
    if (t->is_too_long)
        return "the text is too long";
    if (code != CURLE_OK)
        return t->error[0] ? t->error : curl_easy_strerror(code);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && is_wanted_type(t))
        return NULL;
    if (status == 200)
        snprintf(t->error, sizeof t->error, "what the server has is no %s", t->media_type);
    else
        snprintf(t->error, sizeof t->error, "the server answers with status %ld", status);
    return t->error;
}

static void finish(struct fetcher *f, CURL *easy, CURLcode code)
{
    struct transfer *t = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
    const char *why = judge(t, code);
    t->done(t->arg, why ? (struct slice){"", 0} : buf_slice(&t->text), why);
    if (!f->is_closing) // else it is gone
        transfer_free(f, t);
}

// (F1)
static void step(struct fetcher *f, curl_socket_t fd, int events)
{
    int left;
    CURLMsg *m;
    curl_multi_socket_action(f->multi, fd, events, &left);
    while (!f->is_closing && (m = curl_multi_info_read(f->multi, &left)))
        if (m->msg == CURLMSG_DONE)
            finish(f, m->easy_handle, m->data.result);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    must(w->fetcher->magic == FETCH_MAGIC);
    step(w->fetcher, w->fd, flags); // w may be closing behind it
}

static void on_timer(uv_timer_t *timer)
{
    struct fetcher *f = timer->data;
    must(f->magic == FETCH_MAGIC);
    step(f, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
    struct fetcher *f = arg;
    (void)multi;
    if (f->is_closing)
        return 0;
    if (ms < 0)
        uv_timer_stop(&f->timer);
    else
        uv_timer_start(&f->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void unwatch(struct fetcher *f, struct watch *w)
{
    uv_poll_stop(&w->poll);
    curl_multi_assign(f->multi, w->fd, NULL);
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static struct watch *watch_new(struct fetcher *f, curl_socket_t fd)
{
    struct watch *w = must_zalloc(sizeof *w);
    w->fetcher = f;
    w->fd = fd;
    w->poll.data = w;
    if (uv_poll_init_socket(f->loop, &w->poll, fd) != 0) { // out of memory or watches
        free(w);
        return NULL;
    }
    curl_multi_assign(f->multi, fd, w);
    return w;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct fetcher *f = arg;
    struct watch *w = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            unwatch(f, w);
        return 0;
    }
    if (!w)
        w = watch_new(f, fd);
    if (!w)
        return 0; // nobody hears of it: its time passes
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&w->poll, events, on_poll);
    return 0;
}

// ---- fetching ------------------------------------------------------------------------------

static size_t on_text(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    t->is_too_long = buf_add(&t->text, p, size * n) != FP_OK;
    return t->is_too_long ? 0 : size * n;
}

// "HOST:PORT:IP,IP"
static struct curl_slist *places(const struct fetch_request *r)
{
    struct buf line;
    buf_init(&line, SIZE_MAX);
    buf_addf(&line, "%s:%u:", r->host, r->port);
    for (uint32_t i = 0; i < r->ip_count; i++)
        buf_addf(&line, strchr(r->ips[i], ':') ? "%s[%s]" : "%s%s", i ? "," : "", r->ips[i]);
    struct curl_slist *list = curl_slist_append(NULL, line.p);
    buf_close(&line);
    must(list != NULL);
    return list;
}

static void set_up(struct transfer *t, const struct fetch_request *r)
{
    char url[600];
    snprintf(url, sizeof url, "https://%s:%u%s", r->host, r->port, r->path);
    if (r->port == 443)
        snprintf(url, sizeof url, "https://%s%s", r->host, r->path);
    CURL *c = t->easy;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PRIVATE, t);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_text);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_RESOLVE, t->resolve);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); // nor what the environment says
    curl_easy_setopt(c, CURLOPT_USERAGENT, "Fermoposta/" FP_VERSION);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    if (r->ca_file[0])
        curl_easy_setopt(c, CURLOPT_CAINFO, r->ca_file);
}

static void open_multi(struct fetcher *f)
{
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    f->multi = curl_multi_init();
    must(f->multi != NULL);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)AT_ONCE_MAX);
}

void fetcher_get(struct fetcher *f, const struct fetch_request *request, fetch_done *done,
                 void *arg)
{
    must(f->magic == FETCH_MAGIC && !f->is_closing && request->ip_count > 0);
    if (!f->multi)
        open_multi(f);
    struct transfer *t = must_zalloc(sizeof *t);
    t->easy = curl_easy_init();
    must(t->easy != NULL);
    t->resolve = places(request);
    t->media_type = must_strdup(request->media_type);
    t->done = done;
    t->arg = arg;
    buf_init(&t->text, request->size_max);
    set_up(t, request);
    DL_APPEND(f->transfers, t);
    must(curl_multi_add_handle(f->multi, t->easy) == CURLM_OK); // which wants the timer
}

// ---- beginning and end ---------------------------------------------------------------------

struct fetcher *fetcher_new(uv_loop_t *loop)
{
    struct fetcher *f = must_zalloc(sizeof *f);
    f->magic = FETCH_MAGIC;
    f->loop = loop;
    must(uv_timer_init(loop, &f->timer) == 0);
    f->timer.data = f;
    return f;
}

static void on_closed(uv_handle_t *handle)
{
    struct fetcher *f = handle->data;
    f->magic = 0;
    free(f);
}

void fetcher_close(struct fetcher *f)
{
    if (!f)
        return;
    must(f->magic == FETCH_MAGIC && !f->is_closing);
    f->is_closing = true;
    while (f->transfers)
        transfer_free(f, f->transfers);
    if (f->multi) {
        curl_multi_cleanup(f->multi); // which has sockets to close, perhaps
        curl_global_cleanup();
    }
    uv_close((uv_handle_t *)&f->timer, on_closed);
}
