// SPDX-License-Identifier: BSD-2-Clause
// endpoint: an IP address and a port, as text and as the kernel wants it.
//
// Names are not looked up. Text is "192.0.2.1:25", "[2001:db8::1]:25", and without a port
// "192.0.2.1", "2001:db8::1" or "[2001:db8::1]"; a link-local address may carry "%eth0" (RFC 4007).
#ifndef FP_IO_ENDPOINT_SYS_H
#define FP_IO_ENDPOINT_SYS_H

#include "core/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

union endpoint {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

enum {
    ENDPOINT_TEXT_SIZE = 80,   // "[" IPv6 "%" interface "]:65535" and NUL
    ENDPOINT_IP_SIZE = 46,     // an IPv6 address and NUL
    ENDPOINT_PORT_NEEDED = -1, // as default_port: text without a port is refused
};

// FP_INVALID when text has none of the forms above. Port 0 is let through.
enum fp_err endpoint_parse(const char *text, int default_port, union endpoint *ret);

// The address alone ("192.0.2.1", "2001:db8::1", "fe80::1%eth0") with a port beside it. FP_INVALID.
enum fp_err endpoint_from_ip(const char *ip, uint16_t port, union endpoint *ret);

// The address without port and zone; one that is mapped into IPv6 (::ffff:192.0.2.1) as IPv4. ""
// for a family that is neither.
void endpoint_ip(const union endpoint *e, char ip[ENDPOINT_IP_SIZE]);
uint16_t endpoint_port(const union endpoint *e);
socklen_t endpoint_size(const union endpoint *e);
bool endpoint_is_loopback(const union endpoint *e); // 127.0.0.0/8 or ::1

#endif
