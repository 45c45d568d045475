// SPDX-License-Identifier: BSD-2-Clause
// standby: next hops of lists that failed lately, and are left alone while others of their list
// serve. Pure; bounded.
//
// A next hop that failed as a host rests; meanwhile it is the last of its list, so that nobody
// waits for it who need not. When its rest is over, one conversation begins with it again and finds
// out; the others go on without it until that is known. Failures of who began before the rest, or
// came to it as the last resort, do not lengthen the rest.
//
// The name is the next hop's text, or for "mx" whose hosts they are: "mx of example.com". The same
// next hop in two lists is one.
#ifndef FP_DELIVER_STANDBY_H
#define FP_DELIVER_STANDBY_H

#include "core/buf.h"
#include "core/outcome.h"
#include "deliver/route.h"

enum {
    STANDBY_HOPS_MAX = 5000,           // 2 MiB; the one that failed first is forgotten
    STANDBY_TEXT_SIZE = 160,           // of the last failure, cut
    STANDBY_OLD_MS = 24 * 3600 * 1000, // nobody has tried it for so long behind its rest
};

struct standby_hop {
    uint32_t failures; // in a row
    int64_t since_ms;  // first of them
    int64_t last_ms;   // last of them
    int64_t rest_until_ms;
    bool is_probing; // a conversation finds out
    uint8_t klass;   // enum outcome_class
    char status[OUTCOME_STATUS_SIZE];
    char text[STANDBY_TEXT_SIZE];
};

struct standby;
struct standby *standby_new(void);
void standby_free(struct standby *s); // NULL is fine

// Does the list have a choice: two next hops that can fail and be tried?
bool standby_has_choice(const struct route_row *row);
void standby_name(const struct target *t, const char *domain, struct buf *to);

// NULL: it is well, or nobody knows better. ret_name may be NULL: the same name, that lives as long
// as this is known.
const struct standby_hop *standby_find(const struct standby *s, const char *name,
                                       const char **ret_name);
// Every one of them, in the order in which they failed first: start with *at NULL.
const struct standby_hop *standby_each(const struct standby *s, const void **at,
                                       const char **ret_name);

enum standby_turn {
    STANDBY_WELL,
    STANDBY_DUE,   // its rest is over: who begins with it says standby_probe
    STANDBY_RESTS, // or is being probed
};
enum standby_turn standby_turn(const struct standby *s, const char *name, int64_t now_ms);
void standby_probe(struct standby *s, const char *name);
// The conversation that was to find out has found out nothing.
void standby_no_word(struct standby *s, const char *name);
// How often it has failed with this one, for its rest; 0: that is no news.
uint32_t standby_count(const struct standby *s, const char *name, bool is_probe, int64_t now_ms);
void standby_failed(struct standby *s, const char *name, const struct outcome *why, int64_t now_ms,
                    int64_t rest_until_ms);
// True: it had failed before.
bool standby_works(struct standby *s, const char *name);
// From the spool, at a start.
void standby_learn(struct standby *s, const char *name, const struct standby_hop *hop);
// Its rest is over because somebody says so; NULL: those of all.
void standby_wake(struct standby *s, const char *name, int64_t now_ms);

#endif
