// SPDX-License-Identifier: BSD-2-Clause
// user_sys: the calling user, the clock and the random source. See user_sys.h.
#include "command/user_sys.h"

#include "core/buf.h"
#include "core/must.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
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

void user_look_up(struct user *ret)
{
    const struct passwd *account = getpwuid(getuid());
    const char *name = getenv("NAME");
    if (account) {
        ret->login = must_strdup(account->pw_name);
    } else {
        struct buf login; // containers run under ids that have no name
        buf_init(&login, SIZE_MAX);
        buf_addf(&login, "uid%u", (unsigned)getuid());
        ret->login = buf_steal(&login, NULL);
    }
    if (name && *name)
        ret->full_name = must_strdup(name);
    else
        ret->full_name = account && account->pw_gecos
                             ? name_of_gecos(account->pw_gecos, account->pw_name)
                             : must_strdup("");
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
