// SPDX-License-Identifier: BSD-2-Clause
// shell_internal_uv: the shell's state; shared by shell_uv.c, start_uv.c.
#ifndef FP_DAEMON_SHELL_INTERNAL_UV_H
#define FP_DAEMON_SHELL_INTERNAL_UV_H

#include "core/must.h"
#include "daemon/log_sys.h"
#include "io/dns_uv.h"
#include "io/maildir_uv.h"
#include "io/network_uv.h"
#include "io/process_uv.h"
#include "io/secret_uv.h"
#include "io/stream_uv.h"
#include "io/system_sys.h"
#include "io/tls_uv.h"
#include "io/wayout_sys.h"
#include "pipeline/pipeline.h"
#include "queue/writer_db.h"

#include "core/hash.h"
#include <uv.h>

struct shell;

// A connection that the pipeline knows by number.
struct link {
    struct shell *shell;
    uint64_t conn;
    struct stream *stream;
    struct maildir *maildir; // instead of it
    struct tls *tls;         // above it; NULL: in clear
    struct process *process; // likewise
    struct proof *proof;     // authentication on it; NULL: none is under way
    struct stream_handler handler;
    char ip[OUTCOME_IP_SIZE]; // of one that goes out
    bool wants_sent;          // tell the pipeline when everything is out
    bool is_gone;             // the pipeline has closed it; it only flushes
    UT_hash_handle hh;
};

struct question {
    struct shell *shell;
    uint64_t lookup; // 0: who asked is gone
    struct question *prev, *next;
};

struct door_listener {
    struct shell *shell;
    struct listener *listener;
    char *address; // of the configuration; NULL for the local socket
};

struct op_chain {
    struct op *first, *last;
};

struct shell {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_async_t wake;
    uv_prepare_t prepare; // flushes the log before the loop waits
    uv_signal_t on_term, on_int, on_hup;
    struct config config;
    struct pipeline *pipeline;
    struct worker *writer, *reader;
    struct dns *dns;
    struct network *network; // NULL: changes of the network are not heard of
    struct tls_engine *tls;
    struct secrets *secrets; // NULL: none was needed so far
    struct proof *proofs;
    struct log *log;
    struct door_listener *doors;
    uint32_t door_count;
    struct link *links;
    struct question *questions; // to the name servers, unanswered
    struct fetching *fetchings; // of policies
    struct fetcher *fetcher;    // NULL until one is fetched
    uint64_t next_conn;         // odd
    int64_t armed_ms;           // what the timer is set to, monotonic; INT64_MAX: not set
    uint64_t tick_ms;           // the loop's own clock when these were read
    int64_t now_ms, monotonic_ms;
    int utc_offset_s;
    struct op_chain to_writer, to_reader;
    uint64_t *sent; // connections whose SENT is to be told
    size_t sent_count, sent_cap;
    int stop_signals;
    bool is_closing;
    bool wants_again; // the pipeline stopped for a new one
    int exit_code;
};

// shell_uv.c
struct pipeline_event shell_event(struct shell *sh, enum pipeline_event_kind kind);
void shell_feed(struct shell *sh, const struct pipeline_event *event);
struct link *link_add(struct shell *sh, uint64_t conn);
void links_close(struct shell *sh);

// start_uv.c
void shell_log(struct shell *sh, enum log_level level, struct slice text);
void shell_stopped(struct shell *sh);
void shell_begin_again(struct shell *sh); // at the loop's next turn

#endif
