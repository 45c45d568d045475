// SPDX-License-Identifier: BSD-2-Clause
// network: a way out of this machine appears. See network_uv.h.
#include "io/network_uv.h"

#include "core/must.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NETWORK_MAGIC = 0x6e657477, DATAGRAM_MAX = 32 * 1024, DATAGRAMS_AT_ONCE = 16 };

struct network {
    uint32_t magic;
    uv_poll_t poll;
    uv_timer_t quiet;
    int fd;
    unsigned open_handles;
    bool is_closing;
    network_appeared *on_appeared;
    void *arg;
};

static struct network *network_of(void *p)
{
    struct network *n = p;
    must(n->magic == NETWORK_MAGIC);
    return n;
}

static void on_quiet(uv_timer_t *timer)
{
    struct network *n = network_of(timer->data);
    if (!n->is_closing)
        n->on_appeared(n->arg);
}

// Each message begins the wait for quiet again.
static void note(struct network *n)
{
    uv_timer_start(&n->quiet, on_quiet, NETWORK_QUIET_MS, 0);
}

static bool is_appearance(const char *data, size_t size)
{
    const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)data;
    for (; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size))
        if (h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_NEWADDR)
            return true;
    return false;
}

// One datagram; false when there is none.
static bool read_one(struct network *n)
{
    static _Alignas(struct nlmsghdr) char data[DATAGRAM_MAX]; // one loop, one thread
    struct sockaddr_nl from;
    socklen_t from_size = sizeof from;
    ssize_t size =
        recvfrom(n->fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
    if (size < 0 && errno == ENOBUFS) { // some were lost: one of them may have been a route
        note(n);
        return true;
    }
    if (size < 0)
        return errno == EINTR;
    if (from_size == sizeof from && from.nl_pid == 0 && is_appearance(data, (size_t)size))
        note(n);
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct network *n = network_of(poll->data);
    (void)events;
    if (status < 0) { // the kernel's socket does not break; if it does, we go on without
        uv_poll_stop(poll);
        return;
    }
    for (int i = 0; i < DATAGRAMS_AT_ONCE && read_one(n); i++)
        ;
}

static int open_socket(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK,
        .nl_groups =
            RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
    };
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void on_closed(uv_handle_t *handle)
{
    struct network *n = network_of(handle->data);
    if (--n->open_handles > 0)
        return;
    close(n->fd);
    n->magic = 0;
    free(n);
}

enum fp_err network_open(uv_loop_t *loop, network_appeared *on_appeared, void *arg,
                         struct network **ret)
{
    int fd = open_socket();
    if (fd < 0)
        return FP_IO;
    struct network *n = must_zalloc(sizeof *n);
    *n = (struct network){.magic = NETWORK_MAGIC, .fd = fd, .on_appeared = on_appeared, .arg = arg};
    n->poll.data = n->quiet.data = n;
    if (uv_poll_init(loop, &n->poll, fd) < 0) {
        close(fd);
        free(n);
        return FP_IO;
    }
    uv_timer_init(loop, &n->quiet);
    n->open_handles = 2;
    uv_poll_start(&n->poll, UV_READABLE, on_readable);
    // Listening to the kernel keeps no loop alive by itself.
    uv_unref((uv_handle_t *)&n->poll);
    uv_unref((uv_handle_t *)&n->quiet);
    *ret = n;
    return FP_OK;
}

void network_close(struct network *n)
{
    if (!n || network_of(n)->is_closing)
        return;
    n->is_closing = true;
    uv_close((uv_handle_t *)&n->poll, on_closed);
    uv_close((uv_handle_t *)&n->quiet, on_closed);
}
