// SPDX-License-Identifier: BSD-2-Clause
// knobs: what can be set about a world while it runs: its names, and what is slow or fails. See
// world_db.h.
#include "simulate/world_internal_db.h"

#include <stdio.h>

void world_name(struct world *w, const char *name, const char *ip)
{
    names_add_ip(&w->in->names, name, ip);
}

void world_place(const char *ip, uint16_t port, char place[WORLD_PLACE_MAX])
{
    snprintf(place, WORLD_PLACE_MAX, "[%s]:%u", ip, port);
}

void world_mx(struct world *w, const char *domain, uint16_t preference, const char *host)
{
    names_add_mx(&w->in->names, domain, preference, host);
}

void world_tlsa(struct world *w, const char *name, const struct dns_tlsa *tlsa)
{
    names_add_tlsa(&w->in->names, name, tlsa);
}

void world_dns_is_secure(struct world *w, bool is_secure)
{
    w->in->names.is_secure = is_secure;
}

void world_dns_vouches(struct world *w)
{
    w->in->names.is_secure = w->in->names.vouches = true;
}

void world_text(struct world *w, const char *name, const char *text)
{
    names_set_text(&w->in->names, name, text);
}

void world_dns_ttl(struct world *w, uint32_t ttl_s)
{
    w->in->names.ttl_s = ttl_s;
}

void world_dns_fails(struct world *w, bool fails)
{
    w->in->names.fails = fails;
}

void world_dns_is_gone(struct world *w, bool is_gone)
{
    w->in->names.is_gone = is_gone;
}

void world_secrets_are_gone(struct world *w, bool are_gone)
{
    w->in->secrets_are_gone = are_gone;
}

void world_network_is_down(struct world *w, bool is_down)
{
    w->in->names.is_gone = w->in->network_is_down = is_down;
}

void world_spool_fails(struct world *w, bool fails)
{
    w->in->spool_fails = fails;
}

void world_spool_is_full(struct world *w, bool is_full)
{
    w->in->spool_is_full = is_full;
}

void world_reader_slow(struct world *w, int64_t by_ms)
{
    w->in->reader_slow_ms = by_ms;
}

void world_hosts_slow(struct world *w, int64_t by_ms)
{
    w->in->sent_ms = by_ms;
}

void world_spool_slow(struct world *w, int64_t by_ms)
{
    w->in->commit_ms = by_ms;
}
