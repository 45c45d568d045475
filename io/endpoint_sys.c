// SPDX-License-Identifier: BSD-2-Clause
// endpoint: an IP address and a port, as text and as the kernel wants it. See endpoint_sys.h.
#include "io/endpoint_sys.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

static enum fp_err parse_port(const char *text, uint16_t *ret)
{
    size_t n = strlen(text);
    if (n < 1 || n > 5 || strspn(text, "0123456789") != n)
        return FP_INVALID;
    uint32_t port = 0;
    for (; *text; text++)
        port = port * 10 + (uint32_t)(*text - '0');
    if (port > UINT16_MAX)
        return FP_INVALID;
    *ret = (uint16_t)port;
    return FP_OK;
}

// Takes "[address]" or "[address]:port" apart; *ret_port is NULL when there is none.
static enum fp_err split_brackets(char *text, char **ret_ip, char **ret_port)
{
    char *end = strchr(text, ']');
    if (!end || (end[1] != '\0' && end[1] != ':') || !memchr(text, ':', (size_t)(end - text)))
        return FP_INVALID;
    *ret_ip = text + 1;
    *ret_port = end[1] == ':' ? end + 2 : NULL;
    *end = '\0';
    return FP_OK;
}

// One colon separates a port; more than one can only be a bare IPv6 address.
static void split_bare(char *text, char **ret_ip, char **ret_port)
{
    char *colon = strchr(text, ':');
    *ret_ip = text;
    *ret_port = NULL;
    if (!colon || strchr(colon + 1, ':'))
        return;
    *colon = '\0';
    *ret_port = colon + 1;
}

enum fp_err endpoint_parse(const char *text, int default_port, union endpoint *ret)
{
    char copy[ENDPOINT_TEXT_SIZE];
    size_t n = strlen(text);
    if (n >= sizeof copy)
        return FP_INVALID;
    memcpy(copy, text, n + 1);

    char *ip, *port_text;
    if (copy[0] != '[')
        split_bare(copy, &ip, &port_text);
    else if (split_brackets(copy, &ip, &port_text))
        return FP_INVALID;

    uint16_t port = (uint16_t)default_port;
    if (port_text ? parse_port(port_text, &port) != FP_OK : default_port == ENDPOINT_PORT_NEEDED)
        return FP_INVALID;
    return endpoint_from_ip(ip, port, ret);
}

// RFC 4007 11: the zone of a link-local address is an interface, by name or by number.
static enum fp_err parse_zone(const char *zone, uint32_t *ret)
{
    uint32_t index = if_nametoindex(zone);
    uint16_t number;
    if (index == 0 && parse_port(zone, &number) == FP_OK)
        index = number;
    if (index == 0)
        return FP_INVALID;
    *ret = index;
    return FP_OK;
}

enum fp_err endpoint_from_ip(const char *ip, uint16_t port, union endpoint *ret)
{
    union endpoint e = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    if (inet_pton(AF_INET, ip, &e.v4.sin_addr) == 1) {
        *ret = e;
        return FP_OK;
    }

    char copy[ENDPOINT_TEXT_SIZE];
    size_t n = strlen(ip);
    if (n >= sizeof copy)
        return FP_INVALID;
    memcpy(copy, ip, n + 1);
    char *zone = strchr(copy, '%');
    if (zone)
        *zone++ = '\0';
    e = (union endpoint){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    if (inet_pton(AF_INET6, copy, &e.v6.sin6_addr) != 1)
        return FP_INVALID;
    if (zone && parse_zone(zone, &e.v6.sin6_scope_id))
        return FP_INVALID;
    *ret = e;
    return FP_OK;
}

void endpoint_ip(const union endpoint *e, char ip[ENDPOINT_IP_SIZE])
{
    ip[0] = '\0';
    if (e->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &e->v4.sin_addr, ip, ENDPOINT_IP_SIZE);
    else if (e->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&e->v6.sin6_addr))
        inet_ntop(AF_INET, e->v6.sin6_addr.s6_addr + 12, ip, ENDPOINT_IP_SIZE);
    else if (e->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &e->v6.sin6_addr, ip, ENDPOINT_IP_SIZE);
}

uint16_t endpoint_port(const union endpoint *e)
{
    if (e->any.sa_family == AF_INET)
        return ntohs(e->v4.sin_port);
    return e->any.sa_family == AF_INET6 ? ntohs(e->v6.sin6_port) : 0;
}

socklen_t endpoint_size(const union endpoint *e)
{
    return e->any.sa_family == AF_INET6 ? sizeof e->v6 : sizeof e->v4;
}

bool endpoint_is_loopback(const union endpoint *e)
{
    if (e->any.sa_family == AF_INET)
        return ntohl(e->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return e->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&e->v6.sin6_addr);
}
