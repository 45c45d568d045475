// SPDX-License-Identifier: BSD-2-Clause
// guide_internal: what guide.c finds and guide_tell.c tells.
#ifndef FP_PIPELINE_GUIDE_INTERNAL_H
#define FP_PIPELINE_GUIDE_INTERNAL_H

#include "deliver/sites.h"
#include "deliver/survey.h"
#include "pipeline/guide.h"

struct guide {
    const struct config *config; // borrowed
    char *address, *domain;      // of a domain alone the postmaster's there
    char *sender;                // NULL: anybody
    bool is_domain;
    struct guide_order order;
    char *own_places;
    struct session_settings settings;
    // rows "mx:HOST": whose the domain is must be known first
    bool needs_site, is_site_asked, is_mx_cached;
    struct dns_answer *mx;
    struct sites *sites;
    const char *site; // borrowed from sites
    const struct route_row *row;
    char *destination;
    struct survey *survey; // NULL: no row fits
};

#endif
