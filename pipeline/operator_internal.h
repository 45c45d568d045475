// SPDX-License-Identifier: BSD-2-Clause
// operator_internal: an operator's session; shared by operator.c, operator_answers.c and
// operator_list.c.
#ifndef FP_PIPELINE_OPERATOR_INTERNAL_H
#define FP_PIPELINE_OPERATOR_INTERNAL_H

#include "bounce/withheld.h"
#include "control/request.h"
#include "control/statistics.h"
#include "control/why.h"
#include "core/text.h"
#include "pipeline/explain.h"
#include "pipeline/pipeline_internal.h"

// One page of a listing, as it was read.
struct list_page {
    struct op_page rows;
    enum fp_err err; // it could not be read; then it is the last one
    bool is_last;
};
enum { OPERATOR_EARLY_MS = 10 }; // while the daemon starts
enum { LIST_PAGES_MAX = 2 };     // the one to be sent next, and one that was read ahead

struct operator_session {
    uint64_t conn;
    struct request_caller caller;
    char who[64];     // the caller, for people: a user's name, or its number
    struct buf input; // requests not yet read
    struct buf text;  // of the answer, not yet sent
    bool is_busy;     // a request is being answered
    bool is_reading;  // the client's bytes are wanted
    bool is_looping;  // next_request is at work
    bool is_unheard;  // answers wait until the client takes them
    bool is_deaf;     // what still comes is thrown away
    bool has_eof;     // no request will come any more
    size_t said;      // octets of answers since the client was last known to have taken all
    struct request request;
    uint64_t after; // keyset of the pages
    uint64_t messages, rcpts, samples;
    uint32_t domains, resting; // flush of everything: that have mail, and how many did not go
    bool is_last_page;
    uint32_t under_way; // bounce: settlements of this page
    // list
    struct listing listing;
    struct list_page pages[LIST_PAGES_MAX];
    uint32_t page_count;
    bool is_asked;                // for another one
    bool is_waiting;              // for the client, or its turn, to send the first of them
    uint64_t mail_seen;           // when the last one was sent
    struct alarm alarm;           // its turn
    bool is_early;                // suspend, resume, flush: the spool has not said yet who rests
    struct operator_why *why;     // why; NULL when none is asked
    struct operator_plan *plan;   // plan; likewise
    struct operator_route *route; // route; likewise
    struct withheld *withheld;    // stats; likewise
    // show
    uint64_t show_size, show_given;
    uint32_t show_chunk;
    bool in_body;
};

void answer_flush(struct pipeline *p, struct operator_session *s, bool wants_sent);
void answer_end(struct pipeline *p, struct operator_session *s, int code);
void answer_error(struct pipeline *p, struct operator_session *s, int code, const char *text);
// The spool could not be read or changed.
void answer_trouble(struct pipeline *p, struct operator_session *s, enum fp_err err);
// One recipient of a dry run's sample: nothing once there are enough of them, or when it is no dry
// run.
void answer_sample(struct operator_session *s, uint64_t message, const char *address);
// What was changed, or would be, in one line; what was changed is logged too.
void answer_summary(struct pipeline *p, struct operator_session *s);

// Who is no operator hears what hosts said of others' mail without addresses.
struct explain operator_explain(struct pipeline *p, const struct operator_session *s);
const char *operator_discreet(struct pipeline *p, const char *text); // lives as long as the effects
// Asks the spool for what the request selects behind s->after.
void operator_ask_list(struct pipeline *p, struct operator_session *s, uint32_t limit);

// operator_list.c
void answer_list(struct pipeline *p, struct operator_session *s);
void list_read(struct pipeline *p, struct operator_session *s, struct op *op);
void list_sent(struct pipeline *p, struct operator_session *s);
void list_timer(struct pipeline *p, struct operator_session *s);
void list_forget(struct operator_session *s); // pages that were not sent

// operator_gone.c
void answer_gone(struct pipeline *p, struct operator_session *s); // the id of the request's filter
void gone_read(struct pipeline *p, struct operator_session *s, struct op *op);
// operator_suspend.c
void answer_suspend(struct pipeline *p, struct operator_session *s);
void suspend_mail_read(struct pipeline *p, struct operator_session *s, const struct op *op);
void suspend_stored(struct pipeline *p, struct operator_session *s, const struct op *op);
// One line on what is suspended, if anything is.
void answer_suspended(struct pipeline *p, struct operator_session *s);

// operator_why.c
void answer_why(struct pipeline *p, struct operator_session *s);
void why_read(struct pipeline *p, struct operator_session *s, struct op *op);
void why_history(struct pipeline *p, struct operator_session *s, struct op *op);
void why_found(struct pipeline *p, struct operator_session *s, struct op *op);
void place_ended(struct pipeline *p, struct operator_session *s, struct op *op);
void why_ended(struct pipeline *p, struct operator_session *s, struct op *op);
void why_continue(struct pipeline *p, struct operator_session *s); // the client has taken it all
void why_forget(struct operator_session *s);
struct why operator_why_writer(const struct pipeline *p, const struct operator_session *s);
struct why_place *operator_place(struct operator_session *s); // NULL: not asked about one

// operator_hold.c
// The hold of struct account (pipeline/account.h): arg is the pipeline.
void operator_hold(void *arg, const struct message *m, const struct recipient *r,
                   struct why_hold *ret);
void operator_hold_discreet(void *arg, const struct message *m, const struct recipient *r,
                            struct why_hold *ret);          // for who is no operator
const char *operator_why_stopped(const struct pipeline *p); // NULL: it is not known
// Where there is one: that is what holds it.
void operator_take_suspension(struct pipeline *p, const struct suspension *row,
                              struct why_hold *ret);
// While it rests for a trouble of our own: that is what holds its mail.
void operator_take_blocked(struct pipeline *p, const char *destination, struct why_hold *ret);

// operator_plan.c
void answer_plan(struct pipeline *p, struct operator_session *s);
void plan_counted(struct pipeline *p, struct operator_session *s, struct op *op);
void plan_forget(struct operator_session *s);

// operator_route.c
void answer_route(struct pipeline *p, struct operator_session *s);
void route_forget(struct pipeline *p, struct operator_session *s);

// operator_hops.c
// Those of the row's list that are passed over now; returns how many. Names live until the next
// feed. row: NULL is fine.
uint32_t operator_hops(const struct pipeline *p, const struct operator_session *s,
                       const struct route_row *row, const char *domain,
                       struct why_hop to[WHY_HOPS_MAX]);
// The same of all lists, for stats.
uint32_t operator_passed_over(const struct pipeline *p, struct statistics_destination *to,
                              uint32_t max);

// operator_place.c: why, of a destination
struct why_place *place_begin(struct pipeline *p, struct operator_session *s, struct slice word);
void place_counted(struct pipeline *p, struct operator_session *s, struct op *op);
void why_place_free(struct why_place *place); // NULL is fine

// operator_answers.c
void answer_show(struct pipeline *p, struct operator_session *s);
void show_read(struct pipeline *p, struct operator_session *s, struct op *op);
void show_chunk(struct pipeline *p, struct operator_session *s, struct op *op);
void show_continue(struct pipeline *p, struct operator_session *s);
void answer_stats(struct pipeline *p, struct operator_session *s);
void stats_read(struct pipeline *p, struct operator_session *s, struct op *op);
void answer_bounce(struct pipeline *p, struct operator_session *s);
void bounce_listed(struct pipeline *p, struct operator_session *s, struct op *op);

#endif
