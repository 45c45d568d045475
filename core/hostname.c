// SPDX-License-Identifier: BSD-2-Clause
// hostname: the syntax of host names and address literals. See hostname.h.
#include "core/hostname.h"

enum { LABEL_MAX = 63, NAME_MAX_OCTETS = 253 }; // 255 as DNS writes it: RFC 1035 2.3.4

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_label(const char *p, size_t n)
{
    if (n == 0 || n > LABEL_MAX || p[0] == '-' || p[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_digit(p[i]) && !is_letter(p[i]) && p[i] != '-' && p[i] != '_')
            return false;
    return true;
}

bool hostname_has_valid_labels(struct slice name)
{
    if (name.n == 0 || name.n > NAME_MAX_OCTETS)
        return false;
    while (true) {
        const char *dot = memchr(name.p, '.', name.n);
        size_t n = dot ? (size_t)(dot - name.p) : name.n;
        if (!is_label(name.p, n))
            return false;
        if (!dot)
            return true;
        name = slice_from(name, n + 1);
    }
}

struct slice hostname_without_root(struct slice name)
{
    bool has_root = name.n > 1 && name.p[name.n - 1] == '.' && name.p[name.n - 2] != '.';
    return slice_of(name.p, name.n - has_root);
}

bool hostname_is_valid(struct slice name)
{
    name = hostname_without_root(name);
    if (!hostname_has_valid_labels(name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!is_digit(name.p[i]) && name.p[i] != '.')
            return true;
    return false; // 192.0.2.1 and 1234 are numbers, not names
}

bool hostname_is_literal(struct slice text, struct slice *ret_ip)
{
    if (text.n < 3 || text.p[0] != '[' || text.p[text.n - 1] != ']')
        return false;
    struct slice ip = slice_of(text.p + 1, text.n - 2);
    bool is_ipv6 = slice_starts_nocase(ip, SLICE_LIT("IPv6:"));
    if (is_ipv6)
        ip = slice_from(ip, 5);
    if (is_ipv6 ? !hostname_is_ipv6(ip) : !hostname_is_ipv4(ip))
        return false;
    if (ret_ip)
        *ret_ip = ip;
    return true;
}
