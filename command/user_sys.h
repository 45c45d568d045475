// SPDX-License-Identifier: BSD-2-Clause
// user_sys: who is calling, and the small things of the moment that a message needs.
#ifndef FP_COMMAND_USER_SYS_H
#define FP_COMMAND_USER_SYS_H

#include <stdint.h>

struct user {
    char *login;     // of the uid; "uid1000" when it has no name; owned
    char *full_name; // the account's; ""; owned
};
// Looks where this machine's own accounts stand first, because asking the name services costs ten
// times as much; who does not stand there is asked for. passwd_file: NULL is /etc/passwd.
void user_look_up(const char *passwd_file, unsigned uid, struct user *ret);
void user_close(struct user *u);

int64_t moment_now_ms(void);
int moment_utc_offset_s(int64_t now_ms);
uint64_t moment_seed(void);

#endif
