// SPDX-License-Identifier: BSD-2-Clause
// backlog: a domain of which more is due than is to be in memory. See backlog.h.
#include "scheduler/backlog.h"

#include "core/time.h"
#include "scheduler/destination.h"

#include <stdlib.h>

enum { LINES_LOOKED_AT = 64 }; // of a window, for those that have enough

struct backlog *backlog_find(const struct scheduler *s, const struct domain *d)
{
    struct backlog *b;
    HASH_FIND_PTR(s->backlogs, &d, b);
    return b;
}

struct backlog *backlog_new(struct scheduler *s, struct domain *d)
{
    if (HASH_COUNT(s->backlogs) >= BACKLOGS_MAX)
        return NULL;
    struct backlog *b = must_zalloc(sizeof *b);
    b->domain = d;
    b->look_ms = b->looked_ms = b->rest_ms = INT64_MIN;
    HASH_ADD_PTR(s->backlogs, domain, b);
    return b;
}

void backlog_free(struct scheduler *s, struct backlog *b)
{
    HASH_DEL(s->backlogs, b);
    free(b);
}

static uint32_t portion(const struct scheduler *s, const struct destination *d, uint32_t lanes)
{
    uint32_t page = s->settings.page_size;
    if (d->backlogs && d->backlogs->lanes > lanes)
        lanes = d->backlogs->lanes;
    uint32_t rcpts = page / (lanes < 8 ? lanes + (lanes == 0) : 8); // B3
    return rcpts > 0 ? rcpts : 1;
}

// Fresh mail does not count: it must not keep older mail in the spool. From now on the line says
// when it has little.
static uint32_t load(struct scheduler *s, struct destination *d, const struct backlog_lane *lane)
{
    struct sender_line *line = senders_find(&s->lines, d, lane->sender, lane->priority);
    if (line)
        line->is_lane = true;
    return line ? line->paged : 0;
}

static bool is_little(uint32_t load, uint32_t portion)
{
    return load < (portion + 1) / 2;
}

void backlog_lost(const struct scheduler *s, struct destination *d, const struct batch *b,
                  uint32_t n)
{
    if (d->backlogs && !b->is_fresh && b->line->is_lane &&
        is_little(b->line->paged - n, portion(s, d, 0)))
        d->backlogs->is_thirsty = true;
}

void backlog_enter(struct backlog *b, struct destination *to)
{
    if (!to->backlogs) {
        to->backlogs = must_zalloc(sizeof *to->backlogs);
        list_init(&to->backlogs->list);
    }
    list_put_last(&to->backlogs->list, &b->in_destination);
    if (b->lane_count > to->backlogs->lanes)
        to->backlogs->lanes = b->lane_count;
    to->backlogs->is_thirsty = true;
}

void backlog_leave(struct backlog *b, struct destination *from)
{
    list_remove(&b->in_destination);
    if (!list_is_empty(&from->backlogs->list))
        return;
    free(from->backlogs);
    from->backlogs = NULL;
}

bool backlog_is_thirsty(const struct destination *d)
{
    return d->backlogs && d->backlogs->is_thirsty;
}

static struct backlog_lane *least_lane(struct scheduler *s, struct destination *d,
                                       struct backlog *b)
{
    struct backlog_lane *least = NULL;
    uint32_t least_load = portion(s, d, 0);
    for (uint32_t i = 0; i < b->lane_count; i++) {
        uint32_t has = load(s, d, &b->lanes[i]);
        if (has < least_load) {
            least_load = has;
            least = &b->lanes[i];
        }
    }
    return is_little(least_load, portion(s, d, 0)) ? least : NULL;
}

struct backlog *backlog_pick(struct scheduler *s, struct destination *d)
{
    struct list *head = &d->backlogs->list;
    for (struct list *at = head->next; at != head; at = at->next) {
        struct backlog *b = list_owner(at, struct backlog, in_destination);
        if (b->rest_ms <= s->now_ms && (b->reading = least_lane(s, d, b)))
            return b;
    }
    d->backlogs->is_thirsty = false;
    return NULL;
}

