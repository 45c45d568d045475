// SPDX-License-Identifier: BSD-2-Clause
// sts: MTA-STS policies of domains (RFC 8461): asked for, fetched, kept. A part of the pipeline,
// for its files alone; see sts.c.
#ifndef FP_PIPELINE_STS_H
#define FP_PIPELINE_STS_H

#include "pipeline/pipeline_internal.h"

void sts_open(struct pipeline *p);
void sts_close(struct pipeline *p);
void sts_load(struct pipeline *p); // at the start; goes on with suspending_load
void sts_loaded(struct pipeline *p, struct op *op);
// The conversation hears the domain's policy by SESSION_POLICY, at once or when it is known.
void sts_ask(struct pipeline *p, struct carrier *h, const char *domain);
void sts_answered(struct pipeline *p, uint64_t lookup, const char *name,
                  const struct dns_answer *answer); // every answer of the DNS
void sts_fetched(struct pipeline *p, const struct pipeline_event *event);
// The policy of that domain as far as it is known without asking; NULL: none is.
const struct sts_policy *sts_known(const struct pipeline *p, const char *domain);

#endif
