// SPDX-License-Identifier: BSD-2-Clause
// resolvconf: what /etc/resolv.conf says about name servers. See resolvconf_dns.h.
#include "io/resolvconf_dns.h"

#include "core/time.h"

#include <resolv.h>
#include <string.h>
#include <sys/stat.h>

// IPv4 servers stand in the public list; IPv6 ones in an extension beside it, with family 0 in
// their place.
static bool get_server(const struct __res_state *res, int i, union endpoint *ret)
{
    const struct sockaddr_in6 *v6 = res->_u._ext.nsaddrs[i];
    if (res->nsaddr_list[i].sin_family == AF_INET) {
        *ret = (union endpoint){.v4 = res->nsaddr_list[i]};
        return true;
    }
    if (v6 && v6->sin6_family == AF_INET6) {
        *ret = (union endpoint){.v6 = *v6};
        return true;
    }
    return false;
}

enum fp_err resolvconf_read(struct resolvconf *ret)
{
    struct __res_state res;
    memset(&res, 0, sizeof res);
    if (res_ninit(&res) < 0)
        return FP_IO;
    struct resolvconf conf = {
        .try_ms = res.retrans * TIME_SECOND_MS,
        .tries = (uint32_t)res.retry,
        .trusts_ad = (res.options & RES_TRUSTAD) != 0,
    };
    for (int i = 0; i < res.nscount && i < MAXNS; i++)
        if (get_server(&res, i, &conf.servers[conf.server_count]))
            conf.server_count++;
    res_nclose(&res);
    if (conf.server_count == 0)
        return FP_IO;
    *ret = conf;
    return FP_OK;
}

bool resolvconf_has_changed(struct resolvconf_stamp *stamp)
{
    struct stat st;
    if (stat(_PATH_RESCONF, &st) < 0)
        memset(&st, 0, sizeof st);
    if (st.st_ino == stamp->ino && st.st_size == stamp->size &&
        st.st_mtim.tv_sec == stamp->mtime.tv_sec && st.st_mtim.tv_nsec == stamp->mtime.tv_nsec)
        return false;
    *stamp = (struct resolvconf_stamp){st.st_ino, st.st_size, st.st_mtim};
    return true;
}
