// SPDX-License-Identifier: BSD-2-Clause
// message: the nouns that every room speaks of: a message and its recipients, as the spool holds
// them.
//
// Plain values with their own strings. A message's body is not here: it lives in the spool as
// chunks of at most MESSAGE_CHUNK_MAX bytes, with CRLF line ends, not dot-stuffed, and always
// ending in CRLF.
#ifndef FP_CORE_MESSAGE_H
#define FP_CORE_MESSAGE_H

#include "core/dsn.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MESSAGE_CHUNK_MAX = 256 * 1024, // bytes of one stored piece of a body
    MESSAGE_CHUNKS_MAX = 4096,      // so a body has at most 1 GiB
    MESSAGE_ID_DIGITS = 12,         // a queue id in text: upper-case hex
    MESSAGE_ADDRESS_MAX = 254, // bytes of an address without angle brackets (RFC 5321 4.5.3.1.3)
    MESSAGE_VERSION_FIRST = 1, // the version that accept gives
};

enum message_kind {
    MESSAGE_MAIL = 0,   // came from outside
    MESSAGE_NOTICE = 1, // a notice of ours; undeliverable, it goes to the postmaster once
    MESSAGE_POSTMASTER =
        2, // such a notice on its way to the postmaster; undeliverable, it is dropped
};

// What mail asks of its way; flags of message.traits.
enum message_trait {
    MESSAGE_UTF8 = 1,          // SMTPUTF8 was said of it (RFC 6531): it may be internationalised
    MESSAGE_UTF8_HEADER = 2,   // and its header has octets above 127
    MESSAGE_BY_RETURN = 4,     // behind deliver_by_ms it is given back; else its sender is told
    MESSAGE_BY_TRACE = 8,      // its sender is told of each handing on (RFC 2852 4.1)
    MESSAGE_REQUIRE_TLS = 16,  // REQUIRETLS (RFC 8689): over TLS with a proved host, or given back
    MESSAGE_TLS_OPTIONAL = 32, // TLS-Required: No (RFC 8689 5): what its recipients' domains ask
                               // for is not looked at
    MESSAGE_PREFER_TLS = 64,   // a notice about such mail: the wish is passed on to hosts that take
                               // it, and none is passed over for it (RFC 8689 5)
};

enum recipient_state {
    RECIPIENT_OPEN = 0, // to be tried when due (listed as queued, deferred or active)
    RECIPIENT_HELD = 1, // not tried until an operator releases it
};

struct message {
    uint64_t id;      // 48 bits, order of arrival, never reused
    uint32_t version; // grows with every stored change of the message or its recipients
    enum message_kind kind;
    bool is_8bit;          // BODY=8BITMIME was declared or 8-bit octets were seen (RFC 6152)
    uint8_t traits;        // enum message_trait
    int64_t arrival_ms;    // wall clock, ms since the epoch
    int64_t deliver_by_ms; // DELIVERBY (RFC 2852): when its sender wants it delivered; 0: not said
    uint64_t size;         // bytes of the body as stored
    int8_t priority;       // -9 (may wait) to 9 (first); 0 is usual (RFC 6710 MT-PRIORITY)
    int64_t uid;      // local submitter's user id, -1 when it came over the network or is our own
    enum dsn_ret ret; // RET of RFC 3461
    char *envid;      // ENVID in xtext, NULL or "" when not given; owned
    char *sender;     // "" is the null reverse-path; owned
};

struct recipient {
    uint64_t message;
    uint32_t n; // 0, 1, ... within the message
    enum recipient_state state;
    uint32_t attempts;       // attempts of this recipient that were recorded
    uint32_t warned;         // how many warning times have been dealt with (rules' warn_after)
    int64_t next_attempt_ms; // result of the last decision; the destination may rest longer
    int64_t last_attempt_ms; // 0: never
    uint8_t last_class;      // enum outcome_class of the last attempt
    uint32_t sender_key;     // of its message: core/sender_key.h
    bool in_doubt;           // some attempt ended in doubt: possibly delivered already
    uint8_t notify;          // NOTIFY of RFC 3461, flags of core/dsn.h; 0: not given
    char *orcpt;             // ORCPT, "type;xtext", NULL or "" when not given; owned
    char *address;           // local@domain as given; owned
    char *domain;            // lower-case A-label or address literal; owned
    char *last_status;       // "" before the first attempt; owned
    char *last_reply;        // owned
    char *last_host;         // "host[ip]:port", "" when nobody was reached; owned
    char *held_why;          // why it is held, "" when nobody said; owned
};

// When it is given back that waits for so long, or earlier where its sender said so.
static inline int64_t message_expires_ms(const struct message *m, int64_t expire_after_ms)
{
    int64_t at_ms = m->arrival_ms + expire_after_ms;
    bool is_sooner = m->deliver_by_ms != 0 && (m->traits & MESSAGE_BY_RETURN);
    return is_sooner && m->deliver_by_ms < at_ms ? m->deliver_by_ms : at_ms;
}

void message_close(struct message *m); // frees the strings, not the struct
void recipient_close(struct recipient *r);
void recipient_copy(struct recipient *to, const struct recipient *from); // deep
void message_copy(struct message *to, const struct message *from);       // deep

// Queue ids in text. Formatting writes MESSAGE_ID_DIGITS characters and NUL.
void message_id_format(uint64_t id, char text[MESSAGE_ID_DIGITS + 1]);
bool message_id_parse(struct slice text, uint64_t *ret_id); // 11 or 12 hex digits, any case

// A complete new queue entry on its way into the spool: what `accept` makes durable at once.
struct entry {
    struct message message;  // id, kind, is_8bit, arrival_ms, size, uid, sender
    struct recipient *rcpts; // n, address, domain, next_attempt_ms, state; owned array (sender_key
                             // is found when it is stored)
    uint32_t rcpt_count;
    uint32_t chunks_before; // chunks that `append` has stored already
    char *tail;             // the last chunk, owned; NULL with tail_size 0 when there is none
    size_t tail_size;       // <= MESSAGE_CHUNK_MAX
    size_t tail_cap;        // bytes allocated for it; 0: just as many
};

enum {
    ENTRY_MEMORY = 512,
    RECIPIENT_MEMORY = 288,
};

struct entry *entry_new(void);
void entry_free(struct entry *e); // NULL is fine
static inline size_t entry_tail_memory(const struct entry *e)
{
    return e->tail_cap > e->tail_size ? e->tail_cap : e->tail_size;
}
// With its recipients, whose strings are taken to be short: near enough for a budget, and cheap.
static inline size_t entry_memory(const struct entry *e)
{
    return ENTRY_MEMORY + entry_tail_memory(e) + e->rcpt_count * (size_t)RECIPIENT_MEMORY;
}

#endif
