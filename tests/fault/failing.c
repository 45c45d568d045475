// SPDX-License-Identifier: BSD-2-Clause
// failing: a library to be preloaded (LD_PRELOAD) that makes the n-th system call of some kinds
// fail. Unlike a tracer it numbers the calls of all threads in one order, costs nothing, and needs
// no privilege.
//
// The orders stand in the file named by FP_FAILING, eight native 32-bit numbers that are shared
// with the test while the program runs: the kinds that count (bits as in enum kind), the first and
// the last call that is to fail, how (enum how), how many were seen, how many failed, whether syncs
// lie. Writing a first call of 0 disarms.
//
// HOW_POWER and HOW_SCATTER cut the power: what was written to files since their last sync is
// undone, all of it or each write by chance, and the process dies. So a promise made before its
// sync is found out, which a mere kill, after which the kernel still writes everything, cannot do.
// Names of files are not undone. HOW_HANG lets the calls wait until the orders are taken back.
// Lying syncs do nothing and say that they did: a test of the tests.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    KIND_PWRITE = 1,
    KIND_SYNC = 2,
    KIND_WRITE = 4,
    KIND_WRITEV = 8,
    KIND_SENDMSG = 16,
    KIND_TRUNCATE = 32,
    KIND_UNLINK = 64,
};

enum how {
    HOW_KILL = 1,
    HOW_TORN, // half of a write is done first
    HOW_EIO,
    HOW_ENOSPC,
    HOW_EINTR,
    HOW_SHORT, // half of a write is done, which is no error
    HOW_POWER,
    HOW_SCATTER,
    HOW_HANG,
};

struct orders {
    uint32_t kinds, first, last, how;
    _Atomic uint32_t seen, failed;
    uint32_t lies, has_power;
};

// A write that no sync has covered yet, and what stood there before.
struct undo {
    struct undo *next; // the one before it
    dev_t device;
    ino_t inode;
    int fd; // of our own, never closed: closing any would drop the file's POSIX locks
    off_t at, size_before;
    bool is_doomed; // a sync of it failed
    size_t n;       // of what was written
    size_t had;     // of that, so much stood there before
    char before[];
};

static struct orders *orders;
static bool has_power;
static struct undo *newest;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FP_FAILING");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        abort();
    orders = p;
    has_power = orders->has_power;
}

// ---- undoing what was not synced
// -----------------------------------------------------------------

static int own_fd(int fd, const struct stat *st)
{
    for (struct undo *u = newest; u; u = u->next)
        if (u->inode == st->st_ino && u->device == st->st_dev)
            return u->fd;
    return fcntl(fd, F_DUPFD_CLOEXEC, 100);
}

static void remember(int fd, off_t at, size_t n)
{
    struct stat st;
    if (!has_power || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    struct undo *u = calloc(1, sizeof *u + n);
    if (!u)
        abort();
    *u = (struct undo){
        .device = st.st_dev, .inode = st.st_ino, .at = at, .size_before = st.st_size, .n = n};
    ssize_t had = pread(fd, u->before, n, at);
    u->had = had > 0 ? (size_t)had : 0;
    pthread_mutex_lock(&mutex);
    u->fd = own_fd(fd, &st);
    u->next = newest;
    newest = u;
    pthread_mutex_unlock(&mutex);
}

static void drop(struct undo **p)
{
    struct undo *u = *p;
    *p = u->next;
    free(u);
}

// Of the same file, at or behind `at`, before `end`, and lost by a sync before.
static void drop_doomed(const struct stat *st, struct undo **from, off_t at, off_t end)
{
    for (struct undo **p = from; *p;) {
        struct undo *u = *p;
        bool is_same = u->inode == st->st_ino && u->device == st->st_dev;
        if (is_same && u->is_doomed && u->at >= at && u->at + (off_t)u->n <= end)
            drop(p);
        else
            p = &u->next;
    }
}

static void forget_synced(const struct stat *st)
{
    for (struct undo **p = &newest; *p;) {
        struct undo *u = *p;
        if (u->inode != st->st_ino || u->device != st->st_dev || u->is_doomed) {
            p = &u->next;
            continue;
        }
        drop_doomed(st, &u->next, u->at, u->at + (off_t)u->n);
        drop(p);
    }
}

static void doom(const struct stat *st)
{
    for (struct undo *u = newest; u; u = u->next)
        if (u->inode == st->st_ino && u->device == st->st_dev)
            u->is_doomed = true;
}

static void note_sync(int fd, bool is_done)
{
    struct stat st;
    if (!has_power || fstat(fd, &st) != 0)
        return;
    pthread_mutex_lock(&mutex);
    if (is_done)
        forget_synced(&st);
    else
        doom(&st);
    pthread_mutex_unlock(&mutex);
}

// What is cut off needs no undoing of its own but this one.
static void note_truncation(int fd, off_t size)
{
    struct stat st;
    if (!has_power || fstat(fd, &st) != 0 || st.st_size <= size)
        return;
    remember(fd, size, (size_t)(st.st_size - size));
    pthread_mutex_lock(&mutex);
    drop_doomed(&st, &newest, size, st.st_size);
    pthread_mutex_unlock(&mutex);
}

static void wait_for_the_end(int signal)
{
    (void)signal;
    for (;;)
        pause();
}

// Another thread may have a file mapped (SQLite the index of its log) that becomes shorter here:
// what it meets is the cut, not a fault of its own.
static void let_others_wait(void)
{
    struct sigaction waits = {.sa_handler = wait_for_the_end};
    if (sigaction(SIGBUS, &waits, NULL) != 0)
        abort();
}

// Newest first. What is to survive stays as it is, unless an older write of the same place goes.
static void cut_power(bool is_scattered)
{
    uint32_t seed = orders->seen * 2654435761U;
    pthread_mutex_lock(&mutex); // never given back
    let_others_wait();
    for (struct undo *u = newest; u; u = u->next) {
        seed = seed * 1664525U + 1013904223U;
        if (is_scattered && !u->is_doomed && (seed >> 16) % 2 == 0)
            continue;
        // Where a file has grown all the same, there are zeros.
        if (syscall(SYS_pwrite64, u->fd, u->before, u->is_doomed ? u->n : u->had, u->at) < 0)
            abort();
        if (!is_scattered && !u->is_doomed && syscall(SYS_ftruncate, u->fd, u->size_before) != 0)
            abort();
    }
}

// ---- whether it is this call's turn
// --------------------------------------------------------------

_Noreturn static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void hang(void)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    while (*(volatile uint32_t *)&orders->first != 0)
        nanosleep(&pause, NULL);
}

