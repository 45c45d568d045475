// SPDX-License-Identifier: BSD-2-Clause
// shifted: a library to be preloaded (LD_PRELOAD) that shifts the wall clock of a program, while it
// runs, by as many seconds as the file named by FP_CLOCK says: one native 64-bit number, shared
// with the test. Other clocks are left as they are.
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *shift_s;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("FP_CLOCK");
    int fd = path ? open(path, O_RDONLY) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift_s, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map != MAP_FAILED)
        shift_s = map;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int result = (int)syscall(SYS_clock_gettime, clock, ret);
    if (result == 0 && clock == CLOCK_REALTIME && shift_s)
        ret->tv_sec += *shift_s;
    return result;
}
