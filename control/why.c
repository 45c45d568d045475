// SPDX-License-Identifier: BSD-2-Clause
// why: the text for people; and which form it is that is asked for. See why.h.
#include "control/why.h"

#include "core/must.h"
#include "core/time.h"

// ---- what holds it -----------------------------------------------------------------------------

const char *why_kind_name(enum why_kind kind)
{
    static const char *const names[WHY_KINDS] = {
        [WHY_ACTIVE] = "active",
        [WHY_HELD] = "held",
        [WHY_ON_FLUSH] = "on-flush",
        [WHY_SUSPENDED] = "suspended",
        [WHY_RESTING] = "resting",
        [WHY_PROBING] = "probing",
        [WHY_BLOCKED] = "blocked",
        [WHY_STOPPED] = "stopped",
        [WHY_NOT_DUE] = "not-due",
        [WHY_RATE] = "rate",
        [WHY_CONCURRENCY] = "concurrency",
        [WHY_FULL] = "full",
        [WHY_TURN] = "turn",
        [WHY_NO_DAEMON] = "no-daemon",
    };
    must((unsigned)kind < WHY_KINDS);
    return names[kind];
}

static void add_when(struct column *c, int64_t ms, int64_t now_ms, int utc_offset_s)
{
    column_time_near(c, ms, now_ms, utc_offset_s);
    if (ms <= 0 || ms == TIME_NEVER)
        return;
    column_str(c, " (");
    column_until(c, ms, now_ms);
    column_str(c, ")");
}

static void add_since(struct column *c, int64_t ms, int64_t now_ms, int utc_offset_s)
{
    column_time_near(c, ms, now_ms, utc_offset_s);
    if (ms <= 0)
        return;
    column_str(c, " (");
    column_rough(c, now_ms - ms);
    column_str(c, " ago)");
}

static void add_until(const struct why_hold *h, int64_t now_ms, int utc_offset_s, struct column *c)
{
    if (h->until_ms == TIME_NEVER)
        return;
    column_str(c, " until ");
    add_when(c, h->until_ms, now_ms, utc_offset_s);
}

static void add_reason(const struct why_hold *h, struct column *c)
{
    if (!h->reason || !h->reason[0])
        return;
    column_str(c, ": ");
    column_text(c, h->reason);
}

static void add_failures(const struct why_hold *h, struct column *c)
{
    if (h->failures == 0)
        return;
    column_str(c, ", it has failed ");
    column_number(c, h->failures, 0);
    column_str(c, h->failures == 1 ? " time" : " times in a row");
}

static void add_line_before(const struct why_hold *h, struct column *c)
{
    if (h->before == 0 && h->is_in_spool)
        return;
    column_str(c, h->is_in_spool ? ", behind at least " : ", ");
    column_number(c, h->before, 0);
    column_str(c, h->is_in_spool ? " others" : " before it");
}

static void add_name(const struct why_hold *h, struct column *c)
{
    column_str(c, h->destination ? " " : "");
    column_text(c, h->destination ? h->destination : "");
}

static void add_crowd(const struct why_hold *h, struct column *c)
{
    column_str(c, h->allowed == 1 ? "due; the one connection that" : "due; all ");
    if (h->allowed != 1) {
        column_number(c, h->allowed, 0);
        column_str(c, " connections that");
    }
    add_name(h, c);
    column_str(c, h->allowed == 1 ? " may have now is in use" : " may have now are in use");
}

// Kinds that are more than one word and a reason.
static void add_due(const struct why_hold *h, int64_t now_ms, int utc_offset_s, struct column *c)
{
    if (h->kind == WHY_RATE) {
        column_str(c, "due; by the rate of ");
        column_text(c, h->destination ? h->destination : "its destination");
        column_str(c, h->is_in_spool ? " it is tried not before " : " its turn comes at about ");
        add_when(c, h->until_ms, now_ms, utc_offset_s);
    } else if (h->kind == WHY_CONCURRENCY) {
        add_crowd(h, c);
    } else if (h->kind == WHY_FULL) {
        column_str(c, "due; as many attempts as there may be are under way, ");
        column_number(c, h->allowed, 0);
    } else {
        column_str(c, "due, waits for its turn");
    }
    add_line_before(h, c);
}

