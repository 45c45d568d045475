// SPDX-License-Identifier: BSD-2-Clause
// user_sys: the calling user, the clock and the random source. See user_sys.h.
#include "command/user_sys.h"

#include "core/buf.h"
#include "core/must.h"

#include <ctype.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

// The first part of the comment field, where & stands for the capitalised login name.
static char *name_of_gecos(const char *gecos, const char *login)
{
    struct buf name;
    buf_init(&name, SIZE_MAX);
    buf_add_str(&name, "");
    for (; *gecos && *gecos != ','; gecos++) {
        if (*gecos != '&') {
            buf_add_byte(&name, *gecos);
            continue;
        }
        buf_add_byte(&name, (char)toupper((unsigned char)login[0]));
        buf_add_str(&name, login[0] ? login + 1 : "");
    }
    return buf_steal(&name, NULL);
}

// ---- /etc/passwd --------------------------------------------------------------------------------

// passwd(5): name:password:uid:gid:gecos:directory:shell.
enum { PASSWD_UID = 2, PASSWD_GECOS = 4, PASSWD_FIELDS = 5, PASSWD_PIECE = 4096 };

static bool is_uid(const char *text, unsigned uid)
{
    const char *digit = text;
    uint64_t n = 0;
    for (; *digit >= '0' && *digit <= '9' && n <= UINT32_MAX; digit++)
        n = n * 10 + (uint64_t)(*digit - '0');
    return digit > text && *digit == '\0' && n == uid;
}

// True when it is the account's line, which is cut into its fields.
static bool take_line(char *line, unsigned uid, struct user *ret)
{
    char *fields[PASSWD_FIELDS] = {NULL};
    for (int i = 0; i < PASSWD_FIELDS && line; i++)
        fields[i] = strsep(&line, ":");
    if (!fields[PASSWD_GECOS] || !*fields[0] || !is_uid(fields[PASSWD_UID], uid))
        return false;
    ret->login = must_strdup(fields[0]);
    ret->full_name = name_of_gecos(fields[PASSWD_GECOS], fields[0]);
    return true;
}

// False when it does not stand there, or a line is met that only the name services understand: one
// of NIS ("+", "-"), or one longer than any account's.
static bool find_in_file(const char *path, unsigned uid, struct user *ret)
{
    char piece[PASSWD_PIECE + 1];
    size_t n = 0;
    ssize_t more;
    bool is_found = false, is_plain = true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (!is_found && is_plain && (more = read(fd, piece + n, PASSWD_PIECE - n)) > 0) {
        char *line = piece, *end;
        n += (size_t)more;
        while (!is_found && is_plain && (end = memchr(line, '\n', n - (size_t)(line - piece)))) {
            *end = '\0';
            is_plain = *line != '+' && *line != '-';
            is_found = is_plain && take_line(line, uid, ret);
            line = end + 1;
        }
        n -= (size_t)(line - piece);
        memmove(piece, line, n);
    }
    close(fd);
    return is_found;
}

// ---- anybody ------------------------------------------------------------------------------------

static void ask_name_services(unsigned uid, struct user *ret)
{
    const struct passwd *account = getpwuid(uid);
    if (account) {
        ret->login = must_strdup(account->pw_name);
        ret->full_name = account->pw_gecos ? name_of_gecos(account->pw_gecos, account->pw_name)
                                           : must_strdup("");
        return;
    }
    struct buf login; // containers run under ids that have no name
    buf_init(&login, SIZE_MAX);
    buf_addf(&login, "uid%u", uid);
    ret->login = buf_steal(&login, NULL);
    ret->full_name = must_strdup("");
}

void user_look_up(const char *passwd_file, unsigned uid, struct user *ret)
{
    if (!find_in_file(passwd_file ? passwd_file : "/etc/passwd", uid, ret))
        ask_name_services(uid, ret);
}

void user_close(struct user *u)
{
    free(u->login);
    free(u->full_name);
    *u = (struct user){0};
}

int64_t moment_now_ms(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int moment_utc_offset_s(int64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm local;
    return localtime_r(&now, &local) ? (int)local.tm_gmtoff : 0;
}

uint64_t moment_seed(void)
{
    uint64_t seed = 0;
    // 8 bytes come whole or not at all; a Message-ID without them is still told apart by time and
    // pid.
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = (uint64_t)moment_now_ms() ^ ((uint64_t)getpid() << 40);
    return seed;
}
