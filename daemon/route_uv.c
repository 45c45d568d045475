// SPDX-License-Identifier: BSD-2-Clause
// route: see route_uv.h.
#include "daemon/route_uv.h"

#include "control/request.h"
#include "core/must.h"
#include "deliver/dnscache.h"
#include "io/dns_uv.h"
#include "io/system_sys.h"
#include "pipeline/guide.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { TEXT_MAX = 16 * 1024 * 1024 };

struct asking {
    uv_loop_t loop;
    struct dns *dns;
    struct guide *guide;
    struct dnscache *cache; // several addresses share their hosts
    int64_t now_ms;
};

static void pump(struct asking *a);

static void answered(void *arg, const char *name, const struct dns_answer *answer)
{
    struct asking *a = arg;
    dnscache_put(a->cache, name, answer, a->now_ms);
    guide_answer(a->guide, name, answer, false);
    pump(a);
}

static void pump(struct asking *a)
{
    const char *name;
    enum dns_type type;
    while (guide_pull_question(a->guide, &name, &type)) {
        const struct dns_answer *known = dnscache_find(a->cache, name, type, a->now_ms);
        if (known)
            guide_answer(a->guide, name, known, true);
        else
            dns_ask(a->dns, name, type, answered, a);
    }
}

static int tell(struct asking *a, const struct request *r, struct buf *text)
{
    struct guide_form form = {.is_json = r->format == LISTING_JSON,
                              .now_ms = a->now_ms,
                              .utc_offset_s = system_utc_offset_s(a->now_ms)};
    int code = guide_tell(a->guide, &(struct guide_health){.state = NULL}, &form, text);
    fwrite(buf_slice(text).p, 1, text->n, stdout);
    buf_reset(text);
    return code;
}

static int one(struct asking *a, const struct config *config, const struct request *r,
               const char *address, struct buf *why)
{
    struct buf text;
    if (guide_new(config, address, r->has_sender ? r->sender : NULL, NULL, &a->guide, why))
        return EX_DATAERR;
    pump(a);
    while (!guide_is_over(a->guide) && uv_run(&a->loop, UV_RUN_ONCE))
        ;
    buf_init(&text, TEXT_MAX);
    int code = guide_is_over(a->guide) ? tell(a, r, &text) : EX_SOFTWARE;
    buf_close(&text);
    guide_free(a->guide);
    a->guide = NULL;
    return code;
}

static int all(struct asking *a, const struct config *config, struct request *r, struct buf *why)
{
    int code = EX_OK;
    char *next;
    for (char *address = r->subject; address && code != EX_DATAERR; address = next) {
        next = strchr(address, '\n');
        if (next)
            *next++ = '\0';
        if (address != r->subject && r->format != LISTING_JSON)
            putchar('\n');
        int got = one(a, config, r, address, why);
        if (code == EX_OK || got == EX_DATAERR)
            code = got;
    }
    return code;
}

static int run(const struct config *config, struct request *r, struct buf *why)
{
    struct asking a = {.now_ms = system_now_ms()};
    struct dns_options options = {.servers = (const char *const *)config->nameservers,
                                  .server_count = config->nameserver_count,
                                  .trusts_ad = config->trusts_ad};
    must(uv_loop_init(&a.loop) == 0);
    int code = EX_OSERR;
    if (dns_open(&a.loop, &options, &a.dns, why) == FP_OK) {
        a.cache = dnscache_new(0);
        code = all(&a, config, r, why);
        dnscache_free(a.cache);
        dns_close(a.dns);
    }
    while (uv_run(&a.loop, UV_RUN_DEFAULT))
        ;
    must(uv_loop_close(&a.loop) == 0);
    return code;
}

int route_run(const struct config *config, const char *const *words, size_t count)
{
    struct request r = {.verb = VERB_ROUTE};
    struct buf why;
    buf_init(&why, 64 * 1024);
    int code = EX_USAGE;
    if (!request_parse_words(&r, words, count, &why) && !request_check(&r, &why))
        code = run(config, &r, &why);
    fflush(stdout);
    if (why.n > 0)
        fprintf(stderr, "fermoposta: %s\n", why.p);
    buf_close(&why);
    return code;
}
