// SPDX-License-Identifier: BSD-2-Clause
// dns: the queue of questions and the list of servers. How one question is asked is
// dns_question_uv.c. See dns_uv.h.
#include "io/dns_uv.h"

#include "core/hash.h"
#include "core/must.h"
#include "core/time.h"
#include "io/dns_question_uv.h"
#include "io/resolvconf_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum {
    DNS_MAGIC = 0x646e7331,
    DNS_PORT = 53,
    ASKING_MAX = 2000,
    DEFAULT_TRY_MS = 5000,
    DEFAULT_TRIES = 2,
    CONF_CHECK_MS = 1000,
    KEY_SIZE = 12, // of a type as a number, with the blank behind it
};

// One dns_ask.
struct asker {
    struct asker *next;
    dns_done *done;
    void *arg;
};

// One question, whoever asks it. It stands in one of the two lists, and can be found, until it is
// answered.
struct asked {
    struct asked *prev, *next;
    struct dns *dns;
    struct question *question;
    struct asker *askers; // the last one first
    UT_hash_handle hh;
    char key[]; // "15 example.com"
};

struct dns {
    uint32_t magic;
    uv_loop_t *loop;
    bool is_closing;
    struct dns_servers servers;
    bool uses_conf; // servers are those of resolv.conf
    bool trusts_ad; // as asked for
    struct resolvconf_stamp conf_stamp;
    uint64_t conf_checked_ms; // of the loop's clock
    int64_t try_ms;           // as asked for; 0: by resolv.conf
    uint32_t tries;
    struct asked *waiting, *asking;
    struct asked *by_key; // both of them
    uint32_t asking_count;
    uint32_t open_count; // questions that are not closed yet
};

// Servers

static void set_servers(struct dns *d, const struct resolvconf *conf)
{
    struct dns_servers *to = &d->servers;
    memcpy(to->at, conf->servers, conf->server_count * sizeof to->at[0]);
    to->count = conf->server_count;
    to->first = 0;
    to->try_ms = d->try_ms > 0 ? d->try_ms : conf->try_ms > 0 ? conf->try_ms : DEFAULT_TRY_MS;
    to->tries = d->tries > 0 ? d->tries : conf->tries > 0 ? conf->tries : 1;
    to->trusts_ad = d->trusts_ad || conf->trusts_ad;
}

static enum fp_err read_conf(struct dns *d)
{
    struct resolvconf conf;
    enum fp_err err = resolvconf_read(&conf);
    if (!err)
        set_servers(d, &conf);
    return err;
}

// When reading fails the servers stay as they were.
static void check_conf(struct dns *d)
{
    uint64_t now = uv_now(d->loop);
    if (!d->uses_conf || now - d->conf_checked_ms < CONF_CHECK_MS)
        return;
    d->conf_checked_ms = now;
    if (resolvconf_has_changed(&d->conf_stamp))
        (void)read_conf(d);
}

static enum fp_err parse_servers(const struct dns_options *options, struct resolvconf *ret,
                                 struct buf *why)
{
    if (options->server_count > DNS_SERVERS_MAX) {
        buf_addf(why, "%u name servers are too many; at most %d are right", options->server_count,
                 DNS_SERVERS_MAX);
        return FP_INVALID;
    }
    ret->server_count = options->server_count;
    for (uint32_t i = 0; i < options->server_count; i++) {
        if (endpoint_parse(options->servers[i], DNS_PORT, &ret->servers[i]) == FP_OK &&
            endpoint_port(&ret->servers[i]) > 0)
            continue;
        buf_addf(why,
                 "\"%s\" is not a name server's address; right are \"192.0.2.1\", "
                 "\"127.0.0.1:5300\" and \"[::1]:53\"",
                 options->servers[i]);
        return FP_INVALID;
    }
    return FP_OK;
}

