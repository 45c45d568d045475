// SPDX-License-Identifier: BSD-2-Clause
// world: the second driver of the pipeline: a virtual clock, scripted hosts, names that resolve as
// one says, and the real spool on the caller's thread, in a folder of its own (scratch_fs.h).
//
//     struct world *w = world_new(&(struct world_options){.seed = 1, .config = "..."});
//     world_name(w, "example.com", "192.0.2.1");  world_host(w, "192.0.2.1")->state = HOST_DOWN;
//     world_submit(w, "a@example.org", "b@example.com", "Subject: x\r\n\r\nhello\r\n");
//     world_run(w, 6 * TIME_DAY_MS);
//     ... look at w->trace, world_host(...)->received ...
//     world_free(w);
//
// Nothing sleeps: time jumps to the next thing that is due. The order of things that are due at the
// same time is drawn by the seed; the same seed gives the same run. world_crash drops everything
// that is not committed and starts anew; crash_after makes that happen after the n-th effect.
#ifndef FP_SIMULATE_WORLD_DB_H
#define FP_SIMULATE_WORLD_DB_H

#include "core/time.h"
#include "pipeline/pipeline.h"
#include "simulate/host.h"

#include <signal.h>

struct world_options {
    uint64_t seed;
    const char *config;   // text of a configuration; spool and socket are added by the world
    struct config *ready; // taken over instead of the text, when set
    int64_t start_ms;     // 0: 2026-01-01
    int64_t latency_ms;   // of the network, one way, and of the spool; 0: 1
    uint32_t batches_max; // of the pipeline; 0: its default
    bool keeps_trace;     // log lines and events as text
    struct intake_marks intake;
};

struct world {
    int64_t now_ms;
    uint64_t effects;     // executed so far
    uint64_t crash_after; // crash when `effects` gets there; 0: never
    uint32_t crashes;
    uint32_t lookups;                                         // questions to name servers so far
    uint32_t connections, connections_open, connections_peak; // to hosts
    uint32_t handed_over;                                     // to folders and programs
    uint32_t ops[OP_KIND_COUNT];                              // asked of the spool so far
    // How often the client of the local socket still takes all that it is sent: UINT32_MAX, always.
    uint32_t client_takes;
    bool wants_stream; // world_ask's answers come as a stream
    struct buf trace;  // "TIME LINE\n"; times relative to the start: "+04:00:00"
    struct host *hosts;
    // What becomes of connections that come in and are not of the world's own client (crowd.h).
    void (*others)(void *arg, const struct pipeline_effect *fx);
    void *others_arg;
    // Whom mail for a folder or a program goes to; NULL: the host whose place is its path.
    struct host *(*folder)(void *arg, const struct handover_order *order);
    void *folder_arg;
    // Told of each op once it is committed, or has failed, before the pipeline is.
    void (*stored)(void *arg, const struct op *op);
    void *stored_arg;
    // What the policy server of a domain has (RFC 8461 3.3); NULL, or no function: it is not there.
    const char *(*policy)(void *arg, const char *domain);
    void *policy_arg;
    uint32_t fetches;                  // of policies so far
    const volatile sig_atomic_t *stop; // nothing happens any more once it is not 0
    struct world_inside *in;
};

struct world *world_new(const struct world_options *options);
// NULL: there is no place for its spool; why has a sentence.
struct world *world_try(const struct world_options *options, struct buf *why);
void world_free(struct world *w);

void world_name(struct world *w, const char *name,
                const char *ip); // A record and implicit MX; more than one: more records
void world_mx(struct world *w, const char *domain, uint16_t preference, const char *host);
void world_tlsa(struct world *w, const char *name, const struct dns_tlsa *tlsa);
void world_text(struct world *w, const char *name, const char *text); // TXT; NULL: none (any more)
void world_spool_fails(struct world *w, bool fails);     // every op FP_IO, nothing is done
void world_spool_is_full(struct world *w, bool is_full); // new mail gets FP_FULL
void world_spool_slow(struct world *w, int64_t by_ms);   // each commit takes so long
void world_reader_slow(struct world *w, int64_t by_ms);  // what is read is heard so late
void world_hosts_slow(struct world *w, int64_t by_ms);   // what they are sent is out after that
void world_dns_fails(struct world *w, bool fails);     // every name SERVFAIL; the resolver is well
void world_dns_is_gone(struct world *w, bool is_gone); // no name server answers
void world_dns_vouches(struct world *w);               // they are, and each host has a TLSA record
void world_dns_is_secure(struct world *w, bool is_secure);   // answers are validated (DNSSEC)
void world_network_is_down(struct world *w, bool is_down);   // nor is any host reached
void world_secrets_are_gone(struct world *w, bool are_gone); // of credentials; else all are there
// Made, up, when unknown. place: an IP, with all ports that nobody has a host for; a port of one,
// as world_place writes it; the path of a socket, a folder or a program.
struct host *world_host(struct world *w, const char *place);
enum { WORLD_PLACE_MAX = 64 };
void world_place(const char *ip, uint16_t port, char place[WORLD_PLACE_MAX]); // "[IP]:PORT"

// By the local socket. Parameters may stand behind the sender: "a@example.org> BY=60;R". Returns
// the id that the 250 named, 0 when refused (then world_last_reply says why).
uint64_t world_submit(struct world *w, const char *sender, const char *rcpts, const char *content);
const char *world_last_reply(const struct world *w);
// The same without waiting for the last reply: the client stays, or goes away with its last word.
// world_submitted says what it has been told since.
void world_hand_over(struct world *w, const char *sender, const char *rcpts, const char *content,
                     bool goes_away);
uint64_t world_submitted(const struct world *w);

void world_run(struct world *w, int64_t for_ms); // lets time pass
// ... as long as somebody wants it to; false: it was wanted to the end.
bool world_run_while(struct world *w, int64_t for_ms, bool (*wants_more)(void *), void *arg);
bool world_run_until_empty(struct world *w, int64_t for_ms); // ... until nothing is queued
void world_crash(struct world *w);
void world_restart(struct world *w);                    // cleanly: SHUTDOWN, then a new start
void world_jump(struct world *w, int64_t by_ms);        // of the wall clock
void world_reload(struct world *w, const char *config); // as SIGHUP does

uint64_t world_queued(struct world *w); // messages in the spool
void world_count(struct world *w, uint64_t *ret_waiting, uint64_t *ret_held); // recipients
struct pipeline *world_pipeline(struct world *w);
const struct config *world_config(const struct world *w);
uint64_t world_number(struct world *w); // of the next connection that comes in
void world_feed(struct world *w, struct pipeline_event *e);
// For how long answers of the DNS may be kept; 0, the default: not at all.
void world_dns_ttl(struct world *w, uint32_t ttl_s);
// One operator's request by the local socket; the answer's bytes (valid until the next call). Exit
// -1: within an hour none came.
const char *world_ask(struct world *w, const char *verb, const char *const *words, size_t count,
                      int *ret_exit);
// The same without waiting for any of the answer.
void world_request(struct world *w, const char *verb, const char *const *words, size_t count);
// The same of somebody who breaks the connection before the answer.
void world_tell(struct world *w, const char *verb, const char *const *words, size_t count);

#endif
