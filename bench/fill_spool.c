// SPDX-License-Identifier: BSD-2-Clause
// fill_spool: makes a spool as a long outage leaves it: N messages of one recipient each that were
// tried and deferred, spread over D destinations that rest. Started by bench/fill.
//
//     fill_spool SPOOL MESSAGES DESTINATIONS BODY-BYTES [due]
//
// With `due` the outage has just ended: no destination rests, and every message is due now.
//
// It goes through the store as the daemon does, an accept and a settlement for each message, in
// large transactions that are not synced; the spool is whole when the program has ended.
#include "core/must.h"
#include "queue/ids.h"
#include "queue/store_db.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

enum { BATCH = 2000, HOUR_MS = 3600 * 1000, ADDRESS_SIZE = 128 };

struct fill {
    struct store *store;
    struct ids ids;
    uint64_t messages, destinations, body_bytes;
    int64_t now_ms;
    bool is_due;
};

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void name_destination(const struct fill *f, uint64_t i, char to[ADDRESS_SIZE])
{
    snprintf(to, ADDRESS_SIZE, "d%05" PRIu64 ".example", i % f->destinations);
}

// Text of 76 columns, as mail is, with the header that a message has.
static char *make_body(const struct fill *f, uint64_t i, size_t *ret_size)
{
    char *body = must_alloc(f->body_bytes + ADDRESS_SIZE);
    size_t n = (size_t)snprintf(body, ADDRESS_SIZE, "Subject: message %" PRIu64 "\r\n\r\n", i);
    while (n + 2 < f->body_bytes) {
        size_t left = f->body_bytes - n - 2, line = left < 76 ? left : 76;
        memset(body + n, 'a' + (int)(i % 26), line);
        n += line;
        memcpy(body + n, "\r\n", 2);
        n += 2;
    }
    *ret_size = n;
    return body;
}

static struct op *make_accept(struct fill *f, uint64_t i)
{
    char text[2 * ADDRESS_SIZE], domain[ADDRESS_SIZE];
    struct op *op = op_new(OP_ACCEPT);
    struct entry *e = op->accept.entry = entry_new();
    name_destination(f, i, domain);
    e->message.arrival_ms = f->now_ms - HOUR_MS + (int64_t)(i * HOUR_MS / f->messages);
    e->message.id = ids_next(&f->ids, e->message.arrival_ms);
    snprintf(text, sizeof text, "sender%" PRIu64 "@origin.example", i % 97);
    e->message.sender = must_strdup(text);
    e->tail = make_body(f, i, &e->tail_size);
    e->message.size = e->tail_size;
    e->rcpts = must_zalloc(sizeof *e->rcpts);
    e->rcpt_count = 1;
    snprintf(text, sizeof text, "user%" PRIu64 "@%s", i, domain);
    e->rcpts[0] = (struct recipient){
        .address = must_strdup(text),
        .domain = must_strdup(domain),
        .next_attempt_ms = e->message.arrival_ms,
    };
    return op;
}

static struct op *make_settle(const struct fill *f, uint64_t id, uint64_t i)
{
    struct op *op = op_new(OP_SETTLE);
    op->settle.message = id;
    op->settle.version = 1;
    op->settle.now_ms = f->now_ms;
    op->settle.change_count = 1;
    struct settle_change *c = op->settle.changes = must_zalloc(sizeof *c);
    c->is_attempt = true;
    c->action = SETTLE_DEFER;
    c->began_ms = f->now_ms - HOUR_MS / 2;
    c->next_attempt_ms = f->is_due ? f->now_ms : f->now_ms + HOUR_MS + (int64_t)(i % HOUR_MS);
    outcome_set(&c->outcome, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_HOST, "4.4.1",
                "connect to mx.example[192.0.2.1]:25: Connection timed out");
    return op;
}

static struct op *make_health(const struct fill *f, uint64_t i)
{
    char name[ADDRESS_SIZE];
    name_destination(f, i, name);
    struct op *op = op_new(OP_HEALTH);
    op->health.row = (struct op_health_row){
        .name = must_strdup(name),
        .failures = 3,
        .since_ms = f->now_ms - HOUR_MS,
        .last_probe_ms = f->now_ms - HOUR_MS / 2,
        .rest_until_ms = f->now_ms + HOUR_MS,
        .klass = CLASS_HOST,
        .status = must_strdup("4.4.1"),
        .text = must_strdup("connect to mx.example[192.0.2.1]:25: Connection timed out"),
    };
    return op;
}

static void run(struct fill *f, struct op **ops, size_t count)
{
    enum fp_err err = store_begin(f->store);
    must(!err);
    for (size_t i = 0; i < count; i++)
        store_run(f->store, ops[i]);
    err = store_commit(f->store);
    store_checkpoint(f->store);
    for (size_t i = 0; i < count && !err; i++)
        err = ops[i]->err;
    if (err) {
        fprintf(stderr, "fill_spool: cannot store: %s\n", fp_err_text(err));
        exit(EX_IOERR);
    }
}

static void free_all(struct op **ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        op_free(ops[i]);
}

static void fill_messages(struct fill *f)
{
    struct op *accepts[BATCH], *settles[BATCH];
    for (uint64_t done = 0; done < f->messages;) {
        size_t count = f->messages - done < BATCH ? (size_t)(f->messages - done) : BATCH;
        for (size_t i = 0; i < count; i++)
            accepts[i] = make_accept(f, done + i);
        run(f, accepts, count);
        for (size_t i = 0; i < count; i++)
            settles[i] = make_settle(f, accepts[i]->accept.entry->message.id, done + i);
        run(f, settles, count);
        free_all(accepts, count);
        free_all(settles, count);
        done += count;
    }
}

static void fill_destinations(struct fill *f)
{
    struct op *ops[BATCH];
    for (uint64_t done = 0; done < f->destinations;) {
        size_t count = 0;
        while (count < BATCH && done < f->destinations)
            ops[count++] = make_health(f, done++);
        run(f, ops, count);
        free_all(ops, count);
    }
}

// A number from 1 up to max; anything else ends the program.
static uint64_t number(const char *text, uint64_t max)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end || n == 0 || n > max) {
        fprintf(stderr, "fill_spool: \"%s\" is no number from 1 to %" PRIu64 "\n", text, max);
        exit(EX_USAGE);
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6 || (argc == 6 && strcmp(argv[5], "due") != 0)) {
        fprintf(stderr, "usage: fill_spool SPOOL MESSAGES DESTINATIONS BODY-BYTES [due]\n");
        return EX_USAGE;
    }
    struct fill f = {
        .messages = number(argv[2], 100 * 1000 * 1000),
        .destinations = number(argv[3], 99999),
        .body_bytes = number(argv[4], MESSAGE_CHUNK_MAX - ADDRESS_SIZE),
        .now_ms = wall_ms(),
        .is_due = argc == 6,
    };
    struct buf why;
    buf_init(&why, 1024);
    if (store_open(argv[1], &(struct store_options){.role = STORE_WRITER}, &f.store, &why)) {
        fprintf(stderr, "fill_spool: %s\n", why.p);
        return EX_CANTCREAT;
    }
    buf_close(&why);
    ids_init(&f.ids, store_id_high_water(f.store));
    fill_messages(&f);
    if (!f.is_due)
        fill_destinations(&f);
    store_close(f.store);
    printf("%" PRIu64 " messages for %" PRIu64 " destinations in %s\n", f.messages, f.destinations,
           argv[1]);
    return 0;
}
