// SPDX-License-Identifier: BSD-2-Clause
// system: users, directories, clock, service manager. See system_sys.h.
#include "io/system_sys.h"

#include "core/buf.h"
#include "core/must.h"
#include "core/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec ts;
    must(clock_gettime(clock, &ts) == 0);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t system_now_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t system_monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int system_utc_offset_s(int64_t now_ms)
{
    // Offsets change on quarters of an hour.
    static int64_t slot = INT64_MIN;
    static int offset;
    int64_t now_slot = now_ms / (15 * TIME_MINUTE_MS);
    if (now_slot != slot) {
        time_t t = (time_t)(now_ms / 1000);
        struct tm tm;
        if (localtime_r(&t, &tm))
            offset = (int)tm.tm_gmtoff;
        slot = now_slot;
    }
    return offset;
}

uint64_t system_seed(void)
{
    uint64_t seed;
    must(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    return seed;
}

enum fp_err system_find_user(const char *name, struct system_user *ret, struct buf *why)
{
    *ret = (struct system_user){.uid = geteuid(), .gid = getegid(), .is_kept = true};
    if (name && !name[0])
        return FP_OK;
    const struct passwd *pw = getpwnam(name ? name : "fermoposta");
    if (!pw && name) {
        buf_addf(why, "user = \"%s\": there is no such user on this machine", name);
        return FP_NOT_FOUND;
    }
    if (geteuid() != 0) {
        if (name && pw->pw_uid != geteuid())
            buf_addf(why, "user = \"%s\": only root can become another user; staying uid %u", name,
                     geteuid());
        return FP_OK;
    }
    if (!pw) {
        buf_addf(
            why,
            "running as root: there is no user \"fermoposta\"; make one, or set user = \"NAME\"");
        return FP_OK;
    }
    *ret = (struct system_user){.uid = pw->pw_uid, .gid = pw->pw_gid, .is_kept = pw->pw_uid == 0};
    return FP_OK;
}

enum fp_err system_prepare_directory(const char *path, const struct system_user *user,
                                     struct buf *why)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return FP_OK;
    size_t n = (size_t)(slash - path);
    if (n >= sizeof directory) {
        buf_addf(why, "%s: the path is too long", path);
        return FP_TOO_BIG;
    }
    memcpy(directory, path, n);
    directory[n] = '\0';
    if (mkdir(directory, 0755) == 0) {
        if (geteuid() == 0 && !user->is_kept && chown(directory, user->uid, user->gid) != 0) {
            buf_addf(why, "%s: %s", directory, strerror(errno));
            return FP_DENIED;
        }
        return FP_OK;
    }
    if (errno == EEXIST)
        return FP_OK;
    buf_addf(why, "the directory %s cannot be made: %s", directory, strerror(errno));
    return errno == EACCES || errno == EPERM ? FP_DENIED : FP_IO;
}

void system_own_file(const char *path, const struct system_user *user)
{
    if (geteuid() != 0 || user->is_kept)
        return;
    // By descriptor, and never a file with another name: the directory may be the user's already.
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1)
        (void)!fchown(fd, user->uid, user->gid);
    close(fd);
}

enum fp_err system_drop_privileges(const struct system_user *user, struct buf *why)
{
    if (user->is_kept)
        return FP_OK;
    if (setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
        setresuid(user->uid, user->uid, user->uid) != 0) {
        buf_addf(why, "root's rights cannot be given up: %s", strerror(errno));
        return FP_DENIED;
    }
    must(setuid(0) != 0); // there is no way back
    return FP_OK;
}

static bool is_member(uint32_t uid, gid_t gid, const struct passwd *pw, const char *group)
{
    if (uid == 0 || uid == geteuid())
        return true;
    const struct group *gr = group[0] ? getgrnam(group) : NULL;
    if (!gr)
        return false;
    if (gr->gr_gid == gid)
        return true;
    for (char **m = gr->gr_mem; pw && *m; m++)
        if (strcmp(*m, pw->pw_name) == 0)
            return true;
    return false;
}

void system_find_caller(int64_t uid, const char *group, struct system_caller *ret)
{
    enum { SLOTS = 16 };
    static struct {
        int64_t uid, until_ms;
        struct system_caller caller;
    } cache[SLOTS];
    int64_t now = system_now_ms();
    size_t slot = (size_t)uid % SLOTS;
    if (cache[slot].uid == uid && now < cache[slot].until_ms &&
        now > cache[slot].until_ms - TIME_MINUTE_MS - 1) {
        *ret = cache[slot].caller;
        return;
    }
    *ret = (struct system_caller){.is_operator = false};
    const struct passwd *pw = getpwuid((uid_t)uid);
    if (pw) {
        size_t n = strnlen(pw->pw_name, sizeof ret->name - 1);
        memcpy(ret->name, pw->pw_name, n);
    }
    ret->is_operator = is_member((uint32_t)uid, pw ? pw->pw_gid : (gid_t)-1, pw, group);
    cache[slot].uid = uid;
    cache[slot].until_ms = now + TIME_MINUTE_MS;
    cache[slot].caller = *ret;
}

void system_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof un.sun_path)
        return;
    memcpy(un.sun_path, path, strlen(path));
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        un.sun_path[0] = '\0';
    else
        size++;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un, size);
    close(fd);
}

void system_check_file_system(const char *path, struct buf *why)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } forgetful[] = {
        {0x01021994, "tmpfs, which does not survive a reboot"},
        {0x858458f6, "ramfs, which does not survive a reboot"},
        {0x794c7630, "an overlay, which goes with its container: mount a volume there"},
        {0x6969, "NFS, where SQLite's locks cannot be relied on"},
        {0xff534d42, "CIFS, where SQLite's locks cannot be relied on"},
        {0xfe534d42, "SMB, where SQLite's locks cannot be relied on"},
        {0x01021997, "9P, where SQLite's locks cannot be relied on"},
    };
    struct statfs st;
    if (statfs(path, &st) != 0)
        return;
    for (size_t i = 0; i < sizeof forgetful / sizeof *forgetful; i++)
        if ((unsigned long)st.f_type == forgetful[i].magic)
            buf_addf(why, "the spool %s lies on %s", path, forgetful[i].name);
}

void system_raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

char *system_machine_ips(void)
{
    struct ifaddrs *all, *at;
    struct buf ips;
    buf_init(&ips, SIZE_MAX);
    if (getifaddrs(&all) < 0)
        return must_strdup("");
    for (at = all; at; at = at->ifa_next) {
        char text[INET6_ADDRSTRLEN];
        const struct sockaddr *a = at->ifa_addr;
        if (!a || (a->sa_family != AF_INET && a->sa_family != AF_INET6))
            continue;
        const void *ip = a->sa_family == AF_INET
                             ? (const void *)&((const struct sockaddr_in *)a)->sin_addr
                             : (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr;
        if (inet_ntop(a->sa_family, ip, text, sizeof text))
            (void)buf_addf(&ips, "%s ", text);
    }
    freeifaddrs(all);
    char *ret = buf_steal(&ips, NULL);
    return ret ? ret : must_strdup("");
}
