// SPDX-License-Identifier: BSD-2-Clause
// fetching: see fetching_uv.h.
#include "daemon/fetching_uv.h"

#include "deliver/mta_sts.h"
#include "io/fetch_http.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    IPS_MAX = 8,            // of the server, of both families
    TIMEOUT_MS = 30 * 1000, // mail waits for it; RFC 8461 3.3 would have a minute
    HTTPS_PORT = 443,
    HOST_SIZE = 300,
};

struct fetching {
    struct fetching *prev, *next;
    struct shell *shell;
    uint64_t lookup;
    char *domain, *ca_file;
    char host[HOST_SIZE];
    char ips[IPS_MAX][OUTCOME_IP_SIZE];
    uint32_t ip_count, unanswered;
};

static void fetching_free(struct fetching *f)
{
    DL_DELETE(f->shell->fetchings, f);
    free(f->domain);
    free(f->ca_file);
    free(f);
}

static void tell(struct fetching *f, struct slice text, const char *why)
{
    struct shell *sh = f->shell;
    struct pipeline_event e = shell_event(sh, PIPELINE_FETCHED);
    char *domain = f->domain;
    e.lookup = f->lookup;
    e.answer_name = domain;
    e.bytes = text;
    e.detail = why;
    f->domain = NULL;
    fetching_free(f);
    shell_feed(sh, &e);
    free(domain);
}

static void on_fetched(void *arg, struct slice text, const char *why)
{
    tell(arg, text, why);
}

static void get(struct fetching *f)
{
    const char *ips[IPS_MAX];
    for (uint32_t i = 0; i < f->ip_count; i++)
        ips[i] = f->ips[i];
    const struct fetch_request request = {
        .host = f->host,
        .port = HTTPS_PORT,
        .path = "/.well-known/mta-sts.txt",
        .ips = ips,
        .ip_count = f->ip_count,
        .ca_file = f->ca_file,
        .media_type = "text/plain",
        .size_max = MTA_STS_TEXT_MAX,
        .timeout_ms = TIMEOUT_MS,
    };
    if (!f->shell->fetcher)
        f->shell->fetcher = fetcher_new(&f->shell->loop);
    fetcher_get(f->shell->fetcher, &request, on_fetched, f);
}

static void on_address(void *arg, const char *name, const struct dns_answer *answer)
{
    struct fetching *f = arg;
    (void)name;
    // Half of the room for each family.
    for (uint32_t i = 0; i < answer->count && i < IPS_MAX / 2; i++)
        snprintf(f->ips[f->ip_count++], OUTCOME_IP_SIZE, "%s", answer->records[i].ip);
    if (--f->unanswered > 0)
        return;
    if (f->ip_count > 0) {
        get(f);
        return;
    }
    char why[HOST_SIZE + 40];
    snprintf(why, sizeof why, "%s has no address", f->host);
    tell(f, (struct slice){"", 0}, why);
}

void fetching_start(struct shell *sh, const struct pipeline_effect *fx)
{
    struct fetching *f = must_zalloc(sizeof *f);
    f->shell = sh;
    f->lookup = fx->lookup;
    f->domain = must_strdup(fx->name);
    f->ca_file = must_strdup(fx->ca_file);
    snprintf(f->host, sizeof f->host, "mta-sts.%s", fx->name);
    DL_APPEND(sh->fetchings, f);
    f->unanswered = 2;
    dns_ask(sh->dns, f->host, DNS_TYPE_AAAA, on_address, f);
    dns_ask(sh->dns, f->host, DNS_TYPE_A, on_address, f);
}

void fetching_close(struct shell *sh)
{
    fetcher_close(sh->fetcher);
    sh->fetcher = NULL;
}

void fetching_forget(struct shell *sh)
{
    while (sh->fetchings)
        fetching_free(sh->fetchings);
}
