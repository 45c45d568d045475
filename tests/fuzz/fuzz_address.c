// SPDX-License-Identifier: BSD-2-Clause
// Addresses: what is accepted has its parts, no controls, and is read again as itself; scanning
// ends; what is logged of it is harmless.
#include "core/address.h"

#include "core/must.h"
#include "core/text.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accepted(struct slice a)
{
    struct slice local = address_local(a), domain = address_domain(a);
    must(a.n <= ADDRESS_MAX && local.n >= 1 && local.n <= ADDRESS_LOCAL_MAX);
    must(domain.n >= 1 && local.n + 1 + domain.n == a.n);
    for (size_t i = 0; i < a.n; i++)
        must((a.p[i] & 0x80) || (a.p[i] >= 32 && a.p[i] < 127));
    must(!memchr(domain.p, '@', domain.n) && !memchr(domain.p, '"', domain.n));

    struct buf path;
    struct slice again, rest;
    struct address_path_options o = {.allow_utf8 = true};
    buf_init(&path, ADDRESS_MAX + 5);
    buf_addf(&path, "<%.*s> X", (int)a.n, a.p);
    must(address_parse_path(buf_slice(&path), o, &again, &rest) == FP_OK);
    must(slice_equal(again, a) && slice_equal(rest, SLICE_LIT("X")));
    buf_close(&path);
}

static void check_log(struct slice a)
{
    struct buf log;
    buf_init(&log, 4 * a.n);
    text_escape_address(a, &log);
    for (size_t i = 0; i < log.n; i++)
        must(!memchr(" ,<>\r\n\x1b\x7f", log.p[i], 8) && log.p[i] != '\0');
    buf_close(&log);
}

// An address that was given out, given in again, is itself.
static void check_canonical(struct slice a)
{
    struct address_scanner s;
    struct slice again;
    address_scan_init(&s, a);
    must(address_scan_next(&s, &again) == FP_OK && slice_equal(a, again));
    must(address_scan_next(&s, &again) == FP_NOT_FOUND);
    address_scan_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size), a, rest;
    if (address_check(text, true) == FP_OK)
        check_accepted(text);
    else
        must(address_check(text, false) != FP_OK);
    struct address_path_options o = {true, true, true, true};
    if (address_parse_path(text, o, &a, &rest) == FP_OK)
        must(a.p >= text.p && a.p + a.n <= text.p + text.n && rest.p + rest.n <= text.p + text.n);
    check_log(text);

    struct address_scanner s;
    enum fp_err err;
    size_t count = 0;
    address_scan_init(&s, text);
    while ((err = address_scan_next(&s, &a)) != FP_NOT_FOUND) {
        must(err == FP_OK || err == FP_INVALID);
        must(++count <= size);
        if (err == FP_OK) {
            check_canonical(a);
            if (address_check(a, true) == FP_OK)
                check_accepted(a);
        } else {
            must(a.n <= size);
        }
    }
    address_scan_close(&s);
    return 0;
}
