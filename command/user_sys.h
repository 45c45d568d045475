// SPDX-License-Identifier: BSD-2-Clause
// user_sys: who is calling, and the small things of the moment that a message needs.
#ifndef FP_COMMAND_USER_SYS_H
#define FP_COMMAND_USER_SYS_H

#include <stdint.h>

struct user {
    char *login;     // of getuid(); "uid1000" when it has no name; owned
    char *full_name; // NAME, or the account's; ""; owned
};
void user_look_up(struct user *ret);
void user_close(struct user *u);

int64_t moment_now_ms(void);
int moment_utc_offset_s(int64_t now_ms);
uint64_t moment_seed(void);

#endif
