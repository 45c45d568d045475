// SPDX-License-Identifier: BSD-2-Clause
// wayout: see wayout_sys.h.
#include "io/wayout_sys.h"

#include "io/endpoint_sys.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// An interface with an address and a carrier, that is not the loopback. With its cable pulled out a
// machine keeps its routes, and every host becomes unreachable.
static bool is_up(const struct ifaddrs *i)
{
    unsigned wanted = IFF_UP | IFF_RUNNING;
    return i->ifa_addr && (i->ifa_flags & wanted) == wanted && !(i->ifa_flags & IFF_LOOPBACK) &&
           (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6);
}

static bool has_interface(void)
{
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0)
        return true;
    const struct ifaddrs *i = list;
    while (i && !is_up(i))
        i = i->ifa_next;
    freeifaddrs(list);
    return i != NULL;
}

static bool is_routeless(int error)
{
    return error == ENETUNREACH || error == ENETDOWN || error == EHOSTUNREACH ||
           error == EADDRNOTAVAIL;
}

// Connecting a datagram socket looks the route up and does no more.
static bool has_route(const char *ip)
{
    union endpoint to;
    if (endpoint_from_ip(ip, 53, &to))
        return false;
    int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno != EAFNOSUPPORT;
    bool is_there = connect(fd, &to.any, endpoint_size(&to)) == 0 || !is_routeless(errno);
    close(fd);
    return is_there;
}

// Name server A of the root: public, and in nobody's own network.
bool wayout_exists(const char *ip)
{
    return has_interface() &&
           (has_route(ip) || has_route("198.41.0.4") || has_route("2001:503:ba3e::2:30"));
}
