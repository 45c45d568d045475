// SPDX-License-Identifier: BSD-2-Clause
// config: the configuration as a value. Pure; daemon/config_conf reads it from a file.
#ifndef FP_DAEMON_CONFIG_H
#define FP_DAEMON_CONFIG_H

#include "core/buf.h"
#include "core/hostname.h"
#include "core/notice.h"
#include "deliver/route.h"
#include "scheduler/rules.h"

struct config_listen {
    char *address;  // "127.0.0.1:25"; owned
    struct hostname_network *trusted; // owned
    uint32_t trusted_count;
};

struct config {
    char *file;       // the path it was read from
    char *hostname;   // this machine's fully qualified name when not set
    char *spool;
    char *socket;
    char *user;       // NULL: not set
    char *operators;  // group name; "" none
    char **nameservers;
    uint32_t nameserver_count;
    uint16_t smtp_port;
    char *postmaster; // as written; qualified with hostname where it has no domain: config_postmaster
    int64_t message_size_max;
    uint32_t rcpts_max;
    char *log;        // "stderr", "syslog", or a file's path
    struct config_listen *listens;
    uint32_t listen_count;
    struct routes routes;
    struct rules rules;
    enum notice_return notice_return;
    int64_t history_ms; // how long finished entries can still be asked about
};

void config_close(struct config *c);
const char *config_postmaster_address(const struct config *c); // qualified, owned by c

#endif