static struct due_sender *add_sender(struct due_sharing *to, uint32_t sender, int32_t priority)
{
    for (uint32_t i = 0; i < to->count; i++)
        if (to->senders[i].sender == sender && to->senders[i].priority == priority)
            return NULL;
    if (to->count == DUE_SENDERS_MAX)
        return NULL;
    struct due_sender *added = &to->senders[to->count++];
    *added = (struct due_sender){sender, priority, 0, DUE_END};
    return added;
}

// Those that have most of a portion in the window get what is missing of it.
static void add_lines(const struct destination *d, uint32_t each, struct due_sharing *to)
{
    int looked_at = 0;
    for (const struct sender_class *c = d->senders.highest; c; c = c->lower)
        for (const struct list *at = c->lines.next; at != &c->lines; at = at->next) {
            const struct sender_line *line = list_owner(at, struct sender_line, in_class);
            if (looked_at++ == LINES_LOOKED_AT)
                return;
            struct due_sender *added = is_little(line->paged, each)
                                           ? NULL
                                           : add_sender(to, line->key.sender, line->key.priority);
            if (added)
                added->left = line->paged < each ? each - line->paged : 0;
        }
}

const struct due_sharing *backlog_share(struct scheduler *s, struct backlog *b,
                                        const struct destination *d)
{
    struct due_sharing *asked = &b->asked;
    uint32_t each = portion(s, d, b->lane_count);
    *asked = (struct due_sharing){.left_each = each};
    for (uint32_t i = 0; i < b->lane_count; i++) // in their order: all behind the lane's
        add_sender(asked, b->lanes[i].sender, b->lanes[i].priority)->from = b->lanes[i].from;
    add_lines(d, each, asked);
    b->looked_ms = s->now_ms;
    b->look_ms = TIME_NEVER;
    return asked;
}

const struct due_sharing *backlog_share_lane(const struct scheduler *s, struct backlog *b,
                                             const struct destination *d, struct due_key cursor)
{
    const struct backlog_lane *lane = b->reading;
    b->asked = (struct due_sharing){
        .is_only = true, .until = cursor, .left_each = portion(s, d, b->lane_count)};
    add_sender(&b->asked, lane->sender, lane->priority)->left = UINT32_MAX;
    return &b->asked;
}

static struct backlog_lane *find_lane(struct backlog *b, uint32_t sender, int32_t priority)
{
    for (uint32_t i = 0; i < b->lane_count; i++)
        if (b->lanes[i].sender == sender && b->lanes[i].priority == priority)
            return &b->lanes[i];
    if (b->lane_count == DUE_SENDERS_MAX)
        return NULL;
    struct backlog_lane *lane = &b->lanes[b->lane_count++];
    *lane = (struct backlog_lane){sender, priority, DUE_END, DUE_END};
    return lane;
}

static void lower(struct due_key *key, const struct due_key *to)
{
    if (due_is_before(to, key))
        *key = *to;
}

bool backlog_learn(struct backlog *b, const struct due_sharing *read)
{
    static const struct due_key none = DUE_END;
    bool is_kept = true;
    for (uint32_t i = 0; i < read->count; i++) {
        const struct due_sender *sender = &read->senders[i];
        if (!due_is_before(&sender->from, &none))
            continue;
        struct backlog_lane *lane = find_lane(b, sender->sender, sender->priority);
        if (lane)
            lower(&lane->from, &sender->from);
        is_kept = is_kept && lane;
    }
    return is_kept;
}

void backlog_lane_read(struct backlog *b, bool is_done, struct due_key last)
{
    static const struct due_key none = DUE_END;
    struct backlog_lane *lane = b->reading;
    b->reading = NULL;
    lane->from = is_done ? none : last;
    lower(&lane->from, &lane->returned);
    lane->returned = none;
    if (!due_is_before(&lane->from, &none))
        *lane = b->lanes[--b->lane_count];
}

bool backlog_return(struct backlog *b, uint32_t sender, int32_t priority, struct due_key key)
{
    struct backlog_lane *lane = find_lane(b, sender, priority);
    if (!lane)
        return false;
    struct due_key before = due_before(key);
    lower(lane == b->reading ? &lane->returned : &lane->from, &before);
    return true;
}
