// SPDX-License-Identifier: BSD-2-Clause
// guide: which way mail to one address would go, by today's configuration and the DNS, without
// sending any. Pure; the daemon answers its questions out of its cache (operator_route.c), and
// without a daemon a resolver of its own does (route_uv.c).
//
//     guide_new(config, address, sender, &g, &why)
//     while (guide_pull_question(g, &name, &type)) look it up; guide_answer(g, name, answer, ...)
//     when guide_is_over(g): guide_tell(g, ...)
#ifndef FP_PIPELINE_GUIDE_H
#define FP_PIPELINE_GUIDE_H

#include "config/config.h"
#include "control/why.h"
#include "core/dns_answer.h"
#include "core/sts_policy.h"

// The order of a list today: asked once its row is known. arg and what stands behind live as long
// as the guide.
struct guide_order {
    uint32_t (*last)(void *arg, const struct route_row *row, const char *domain); // bits of targets
    void *arg;
};
struct guide;
// address: as somebody types it: with or without angle brackets; without a domain it is this
// host's; a domain alone stands for everybody there. sender: likewise; NULL: anybody, "" or "<>":
// nobody (notices). order: NULL: as lists are written; copied. FP_INVALID: one of them is no
// address; why gets a sentence.
enum fp_err guide_new(const struct config *config, const char *address, const char *sender,
                      const struct guide_order *order, struct guide **ret, struct buf *why);
void guide_free(struct guide *g); // NULL is fine

// True: ret_name and ret_type are to be looked up; the name lives until the next call.
bool guide_pull_question(struct guide *g, const char **ret_name, enum dns_type *ret_type);
void guide_answer(struct guide *g, const char *name, const struct dns_answer *answer,
                  bool is_cached);
bool guide_is_over(const struct guide *g);
const struct route_row *guide_row(const struct guide *g); // NULL: none fits

const char *guide_destination(const struct guide *g); // "" when no row fits
const char *guide_domain(const struct guide *g);      // the recipient's, as the spool has it

// How its destination is.
struct guide_health {
    const char *state; // "open", "resting", "probing", "suspended"; NULL: nobody knows
    const char *reason;
    int64_t until_ms;           // 0: not known
    const struct why_hop *hops; // of its list, passed over for the moment
    uint32_t hop_count;
    const struct sts_policy *policy; // MTA-STS, of the domain; NULL: none is known
};
struct guide_form {
    bool is_json;
    int64_t now_ms;
    int utc_offset_s;
};
// Returns the exit status: 0 when mail would be tried, or taken by the route itself; 69 when it
// would be given back, 75 when it would wait for what must change first, 78 when no row fits.
int guide_tell(const struct guide *g, const struct guide_health *health,
               const struct guide_form *form, struct buf *to);

#endif
