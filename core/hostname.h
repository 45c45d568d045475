// SPDX-License-Identifier: BSD-2-Clause
// hostname: is this a host name, or an address literal? RFC 1123 2.1, RFC 5321 4.1.3.
#ifndef FP_CORE_HOSTNAME_H
#define FP_CORE_HOSTNAME_H

#include "core/err.h"
#include "core/slice.h"

#include <stdbool.h>

// Labels of letters, digits, hyphens (not at an end) and underscores; not all numeric; at most 255
// octets as DNS writes it. One dot at the end is allowed.
bool hostname_is_valid(struct slice name);
// The same without that dot, and it may be all numeric: the Domain of RFC 5321 4.1.2.
bool hostname_has_valid_labels(struct slice name);
// The name without that dot, which stands for the root (RFC 1034 3.1): names are pasted out of
// zones and answers so. Any other text is as it was, "." too.
struct slice hostname_without_root(struct slice name);
bool hostname_is_ipv4(struct slice text); // dotted quad
bool hostname_is_ipv6(struct slice text); // as inet_pton reads it
// "[192.0.2.1]" or "[IPv6:2001:db8::1]"; ret_ip (may be NULL) borrows the plain IP text.
bool hostname_is_literal(struct slice text, struct slice *ret_ip);

// A network "192.0.2.0/24", "::1", "2001:db8::/32".
struct hostname_network {
    unsigned char bytes[16];
    int bits;
    bool is_ipv6;
};
// FP_INVALID also when bits behind the prefix are set: of "192.0.2.1/24" nobody can tell which part
// was the slip, and networks are what trust is given to.
enum fp_err hostname_parse_network(struct slice text, struct hostname_network *ret);
// ip is plain text; an IPv4-mapped IPv6 address is compared as IPv4.
bool hostname_in_network(const struct hostname_network *net, struct slice ip);

#endif