static void add_destination(const struct why_hold *h, const char *does, struct column *c)
{
    column_str(c, "its destination");
    add_name(h, c);
    column_str(c, does);
}

void why_hold_text(const struct why_hold *h, int64_t now_ms, int utc_offset_s, struct column *c)
{
    static const char *const words[WHY_KINDS] = {
        [WHY_ACTIVE] = "is being tried",
        [WHY_HELD] = "held",
        [WHY_ON_FLUSH] = "waits for a flush, as the mode is \"queue\"",
        [WHY_BLOCKED] = "blocked here",
        [WHY_STOPPED] = "nothing is started for the moment",
        [WHY_NOT_DUE] = "not due yet",
        [WHY_NO_DAEMON] = "the daemon does not run",
    };
    switch (h->kind) {
    case WHY_RESTING:
        add_destination(h, " rests", c);
        add_until(h, now_ms, utc_offset_s, c);
        add_failures(h, c);
        break;
    case WHY_PROBING:
        add_destination(h, " is being probed with another message", c);
        break;
    case WHY_SUSPENDED:
        column_text(c, h->destination ? h->destination : "");
        column_str(c, h->destination ? " is suspended" : "suspended");
        add_until(h, now_ms, utc_offset_s, c);
        break;
    case WHY_RATE:
    case WHY_CONCURRENCY:
    case WHY_FULL:
    case WHY_TURN:
        add_due(h, now_ms, utc_offset_s, c);
        break;
    default:
        must((unsigned)h->kind < WHY_KINDS);
        column_str(c, words[h->kind]);
    }
    add_reason(h, c);
}

// ---- a recipient -------------------------------------------------------------------------------

static void add_head(const struct why_recipient *r, struct column *c)
{
    char id[MESSAGE_ID_DIGITS + 1];
    message_id_format(r->message, id);
    column_str(c, id);
    column_str(c, " from <");
    column_text(c, r->sender);
    column_str(c, "> to <");
    column_text(c, r->address);
    column_str(c, ">\n");
}

static void add_label(struct column *c, const char *label)
{
    column_str(c, "  ");
    column_left(c, label, 12);
}

static void add_state(const struct why *w, const struct why_recipient *r, struct column *c)
{
    add_label(c, "state:");
    column_str(c, r->is_queued ? r->state : gone_name(r->end.how));
    column_str(c, ", ");
    column_number(c, r->attempts, 0);
    column_str(c, r->attempts == 1 ? " attempt, arrived " : " attempts, arrived ");
    add_since(c, r->arrival_ms, w->now_ms, w->utc_offset_s);
    column_str(c, "\n");
    if (!r->in_doubt)
        return;
    add_label(c, "in doubt:");
    column_str(c, "an attempt ended without an answer, it may have been delivered\n");
}

// What it waits for where that is no time; NULL: a time.
static const char *next_without_time(const struct why_recipient *r)
{
    static const char *const words[WHY_KINDS] = {
        [WHY_ACTIVE] = "under way",
        [WHY_HELD] = "when it is released",
        [WHY_ON_FLUSH] = "when it is flushed",
        [WHY_PROBING] = "as soon as its destination answers",
        [WHY_STOPPED] = "as soon as that is over",
        [WHY_CONCURRENCY] = "as soon as a connection is free",
        [WHY_FULL] = "as soon as an attempt ends",
        [WHY_TURN] = "as soon as its turn comes",
    };
    if (r->hold.kind == WHY_SUSPENDED && r->hold.until_ms == TIME_NEVER)
        return "when it is resumed";
    return words[r->hold.kind];
}