static enum how turn(enum kind kind)
{
    if (!orders || !(orders->kinds & kind))
        return 0;
    uint32_t n = atomic_fetch_add(&orders->seen, 1) + 1;
    if (orders->first == 0 || n < orders->first || n > orders->last)
        return 0;
    atomic_fetch_add(&orders->failed, 1);
    switch ((enum how)orders->how) {
    case HOW_KILL:
        die();
    case HOW_POWER:
    case HOW_SCATTER:
        cut_power(orders->how == HOW_SCATTER);
        die();
    case HOW_HANG:
        hang();
        return 0;
    default:
        return (enum how)orders->how;
    }
}

// True if the call is to fail; errno says why. *n may have been halved.
static bool fails(enum how how, size_t *n)
{
    switch (how) {
    case HOW_EIO:
        errno = EIO;
        return true;
    case HOW_ENOSPC:
        errno = ENOSPC;
        return true;
    case HOW_EINTR:
        errno = EINTR;
        return true;
    case HOW_SHORT:
    case HOW_TORN:
        if (*n > sizeof(uint64_t)) // an eventfd takes all or nothing
            *n /= 2;
        return false;
    default:
        return false;
    }
}

static size_t slices(enum how how, size_t n)
{
    return (how == HOW_SHORT || how == HOW_TORN) && n > 1 ? n / 2 : n;
}

static ssize_t done(enum how how, long result)
{
    if (how == HOW_TORN)
        die();
    return (ssize_t)result;
}

// ---- the calls
// -----------------------------------------------------------------------------------

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    enum how how = turn(KIND_PWRITE);
    if (fails(how, &n))
        return -1;
    remember(fd, at, n);
    return done(how, syscall(SYS_pwrite64, fd, p, n, at));
}

ssize_t write(int fd, const void *p, size_t n)
{
    enum how how = turn(KIND_WRITE);
    if (fails(how, &n))
        return -1;
    return done(how, syscall(SYS_write, fd, p, n));
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    enum how how = turn(KIND_WRITEV);
    size_t n = 0;
    if (fails(how, &n))
        return -1;
    return done(how, syscall(SYS_writev, fd, v, slices(how, (size_t)count)));
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    enum how how = turn(KIND_SENDMSG);
    size_t n = 0;
    if (fails(how, &n))
        return -1;
    struct msghdr less = *m;
    less.msg_iovlen = slices(how, m->msg_iovlen);
    return done(how, syscall(SYS_sendmsg, fd, &less, flags));
}

static int sync_with(long number, int fd)
{
    size_t n = 0;
    enum how how = turn(KIND_SYNC);
    if (fails(how, &n)) {
        note_sync(fd, false);
        return -1;
    }
    if (orders && orders->lies)
        return 0;
    int rc = (int)done(how, syscall(number, fd));
    note_sync(fd, rc == 0);
    return rc;
}

int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

int ftruncate64(int fd, off64_t size)
{
    size_t n = 0;
    enum how how = turn(KIND_TRUNCATE);
    if (fails(how, &n))
        return -1;
    note_truncation(fd, size);
    return (int)done(how, syscall(SYS_ftruncate, fd, size));
}

int unlink(const char *path)
{
    size_t n = 0;
    enum how how = turn(KIND_UNLINK);
    if (fails(how, &n))
        return -1;
    return (int)done(how, syscall(SYS_unlink, path));
}
