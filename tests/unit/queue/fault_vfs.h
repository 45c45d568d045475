// SPDX-License-Identifier: BSD-2-Clause
// fault_vfs: an SQLite VFS around the system's own that lets the n-th call of a kind fail, once.
// Only for tests. Files are opened through it while it is the default one (fault_install).
#ifndef FP_TEST_FAULT_VFS_H
#define FP_TEST_FAULT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

enum fault_call { FAULT_READ, FAULT_WRITE, FAULT_SYNC, FAULT_TRUNCATE, FAULT_CALLS };

struct fault_plan {
    enum fault_call call;
    int at;   // fails when it is the at-th (1 is the first); 0: never
    int code; // with this
    int seen;
    bool has_fired;
};

static struct fault_plan fault;

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; // right behind this
};

static inline bool fault_now(enum fault_call call)
{
    if (fault.at == 0 || fault.call != call || ++fault.seen != fault.at)
        return false;
    fault.has_fired = true;
    return true;
}

#define FAULT_REAL(f) (((struct fault_file *)(f))->real)

static inline int fault_close(sqlite3_file *f)
{
    return FAULT_REAL(f)->pMethods->xClose(FAULT_REAL(f));
}

static inline int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    if (fault_now(FAULT_READ))
        return fault.code;
    return FAULT_REAL(f)->pMethods->xRead(FAULT_REAL(f), p, n, at);
}

static inline int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (fault_now(FAULT_WRITE))
        return fault.code;
    return FAULT_REAL(f)->pMethods->xWrite(FAULT_REAL(f), p, n, at);
}

static inline int fault_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (fault_now(FAULT_TRUNCATE))
        return fault.code;
    return FAULT_REAL(f)->pMethods->xTruncate(FAULT_REAL(f), size);
}

static inline int fault_sync(sqlite3_file *f, int flags)
{
    (void)flags; // a simulated disk: what matters is whether the call says yes
    (void)f;
    return fault_now(FAULT_SYNC) ? fault.code : SQLITE_OK;
}

static inline int fault_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return FAULT_REAL(f)->pMethods->xFileSize(FAULT_REAL(f), size);
}

static inline int fault_lock(sqlite3_file *f, int level)
{
    return FAULT_REAL(f)->pMethods->xLock(FAULT_REAL(f), level);
}

static inline int fault_unlock(sqlite3_file *f, int level)
{
    return FAULT_REAL(f)->pMethods->xUnlock(FAULT_REAL(f), level);
}

static inline int fault_reserved(sqlite3_file *f, int *ret)
{
    return FAULT_REAL(f)->pMethods->xCheckReservedLock(FAULT_REAL(f), ret);
}

static inline int fault_control(sqlite3_file *f, int op, void *arg)
{
    return FAULT_REAL(f)->pMethods->xFileControl(FAULT_REAL(f), op, arg);
}

static inline int fault_sector(sqlite3_file *f)
{
    return FAULT_REAL(f)->pMethods->xSectorSize(FAULT_REAL(f));
}

static inline int fault_traits(sqlite3_file *f)
{
    return FAULT_REAL(f)->pMethods->xDeviceCharacteristics(FAULT_REAL(f));
}

static inline int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
    return FAULT_REAL(f)->pMethods->xShmMap(FAULT_REAL(f), page, size, extend, p);
}

static inline int fault_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return FAULT_REAL(f)->pMethods->xShmLock(FAULT_REAL(f), offset, n, flags);
}

static inline void fault_shm_barrier(sqlite3_file *f)
{
    FAULT_REAL(f)->pMethods->xShmBarrier(FAULT_REAL(f));
}

static inline int fault_shm_unmap(sqlite3_file *f, int remove)
{
    return FAULT_REAL(f)->pMethods->xShmUnmap(FAULT_REAL(f), remove);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_traits,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static sqlite3_vfs fault_vfs;
static sqlite3_vfs *fault_below;

static inline int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                             int *ret_flags)
{
    (void)vfs;
    struct fault_file *file = (struct fault_file *)f;
    file->real = (sqlite3_file *)(file + 1);
    int rc = fault_below->xOpen(fault_below, name, file->real, flags, ret_flags);
    f->pMethods = rc == SQLITE_OK ? &fault_methods : NULL;
    return rc;
}

static inline void fault_install(void)
{
    fault_below = sqlite3_vfs_find(NULL);
    fault_vfs = *fault_below;
    fault_vfs.zName = "fault";
    fault_vfs.pNext = NULL;
    fault_vfs.szOsFile += (int)sizeof(struct fault_file);
    fault_vfs.xOpen = fault_open;
    sqlite3_vfs_register(&fault_vfs, 1);
}

static inline void fault_arm(enum fault_call call, int at, int code)
{
    fault = (struct fault_plan){.call = call, .at = at, .code = code};
}

#endif