static void add_next(const struct why *w, const struct why_recipient *r, struct column *c)
{
    const char *words = next_without_time(r);
    add_label(c, "next try:");
    column_str(c, words ? words : r->hold.kind == WHY_RATE ? "about " : "");
    if (!words)
        add_when(c, r->next_ms, w->now_ms, w->utc_offset_s);
    if (r->rule[0] && (!words || r->hold.kind == WHY_CONCURRENCY)) {
        column_str(c, ", by ");
        column_text(c, r->rule);
    }
    if (!words && r->expires_ms > w->now_ms && r->next_ms > r->expires_ms)
        column_str(c, ", unless it is given up before");
    column_str(c, "\n");
}

static void add_give_up(const struct why *w, const struct why_recipient *r, struct column *c)
{
    add_label(c, "gives up:");
    if (r->expires_ms == 0) {
        column_str(c, "not while it is ");
        column_str(c, r->hold.kind == WHY_HELD        ? "held\n"
                      : r->hold.kind == WHY_SUSPENDED ? "suspended\n"
                                                      : "blocked here\n");
        return;
    }
    add_when(c, r->expires_ms, w->now_ms, w->utc_offset_s);
    if (r->attempts_max > 0) {
        column_str(c, ", or after ");
        column_number(c, r->attempts_max, 0);
        column_str(c, r->attempts_max == 1 ? " attempt" : " attempts");
    }
    column_str(c, "\n");
}

static void add_queued(const struct why *w, const struct why_recipient *r, struct column *c)
{
    add_label(c, "now:");
    why_hold_text(&r->hold, w->now_ms, w->utc_offset_s, c);
    column_str(c, "\n");
    add_next(w, r, c);
    add_label(c, "warning:");
    if (r->warn_ms > 0)
        add_when(c, r->warn_ms, w->now_ms, w->utc_offset_s);
    else
        column_str(c, "none comes");
    column_str(c, "\n");
    add_give_up(w, r, c);
}

// "rcpt, greylist, TLSv1.3", whatever of it there is.
static void add_parts(const char *const *parts, size_t count, struct column *c)
{
    size_t added = 0;
    for (size_t i = 0; i < count; i++) {
        if (!parts[i] || !parts[i][0])
            continue;
        column_str(c, added++ > 0 ? ", " : "");
        column_text(c, parts[i]);
    }
}

// The attempt that was the end, where one was: what is given up by its age had none then.
static void add_last_try(const struct why_recipient *r, struct column *c)
{
    const char *const parts[] = {r->end.host, r->end_stage, r->end_tls};
    bool is_known = (r->end_stage && r->end_stage[0]) || (r->end_tls && r->end_tls[0]);
    if (!is_known || r->end.how == GONE_REMOVED || r->end.how == GONE_BOUNCED)
        return;
    add_label(c, "last try:");
    add_parts(parts, 3, c);
    column_str(c, "\n");
}

static void add_gone(const struct why *w, const struct why_recipient *r, struct column *c)
{
    struct buf sentence;
    buf_init(&sentence, 64 * 1024);
    gone_sentence(&r->end, w->utc_offset_s, &sentence);
    add_label(c, "end:");
    column_add(c, buf_slice(&sentence));
    column_str(c, "\n");
    add_last_try(r, c);
    buf_close(&sentence);
}

// Attempts are told to the second where the schedule is so short that minutes do not tell them
// apart.
static void add_time(const struct why *w, bool is_exact, int64_t ms, struct column *c)
{
    if (is_exact)
        column_time_exact(c, ms, w->utc_offset_s);
    else
        column_time_near(c, ms, w->now_ms, w->utc_offset_s);
}

