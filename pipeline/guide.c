// SPDX-License-Identifier: BSD-2-Clause
// guide: see guide.h. What it finds is told by guide_tell.c.
#include "core/address.h"
#include "core/domain_idn2.h"
#include "core/hostname.h"
#include "core/must.h"
#include "core/text.h"
#include "pipeline/guide_internal.h"

#include <stdlib.h>
#include <strings.h>

// ---- what was typed --------------------------------------------------------------------------

static struct slice without_brackets(struct slice word)
{
    bool has_both = word.n >= 2 && word.p[0] == '<' && word.p[word.n - 1] == '>';
    return has_both ? slice_of(word.p + 1, word.n - 2) : word;
}

static bool is_domain(struct slice word)
{
    return hostname_is_literal(word, NULL) ||
           (memchr(word.p, '.', word.n) && word.p[0] != '"' && word.p[0] != '.');
}

// In the form in which the spool has it: the domain in A-labels.
static enum fp_err normalise(const struct config *config, struct slice word, bool may_be_domain,
                             struct buf *to, struct buf *why)
{
    struct buf full;
    buf_init(&full, 4096);
    const char *at = memrchr(word.p, '@', word.n);
    if (!at && may_be_domain && is_domain(word))
        buf_add_str(&full, "postmaster@");
    enum fp_err err = buf_add_slice(&full, word);
    if (!at && full.n == word.n)
        err = err ? err : buf_addf(&full, "@%s", config->hostname);
    if (!err)
        err = address_check(buf_slice(&full), true);
    if (!err) {
        struct slice local = address_local(buf_slice(&full));
        buf_add_slice(to, local);
        buf_add_byte(to, '@');
        err = domain_to_ascii(address_domain(buf_slice(&full)), to, NULL);
    }
    buf_close(&full);
    if (err) {
        buf_add_byte(why, '"');
        text_escape(slice_of(word.p, word.n < 200 ? word.n : 200), why);
        buf_add_str(why, "\" is no address: write user@example.com, user@[192.0.2.1], or a local "
                         "user's name");
    }
    return err ? FP_INVALID : FP_OK;
}

static enum fp_err read_address(struct guide *g, const char *typed, struct buf *why)
{
    struct buf address, domain;
    struct slice word = hostname_without_root(without_brackets(slice_str(typed)));
    buf_init(&address, 4096);
    buf_init(&domain, 4096);
    enum fp_err err = normalise(g->config, word, true, &address, why);
    if (!err) {
        address_domain_key(buf_slice(&address), &domain);
        g->is_domain = !memchr(word.p, '@', word.n) && is_domain(word);
        g->domain = buf_steal(&domain, NULL);
        g->address = buf_steal(&address, NULL);
    }
    buf_close(&address);
    buf_close(&domain);
    return err;
}

static enum fp_err read_sender(struct guide *g, const char *typed, struct buf *why)
{
    struct buf sender;
    struct slice word = typed ? without_brackets(slice_str(typed)) : (struct slice){NULL, 0};
    if (!typed)
        return FP_OK;
    buf_init(&sender, 4096);
    enum fp_err err = word.n ? normalise(g->config, word, false, &sender, why) : FP_OK;
    if (!err)
        g->sender = must_strdup(buf_slice(&sender).p);
    buf_close(&sender);
    return err;
}

// ---- the row, and what follows from it ---------------------------------------------------------

static void take_row(struct guide *g, const char *site)
{
    struct buf name;
    g->site = site;
    g->row = route_find(
        &g->config->routes,
        &(struct route_question){.address = slice_str(g->is_domain ? g->domain : g->address),
                                 .sender = g->sender,
                                 .host = site});
    if (!g->row)
        return;
    buf_init(&name, 64 * 1024);
    route_destination(g->row, slice_str(g->domain), site, &name);
    g->destination = buf_steal(&name, NULL);
    uint32_t last = g->order.last ? g->order.last(g->order.arg, g->row, g->domain) : 0;
    g->survey = survey_new(&g->settings, &(struct survey_mail){.domain = g->domain,
                                                               .sender = g->sender ? g->sender : "",
                                                               .rcpt = g->address,
                                                               .targets = g->row->targets,
                                                               .target_count = g->row->target_count,
                                                               .last = last,
                                                               .seed = 1});
}

