// SPDX-License-Identifier: BSD-2-Clause
// listener_bind: from the text of an address to a listening socket. See listener_bind_uv.h.
#include "io/listener_bind_uv.h"

#include "io/endpoint_sys.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENER_BACKLOG = 511 };

static const char unix_prefix[] = "unix:";

static void set_option(int fd, int level, int name)
{
    int on = 1;
    setsockopt(fd, level, name, &on,
               sizeof on); // a refusal costs speed or a restart's comfort only
}

static enum fp_err explain_tcp(const char *address, uint16_t port, int error, struct buf *why)
{
    switch (error) {
    case EADDRINUSE:
        buf_addf(why, "cannot listen on %s: another program listens there already", address);
        return FP_BUSY;
    case EACCES:
    case EPERM:
        buf_addf(why,
                 "cannot listen on %s: port %u is below the first free one; start as root, or give "
                 "the service CAP_NET_BIND_SERVICE",
                 address, port);
        return FP_DENIED;
    case EADDRNOTAVAIL:
        buf_addf(why,
                 "cannot listen on %s: this machine does not have that address; 0.0.0.0 and [::] "
                 "stand for all it has",
                 address);
        return FP_NOT_FOUND;
    case EAFNOSUPPORT:
        buf_addf(why, "cannot listen on %s: this machine has no IPv6", address);
        return FP_NOT_FOUND;
    default:
        buf_addf(why, "cannot listen on %s: %s", address, strerror(error));
        return FP_IO;
    }
}

static int open_tcp(const union endpoint *at, int backlog, uint16_t *ret_port)
{
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY); // accepted sockets inherit it: no call for each
    if (at->any.sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    union endpoint bound;
    socklen_t n = sizeof bound;
    if (bind(fd, &at->any, endpoint_size(at)) < 0 || listen(fd, backlog) < 0 ||
        getsockname(fd, &bound.any, &n) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    *ret_port = endpoint_port(&bound);
    return fd;
}

static enum fp_err bind_tcp(const char *address, int backlog, struct bound *ret, struct buf *why)
{
    union endpoint at;
    if (endpoint_parse(address, ENDPOINT_PORT_NEEDED, &at)) {
        buf_addf(why,
                 "\"%s\" is not an address to listen on; right are \"127.0.0.1:25\", \"[::1]:25\" "
                 "and \"unix:/path\" (no names, and always with a port)",
                 address);
        return FP_INVALID;
    }
    struct bound b = {0};
    b.fd = open_tcp(&at, backlog, &b.port);
    if (b.fd < 0)
        return explain_tcp(address, endpoint_port(&at), errno, why);
    *ret = b;
    return FP_OK;
}

static enum fp_err explain_unix(const char *path, int error, struct buf *why)
{
    switch (error) {
    case EADDRINUSE:
        buf_addf(why, "cannot listen on %s: another program listens there already", path);
        return FP_BUSY;
    case EACCES:
    case EPERM:
    case EROFS:
        buf_addf(why, "cannot make the socket %s: %s; its folder must be writable for this user",
                 path, strerror(error));
        return FP_DENIED;
    case ENOENT:
    case ENOTDIR:
        buf_addf(why, "cannot make the socket %s: its folder does not exist", path);
        return FP_NOT_FOUND;
    case EEXIST:
        buf_addf(why,
                 "cannot make the socket %s: a file that is no socket has that name, and is left "
                 "alone",
                 path);
        return FP_INVALID;
    default:
        buf_addf(why, "cannot make the socket %s: %s", path, strerror(error));
        return FP_IO;
    }
}

static enum fp_err fill_unix_address(const char *path, struct sockaddr_un *ret, struct buf *why)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path[0] != '/') {
        buf_addf(why, "\"%s%s\" is not an address to listen on; after unix: a full path stands",
                 unix_prefix, path);
        return FP_INVALID;
    }
    if (strlen(path) >= sizeof ret->sun_path) {
        buf_addf(why, "the path %s is too long for a socket: at most %zu bytes are right", path,
                 sizeof ret->sun_path - 1);
        return FP_INVALID;
    }
    memcpy(ret->sun_path, path, strlen(path) + 1);
    return FP_OK;
}

// A file left behind by a program that ended hard refuses connections; anything else that is at the
// path stays. Returns 0 when the way is free, or the errno that explains why it is not.
static int clear_stale(const struct sockaddr_un *at)
{
    struct stat st;
    if (lstat(at->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(st.st_mode))
        return EEXIST;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = connect(fd, (const struct sockaddr *)at, sizeof *at) < 0 ? errno : 0;
    close(fd);
    if (error != ECONNREFUSED) // it answers, or its backlog is full, or we may not ask
        return error == EACCES ? EACCES : EADDRINUSE;
    return unlink(at->sun_path) < 0 && errno != ENOENT ? errno : 0;
}

static int bind_or_replace(int fd, const struct sockaddr_un *at)
{
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return errno;
    int error = clear_stale(at);
    if (error)
        return error;
    return bind(fd, (const struct sockaddr *)at, sizeof *at) < 0 ? errno : 0;
}

// The mode is set between bind and listen: until then nobody can connect, so neither the umask nor
// a quick client decides who may.
static int open_unix(int fd, const struct sockaddr_un *at, int mode, int backlog, struct stat *st)
{
    int error = bind_or_replace(fd, at);
    if (error)
        return error;
    if (chmod(at->sun_path, (mode_t)mode) == 0 && listen(fd, backlog) == 0 &&
        lstat(at->sun_path, st) == 0)
        return 0;
    error = errno;
    unlink(at->sun_path);
    return error;
}

static enum fp_err bind_unix(const char *path, int mode, int backlog, struct bound *ret,
                             struct buf *why)
{
    struct sockaddr_un at;
    enum fp_err err = fill_unix_address(path, &at, why);
    if (err)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return explain_unix(path, errno, why);
    struct stat st;
    int error = open_unix(fd, &at, mode, backlog, &st);
    if (error) {
        close(fd);
        return explain_unix(path, error, why);
    }
    *ret = (struct bound){.fd = fd, .path = path, .dev = st.st_dev, .ino = st.st_ino};
    return FP_OK;
}

enum fp_err listener_bind(const char *address, int mode, int backlog, struct bound *ret,
                          struct buf *why)
{
    if (backlog <= 0)
        backlog = LISTENER_BACKLOG;
    size_t prefix_n = sizeof unix_prefix - 1;
    if (strncmp(address, unix_prefix, prefix_n) == 0)
        return bind_unix(address + prefix_n, mode, backlog, ret, why);
    return bind_tcp(address, backlog, ret, why);
}
