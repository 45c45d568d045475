// SPDX-License-Identifier: BSD-2-Clause
// config: the configuration as a value. Pure; config/config_conf reads it from a file.
#ifndef FP_CONFIG_CONFIG_H
#define FP_CONFIG_CONFIG_H

#include "bounce/brake.h"
#include "core/buf.h"
#include "core/hostname.h"
#include "core/notice.h"
#include "deliver/convert.h"
#include "deliver/credential.h"
#include "deliver/protect.h"
#include "deliver/route.h"
#include "scheduler/rules.h"

enum config_mode {
    MODE_BACKGROUND,  // 250 after the commit, then deliver
    MODE_INTERACTIVE, // deliver first; spool what could not be delivered at once
    MODE_QUEUE,       // 250 after the commit; deliver what an operator flushes
};

#define CONFIG_DEFAULT_SOCKET "/run/fermoposta/socket"

enum { CONFIG_SOCKET_PATH_MAX = 107 }; // sun_path less its NUL

struct config_listen {
    char *address;                    // "127.0.0.1:25", "[::1]:25", "unix:/path"; owned
    struct hostname_network *trusted; // owned
    uint32_t trusted_count;
};

struct config {
    char *file;     // the path it was read from
    char *hostname; // this machine's fully qualified name when not set
    char *spool;
    char *socket;
    char *user;       // NULL: not set
    char *user_place; // "FILE:LINE" where it is set: only the machine can tell whether it exists
    char *operators;  // group name; "" none
    enum config_mode mode;
    int64_t interactive_timeout_ms; // how long a client waits for the next hops' answers
    int64_t pipe_ms;                // how long a program may take for a message
    char **nameservers;
    uint32_t nameserver_count;
    bool trusts_ad; // of name servers elsewhere, too, the word that an answer was validated counts
    uint16_t smtp_port;
    enum eight_bit eight_bit; // at hosts without 8BITMIME
    bool chunking;            // BDAT where it is offered
    char *
        postmaster; // as written; qualified with hostname where it has no domain: config_postmaster
    int64_t message_size_max;
    uint32_t rcpts_max;
    uint32_t sessions_max;     // conversations with mail under way, over all destinations
    uint32_t idle_connections; // conversations that wait for another message
    int64_t idle_ms;           // and how long
    char *log;                 // "stderr", "syslog", or a file's path
    struct config_listen *listens;
    uint32_t listen_count;
    char
        *machine_ips; // of this machine's interfaces, a blank behind each; "" when not asked; owned
    struct routes routes;
    struct rules rules;
    struct protect_table *protect; // rows of `tls`
    struct credentials *credentials;
    const char **mx_hosts; // HOST of every "mx:HOST" in route, retry and limit; borrowed from these
    uint32_t mx_host_count;
    enum notice_return notice_return;
    struct brake_settings brake;
    int64_t history_ms;       // how long finished entries can still be asked about
    char *postmaster_address; // what config_postmaster_address returns
};

// Every setting at its default (sample.conf), but for hostname, which is looked up where it is
// read. Tables are empty: config_complete gives them the rows that stand for "not written".
void config_defaults(struct config *c);
void config_close(struct config *c);

// After reading: the row "*" of route where none was written, the indexes of the tables, and the
// postmaster's full address.
// Requires hostname. Listeners are completed by the reader, which knows whether `listen` was there.
void config_complete(struct config *c);
// Of that the indexes of the tables, and the next hops that limits are found for; also
// before it, when all rows are known to be right.
void config_index(struct config *c);
// The listener that stands for a configuration without `listen`: 127.0.0.1:25, loopback trusted.
void config_listen_default(struct config *c);
// Who may relay through a listener that does not say: this machine.
void config_trust_loopback(struct config_listen *l);

// Where mail comes in here: IP:PORT (without brackets), each between two blanks.
void config_own_places(const struct config *c, struct buf *to);

const char *config_postmaster_address(const struct config *c); // qualified, owned by c

// Is `text` a pattern of `for`? "user@example.com", "example.com", ".example.com", "*".
bool config_pattern_is_valid(struct slice text);
// Is `text` an address that one can listen on? "IP:PORT", "[IPV6]:PORT", "unix:/PATH".
bool config_listen_is_valid(struct slice text);
// Is `text` a name server? An IP, with ":PORT" where it is not 53; IPv6 with a port in brackets.
bool config_nameserver_is_valid(struct slice text);
// Is that valid name server, or IP, on this machine?
bool config_nameserver_is_loopback(struct slice text);

#endif