static bool wants_site(const struct guide *g)
{
    struct slice ip;
    return g->config->mx_host_count > 0 && !hostname_is_literal(slice_str(g->domain), &ip) &&
           route_wants_host(&g->config->routes, slice_str(g->address), g->sender);
}

enum fp_err guide_new(const struct config *config, const char *address, const char *sender,
                      const struct guide_order *order, struct guide **ret, struct buf *why)
{
    struct guide *g = must_zalloc(sizeof *g);
    g->config = config;
    if (order)
        g->order = *order;
    enum fp_err err = read_address(g, address, why);
    if (!err)
        err = read_sender(g, sender, why);
    if (err) {
        guide_free(g);
        return err;
    }
    struct buf own;
    buf_init(&own, SIZE_MAX);
    config_own_places(config, &own);
    g->own_places = buf_steal(&own, NULL);
    g->settings = (struct session_settings){
        .hostname = config->hostname,
        .own_places = g->own_places,
        .smtp_port = config->smtp_port,
        .protect = config->protect,
    };
    g->needs_site = wants_site(g);
    if (!g->needs_site)
        take_row(g, NULL);
    *ret = g;
    return FP_OK;
}

void guide_free(struct guide *g)
{
    if (!g)
        return;
    survey_free(g->survey);
    sites_free(g->sites);
    free(g->mx);
    free(g->address);
    free(g->domain);
    free(g->sender);
    free(g->own_places);
    free(g->destination);
    free(g);
}

// ---- questions and answers -------------------------------------------------------------------

bool guide_pull_question(struct guide *g, const char **ret_name, enum dns_type *ret_type)
{
    if (g->needs_site) {
        bool is_new = !g->is_site_asked;
        g->is_site_asked = true;
        *ret_name = g->domain;
        *ret_type = DNS_TYPE_MX;
        return is_new;
    }
    while (g->survey && survey_pull_question(g->survey, ret_name, ret_type)) {
        if (!g->mx || *ret_type != DNS_TYPE_MX || strcasecmp(*ret_name, g->domain) != 0)
            return true;
        survey_answer(g->survey, *ret_name, g->mx, g->is_mx_cached); // it was asked already
    }
    return false;
}

static void learn_site(struct guide *g, const struct dns_answer *answer, bool is_cached)
{
    size_t size = sizeof *answer + answer->count * sizeof answer->records[0];
    g->needs_site = false;
    g->mx = must_alloc(size);
    memcpy(g->mx, answer, size);
    g->is_mx_cached = is_cached;
    g->sites = sites_new();
    sites_watch(g->sites, g->config->mx_hosts, g->config->mx_host_count);
    sites_learn(g->sites, g->domain, answer, 0);
    take_row(g, sites_find(g->sites, g->domain, 0).host);
}

void guide_answer(struct guide *g, const char *name, const struct dns_answer *answer,
                  bool is_cached)
{
    if (!g->needs_site && g->survey)
        survey_answer(g->survey, name, answer, is_cached);
    else if (answer->type == DNS_TYPE_MX && strcasecmp(name, g->domain) == 0)
        learn_site(g, answer, is_cached);
}

bool guide_is_over(const struct guide *g)
{
    return !g->needs_site && (!g->survey || survey_is_over(g->survey));
}

const char *guide_destination(const struct guide *g)
{
    return g->destination ? g->destination : "";
}

const char *guide_domain(const struct guide *g)
{
    return g->domain;
}

const struct route_row *guide_row(const struct guide *g)
{
    return g->row;
}
