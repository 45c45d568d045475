// SPDX-License-Identifier: BSD-2-Clause
// route: which next hops an address goes to, by the rows of `route`.
//
// Decided at every attempt and never stored. The most exact row wins: "user@example.com",
// "example.com", ".example.com" (below it; longest first), "mx:HOST" (whatever that host takes mail
// for, where it is known), "*". Of rows with the same pattern the one with the more exact `from`
// wins (core/sender_pattern.h).
#ifndef FP_DELIVER_ROUTE_H
#define FP_DELIVER_ROUTE_H

#include "core/pattern_chain.h"
#include "deliver/target.h"

struct route_row {
    char *pattern;          // lower-case; owned
    char *from;             // of senders, likewise; NULL: anybody; owned
    struct target *targets; // owned; tried in order
    uint32_t target_count;
    char *name;  // what the destination is called unless by MX: the targets' texts, joined; owned
    char *place; // "FILE:LINE"; NULL: the row that stands for a table that is not written; owned
    // By MX, and others of the same domain may go by another list: what the destination's name has
    // behind the domain's; owned. NULL: nothing
    char *apart;
};

struct routes {
    struct route_row *rows;
    uint32_t count;
    struct pattern_index index; // borrows the rows' patterns
    struct pattern_chain chain; // of rows with the same pattern
    bool has_senders;           // some row has `from`
};
void routes_close(struct routes *r);
// Behind the last row and before the first question; again when rows were added.
void routes_index(struct routes *r);

// Whose way is asked for. Strings are borrowed for the call.
struct route_question {
    struct slice address; // the recipient, or only a domain
    const char *sender;   // "" is the null sender; NULL: not known, rows with `from` do not fit
    const char *host;     // that takes its mail, for "mx:HOST"; NULL: none that a row names, or not
                          // known (deliver/sites.h)
};
// NULL when no row fits.
const struct route_row *route_find(const struct routes *r, const struct route_question *q);
// Every row that fits the address for some sender, the most exact first.
struct route_walk {
    const struct routes *routes;
    struct pattern_walk patterns;
    uint32_t row;
};
void route_walk_init(struct route_walk *w, const struct routes *r, const struct route_question *q);
const struct route_row *route_walk_next(struct route_walk *w); // NULL: there is no other one

// Is a message for several recipients handed over one by one?
bool route_takes_one(const struct route_row *row);
// Is it a row whose mail is given back in any case?
bool route_refuses(const struct route_row *row);
// Does the host that takes the address's mail matter for where it goes, or is it found by MX?
bool route_wants_host(const struct routes *r, struct slice address, const char *sender);
// A row in words: route "example.com" from "a@example.org", /etc/f.conf:47; "the default" where
// none was written.
void route_describe(const struct route_row *row, struct buf *to);
// Does a row of its own (not "*") exist for the address's domain, whoever sends? Then strangers may
// send to it. A row for some senders only proves nothing: anybody can call himself so.
bool route_is_own(const struct routes *r, struct slice address);
// The destination's name: when the row's first target is by MX "mx:HOST", or without a host the
// domain, with `apart` behind it; else the row's name. So two lists of next hops never share one.
void route_destination(const struct route_row *row, struct slice domain_key, const char *host,
                       struct buf *to);
// The same with no copy, or one in room.
enum { ROUTE_ROOM = 1024 };
const char *route_destination_name(const struct route_row *row, const char *domain_key,
                                   const char *host, char room[ROUTE_ROOM]);
// Is the destination's name one of those that route_destination made for a host? Its host, or
// empty.
struct slice route_destination_host(const char *destination);

#endif
