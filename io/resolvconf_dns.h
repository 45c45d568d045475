// SPDX-License-Identifier: BSD-2-Clause
// resolvconf: what /etc/resolv.conf says about name servers, as libresolv reads it. Search lists
// are of no use here: mail domains are complete names (RFC 5321 2.3.5).
#ifndef FP_IO_RESOLVCONF_DNS_H
#define FP_IO_RESOLVCONF_DNS_H

#include "core/err.h"
#include "io/endpoint_sys.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { RESOLVCONF_SERVERS_MAX = 8 }; // libresolv itself reads the first three

struct resolvconf {
    union endpoint servers[RESOLVCONF_SERVERS_MAX];
    uint32_t server_count; // 127.0.0.1 when the file names none
    int64_t try_ms;        // "options timeout:"
    uint32_t tries;        // "options attempts:"
    bool trusts_ad;        // "options trust-ad"
};

// Which state of the file was read last.
struct resolvconf_stamp {
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

// FP_IO when libresolv gives up (no memory; a missing file is none of its errors).
enum fp_err resolvconf_read(struct resolvconf *ret);

// Has the file another stamp than *stamp? Then the new one is stored there. A missing file counts
// as a state of its own.
bool resolvconf_has_changed(struct resolvconf_stamp *stamp);

#endif
