// SPDX-License-Identifier: BSD-2-Clause
// system: what the daemon needs of the operating system: users, directories, clock, service
// manager.
#ifndef FP_IO_SYSTEM_SYS_H
#define FP_IO_SYSTEM_SYS_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

int64_t system_now_ms(void); // wall clock
// The wall clock, but never set back: else no timeout would pass until it has caught up.
int64_t system_monotonic_ms(void);
int system_utc_offset_s(int64_t now_ms); // of local time then; cached within a quarter of an hour
uint64_t system_seed(void);

// Who the daemon is to be. name NULL: "fermoposta" where that user exists, else as started
// (is_kept, with a warning in why when that is root); "": as started. FP_NOT_FOUND: named but
// unknown; why says so.
struct system_user {
    uint32_t uid, gid;
    bool is_kept;
};
enum fp_err system_find_user(const char *name, struct system_user *ret, struct buf *why);
// As root: makes the directory of `path` where it is missing and gives it to the user. Otherwise
// only makes it.
enum fp_err system_prepare_directory(const char *path, const struct system_user *user,
                                     struct buf *why);
// As root: gives an existing file to the user (a spool that root made before).
void system_own_file(const char *path, const struct system_user *user);
// Becomes the user for good: groups, gid, uid; nothing to do when is_kept. Checks that there is no
// way back.
enum fp_err system_drop_privileges(const struct system_user *user, struct buf *why);

// Is uid root, the daemon's own user, or a member of the group? name gets the login name (""
// unknown). Answers are remembered for a minute.
struct system_caller {
    bool is_operator;
    char name[64];
};
void system_find_caller(int64_t uid, const char *group, struct system_caller *ret);

// The IPs of this machine's interfaces, a blank behind each. The caller frees it.
char *system_machine_ips(void);

// One datagram to the service manager (NOTIFY_SOCKET); nothing where there is none.
void system_notify(const char *state);
// A sentence when the spool's file system may forget what it was told (tmpfs, overlay, network);
// else adds nothing.
void system_check_file_system(const char *path, struct buf *why);
// More descriptors: raises the soft limit to the hard one.
void system_raise_limits(void);

#endif