static void add_try(const struct why *w, const struct why_try *t, bool is_exact, struct column *c)
{
    column_str(c, "  ");
    column_number(c, t->nr, 3);
    column_str(c, "  ");
    add_time(w, is_exact, t->at_ms, c);
    const char *const parts[] = {t->host, t->stage, t->klass, t->tls};
    column_str(c, "  ");
    add_parts(parts, 4, c);
    column_str(c, "\n       ");
    column_text(c, t->reply);
    bool is_said = strstr(t->reply, "may have been delivered") != NULL;
    column_str(c, t->in_doubt && !is_said ? " (possibly delivered)" : "");
    column_str(c, "\n       then ");
    if (t->next_ms > 0)
        add_time(w, is_exact, t->next_ms, c);
    else
        column_str(c, "held");
    if (t->rule[0]) {
        column_str(c, ", by ");
        column_text(c, t->rule);
    }
    column_str(c, "\n");
}

static void add_tries(const struct why *w, const struct why_recipient *r, struct column *c)
{
    bool is_exact = false;
    if (r->try_count == 0)
        return;
    for (uint32_t i = 0; i < r->try_count; i++)
        is_exact |= column_is_near(r->tries[i].next_ms, r->tries[i].at_ms);
    column_str(c, r->is_queued ? "  attempts:\n" : "  attempts before the end:\n");
    for (uint32_t i = 0; i < r->try_count; i++)
        add_try(w, &r->tries[i], is_exact, c);
}

void why_recipient(struct why *w, const struct why_recipient *r, struct buf *to)
{
    struct column c = column_begin(to);
    if (w->is_json) {
        column_str(&c, w->count > 0 ? ",\n" : "{\"recipients\": [\n");
        why_recipient_json(w, r, &c);
    } else {
        column_str(&c, w->count > 0 ? "\n" : "");
        add_head(r, &c);
        add_state(w, r, &c);
        if (r->is_queued)
            add_queued(w, r, &c);
        else
            add_gone(w, r, &c);
        add_tries(w, r, &c);
    }
    w->count += column_commit(&c);
}

static void end_json(uint64_t more, const char *note, struct column *c)
{
    column_str(c, "\n], \"more\": ");
    column_number(c, more, 0);
    column_str(c, note[0] ? ", \"note\": \"" : "");
    column_str(c, note);
    column_str(c, note[0] ? "\"}\n" : "}\n");
}

void why_end(const struct why *w, uint64_t more, const char *note, struct buf *to)
{
    struct column c = column_begin(to);
    if (w->is_json) {
        end_json(more, note, &c);
    } else {
        if (more > 0) {
            column_str(&c, "\nand ");
            column_number(&c, more, 0);
            column_str(&c, " more in the queue: list to=ADDRESS shows all of them, why ID tells of "
                           "one\n");
        }
        column_str(&c, note[0] ? "\n" : "");
        column_str(&c, note);
        column_str(&c, note[0] ? "\n" : "");
    }
    column_commit(&c);
}

// ---- a destination -----------------------------------------------------------------------------

static void add_health(const struct why *w, const struct why_destination *d, struct column *c)
{
    add_label(c, "health:");
    if (d->failures == 0) {
        column_str(c, "good\n");
        return;
    }
    column_str(c, d->failures == 1 ? "failed once, on " : "failed ");
    if (d->failures > 1) {
        column_number(c, d->failures, 0);
        column_str(c, " times in a row since ");
    }
    add_since(c, d->since_ms, w->now_ms, w->utc_offset_s);
    column_str(c, "\n");
    add_label(c, "last:");
    add_since(c, d->last_probe_ms, w->now_ms, w->utc_offset_s);
    column_str(c, "  ");
    column_text(c, d->reply);
    column_str(c, "\n");
    add_label(c, "next probe:");
    add_when(c, d->rest_until_ms, w->now_ms, w->utc_offset_s);
    column_str(c, ", by ");
    column_text(c, d->rule);
    column_str(c, "\n");
}

