// SPDX-License-Identifier: BSD-2-Clause
// hostname: is this a host name, or an address literal? RFC 1123 2.1, RFC 5321 4.1.3.
#ifndef FP_CORE_HOSTNAME_H
#define FP_CORE_HOSTNAME_H

#include "core/err.h"
#include "core/slice.h"

#include <stdbool.h>

bool hostname_is_valid(struct slice name);     // LDH labels (and _), not all numeric, <= 255 octets
bool hostname_is_ipv4(struct slice text);      // dotted quad
bool hostname_is_ipv6(struct slice text);      // as inet_pton reads it
// "[192.0.2.1]" or "[IPv6:2001:db8::1]"; ret_ip borrows the plain IP text.
bool hostname_is_literal(struct slice text, struct slice *ret_ip);

// A network "192.0.2.0/24", "::1", "2001:db8::/32".
struct hostname_network { unsigned char bytes[16]; int bits; bool is_ipv6; };
enum fp_err hostname_parse_network(struct slice text, struct hostname_network *ret);
// ip is plain text; an IPv4-mapped IPv6 address is compared as IPv4.
bool hostname_in_network(const struct hostname_network *net, struct slice ip);

#endif