enum fp_err dns_change(struct dns *d, const struct dns_options *options, struct buf *why)
{
    struct resolvconf conf = {.try_ms = DEFAULT_TRY_MS, .tries = DEFAULT_TRIES};
    bool uses_conf = options->server_count == 0;
    enum fp_err err = uses_conf ? resolvconf_read(&conf) : parse_servers(options, &conf, why);
    if (err && uses_conf)
        buf_add_str(why, "the resolver library cannot read /etc/resolv.conf");
    if (err)
        return err;
    d->try_ms = options->try_ms;
    d->tries = options->tries;
    d->trusts_ad = options->trusts_ad;
    d->uses_conf = uses_conf;
    d->conf_checked_ms = uv_now(d->loop);
    (void)resolvconf_has_changed(&d->conf_stamp);
    set_servers(d, &conf);
    return FP_OK;
}

enum fp_err dns_open(uv_loop_t *loop, const struct dns_options *options, struct dns **ret,
                     struct buf *why)
{
    struct dns *d = must_zalloc(sizeof *d);
    d->magic = DNS_MAGIC;
    d->loop = loop;
    enum fp_err err = dns_change(d, options, why);
    if (err) {
        free(d);
        return err;
    }
    *ret = d;
    return FP_OK;
}

// Questions

static void start_waiting(struct dns *d)
{
    while (d->waiting && d->asking_count < ASKING_MAX) {
        struct asked *a = d->waiting;
        DL_DELETE(d->waiting, a);
        DL_APPEND(d->asking, a);
        d->asking_count++;
        question_start(a->question);
    }
}

static void on_answer(void *arg, struct question *q, const struct dns_answer *answer)
{
    struct asked *a = arg;
    struct dns *d = a->dns;
    must(d->magic == DNS_MAGIC && !d->is_closing);
    DL_DELETE(d->asking, a);
    d->asking_count--;
    HASH_DEL(d->by_key, a); // who asks from now on wants to know anew
    for (struct asker *one = a->askers; one && !d->is_closing; one = one->next)
        one->done(one->arg, question_name(q), answer);
    if (!d->is_closing) // d itself stays until this question is closed
        start_waiting(d);
}

static void free_when_done(struct dns *d)
{
    if (!d->is_closing || d->open_count > 0)
        return;
    d->magic = 0;
    free(d);
}

static void on_closed(void *arg)
{
    struct asked *a = arg;
    struct dns *d = a->dns;
    must(d->magic == DNS_MAGIC && d->open_count > 0);
    struct asker *one, *next;
    LL_FOREACH_SAFE(a->askers, one, next)
    free(one);
    free(a);
    d->open_count--;
    free_when_done(d);
}

static struct asked *asked_new(struct dns *d, const char *name, enum dns_type type, const char *key)
{
    struct asked *a = must_zalloc(sizeof *a + strlen(key) + 1);
    a->dns = d;
    memcpy(a->key, key, strlen(key) + 1);
    const struct question_owner owner = {a, on_answer, on_closed};
    a->question = question_new(d->loop, &d->servers, name, type, &owner);
    d->open_count++;
    DL_APPEND(d->waiting, a);
    HASH_ADD_STR(d->by_key, key, a);
    return a;
}

void dns_ask(struct dns *d, const char *name, enum dns_type type, dns_done *done, void *arg)
{
    must(d->magic == DNS_MAGIC && !d->is_closing);
    check_conf(d);
    size_t size = strlen(name) + KEY_SIZE;
    char *key = must_alloc(size);
    struct asked *a;
    snprintf(key, size, "%d %s", (int)type, name);
    HASH_FIND_STR(d->by_key, key, a);
    if (!a)
        a = asked_new(d, name, type, key);
    free(key);
    struct asker *one = must_zalloc(sizeof *one);
    one->done = done;
    one->arg = arg;
    LL_PREPEND(a->askers, one);
    start_waiting(d);
}

static void close_all(struct asked *list)
{
    struct asked *a;
    DL_FOREACH(list, a)
    question_close(a->question);
}

void dns_close(struct dns *d)
{
    if (!d)
        return;
    must(d->magic == DNS_MAGIC && !d->is_closing);
    d->is_closing = true;
    HASH_CLEAR(hh, d->by_key);
    close_all(d->asking);
    close_all(d->waiting);
    free_when_done(d);
}