void why_hop_text(const struct why_hop *h, int64_t now_ms, int utc_offset_s, struct column *c)
{
    column_text(c, h->name);
    if (h->is_probing) {
        column_str(c, " is being tried again");
    } else if (h->until_ms <= now_ms) {
        column_str(c, " is tried first with the next message");
    } else {
        column_str(c, " rests until ");
        add_when(c, h->until_ms, now_ms, utc_offset_s);
    }
    const struct why_hold hold = {.failures = h->failures, .reason = h->reason};
    add_failures(&hold, c);
    add_reason(&hold, c);
}

static void add_hops(const struct why *w, const struct why_destination *d, struct column *c)
{
    for (uint32_t i = 0; i < d->hop_count; i++) {
        add_label(c, "next hop:");
        why_hop_text(&d->hops[i], w->now_ms, w->utc_offset_s, c);
        column_str(c, "\n");
    }
}

static void add_waiting(const struct why *w, const struct why_destination *d, struct column *c)
{
    add_label(c, "waiting:");
    column_number(c, d->waiting, 0);
    column_str(c, d->waiting == 1 ? " recipient, " : " recipients, ");
    column_number(c, d->due, 0);
    column_str(c, " of them due");
    if (d->waiting > 0 && d->due == 0) {
        column_str(c, ", the first ");
        add_when(c, d->first_ms, w->now_ms, w->utc_offset_s);
    }
    column_str(c, "; ");
    column_number(c, d->in_memory, 0);
    column_str(c, d->in_memory == 1 ? " message in memory\n" : " messages in memory\n");
    add_label(c, "under way:");
    column_number(c, d->running, 0);
    column_str(c, d->running == 1 ? " attempt, " : " attempts, ");
    column_number(c, d->connections, 0);
    column_str(c, d->connections == 1 ? " connection" : " connections");
    if (d->allowed > 0) {
        column_str(c, " of ");
        column_number(c, d->allowed, 0);
        column_str(c, " allowed now");
    }
    column_str(c, "\n");
}

static void add_limits(const struct why_destination *d, struct column *c)
{
    column_str(c, "  limits, for all mail to ");
    column_text(c, d->name);
    column_str(c, " together:\n");
    for (uint32_t i = 0; i < d->limit_count; i++) {
        column_str(c, "    ");
        column_left(c, d->limits[i].name, 26);
        column_left(c, d->limits[i].value, 12);
        column_str(c, "  ");
        column_text(c, d->limits[i].rule);
        column_str(c, "\n");
    }
}

static void add_delivered(const struct why *w, const struct why_destination *d, struct column *c)
{
    if (d->delivered_ms == 0)
        return;
    add_label(c, "delivered:");
    column_str(c, "last on ");
    add_since(c, d->delivered_ms, w->now_ms, w->utc_offset_s);
    column_str(c, "\n");
}

static void add_destination_text(const struct why *w, const struct why_destination *d,
                                 struct column *c)
{
    column_text(c, d->asked);
    column_str(c, "\n");
    add_label(c, "goes to:");
    column_text(c, d->name);
    column_str(c, d->route ? ", by route \"" : "");
    column_text(c, d->route ? d->route : "");
    column_str(c, d->route ? "\"\n" : "\n");
    add_label(c, "state:");
    column_str(c, d->state);
    if (d->hold.kind != WHY_TURN && d->hold.kind != WHY_RESTING && d->hold.kind != WHY_PROBING) {
        column_str(c, "; ");
        why_hold_text(&d->hold, w->now_ms, w->utc_offset_s, c);
    }
    column_str(c, "\n");
    add_health(w, d, c);
    add_delivered(w, d, c);
    add_hops(w, d, c);
    add_waiting(w, d, c);
    add_limits(d, c);
}

void why_destination(const struct why *w, const struct why_destination *d, struct buf *to)
{
    struct column c = column_begin(to);
    if (w->is_json)
        why_destination_json(d, &c);
    else
        add_destination_text(w, d, &c);
    column_commit(&c);
}
