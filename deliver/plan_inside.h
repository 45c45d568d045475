// SPDX-License-Identifier: BSD-2-Clause
// plan_inside: what plan.c and plan_tlsa.c share. Nobody else includes it.
#ifndef FP_DELIVER_PLAN_INSIDE_H
#define FP_DELIVER_PLAN_INSIDE_H

#include "deliver/plan.h"

void plan_move_to(struct plan *p, enum plan_state to); // the only one that sets `state`
void plan_ask(struct plan *p, const char *name, enum dns_type type);
void plan_try_address(struct plan *p);
uint16_t plan_port(const struct plan *p); // of the host under way
bool plan_is_temporary(enum dns_result result);
enum dns_fault plan_temporary_fault(enum dns_result result);

// plan_tlsa.c: the host's addresses are known, as an answer of the DNS or by themselves.
void plan_find_protection(struct plan *p);
void plan_use_protection(struct plan *p);
void plan_on_tlsa(struct plan *p, const struct dns_answer *answer);

#endif
