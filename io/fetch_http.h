// SPDX-License-Identifier: BSD-2-Clause
// fetch: gets a small text by HTTPS on the loop, with libcurl. For policies of MTA-STS (RFC 8461
// 3.3), and as careful as these want it: the server's certificate must be right, nothing is
// followed elsewhere, nothing is cached, no proxy and no file of the user's home counts.
//
//     f = fetcher_new(loop);
//     fetcher_get(f, &request, done, arg);
//     ... done(arg, text, why), once, from the loop, never from within a call
//     fetcher_close(f);       what is under way is forgotten without a word
//
// Names are not looked up here: libcurl would use a thread for it, and other name servers than we
// do. libcurl is set up by the first fetcher_get.
#ifndef FP_IO_FETCH_HTTP_H
#define FP_IO_FETCH_HTTP_H

#include "core/slice.h"

#include <stdint.h>
#include <uv.h>

struct fetcher;
struct fetcher *fetcher_new(uv_loop_t *loop);
void fetcher_close(struct fetcher *f); // NULL is fine; frees itself from the loop later

struct fetch_request { // borrowed for the call
    const char *host;  // whom the certificate must be for
    uint16_t port;
    const char *path;       // "/..."
    const char *const *ips; // where the host is; at least one
    uint32_t ip_count;
    const char *ca_file;    // whom to trust; "": whom the system trusts
    const char *media_type; // "text/plain"; anything else is refused
    size_t size_max;        // bytes; a longer text is refused
    int64_t timeout_ms;     // for all of it
};
// why: NULL when it was fetched (status 200, the right kind), else a sentence's end. Both borrowed.
typedef void fetch_done(void *arg, struct slice text, const char *why);
void fetcher_get(struct fetcher *f, const struct fetch_request *request, fetch_done *done,
                 void *arg);

#endif
