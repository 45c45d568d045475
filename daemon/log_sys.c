// SPDX-License-Identifier: BSD-2-Clause
// log: where log lines go. See log_sys.h.
#include "daemon/log_sys.h"

#include "core/must.h"
#include "core/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum { LOG_BUFFER_MAX = 1024 * 1024, LOG_FLUSH_AT = 64 * 1024 };

struct log {
    char *path; // of the file; NULL for the others
    char *prefix;
    int fd;              // -1: syslog
    bool is_bare;        // a service manager stamps the lines itself
    int64_t head_second; // of which head is
    struct buf head;     // stamp and prefix
    struct buf pending;
};

static enum fp_err open_file(struct log *l)
{
    int fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        return errno == EACCES || errno == EPERM ? FP_DENIED : FP_IO;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = fd;
    return FP_OK;
}

enum fp_err log_open(const char *where, const char *hostname, struct log **ret, struct buf *why)
{
    struct log *l = must_zalloc(sizeof *l);
    struct buf prefix;
    buf_init(&prefix, 1024);
    buf_addf(&prefix, "%s fermoposta[%ld]: ", hostname, (long)getpid());
    l->prefix = buf_steal(&prefix, NULL);
    l->fd = -1;
    l->head_second = -1;
    buf_init(&l->head, 1024 + TIME_TEXT_SIZE);
    buf_init(&l->pending, LOG_BUFFER_MAX);
    if (strcmp(where, "syslog") == 0) {
        openlog("fermoposta", LOG_PID | LOG_NDELAY, LOG_MAIL);
    } else if (strcmp(where, "stderr") == 0) {
        l->fd = STDERR_FILENO;
        l->is_bare = getenv("JOURNAL_STREAM") != NULL;
    } else {
        l->path = must_strdup(where);
        enum fp_err err = open_file(l);
        if (err) {
            buf_addf(why, "log = \"%s\": %s", where, strerror(errno));
            log_close(l);
            return err;
        }
    }
    *ret = l;
    return FP_OK;
}

void log_close(struct log *l)
{
    if (!l)
        return;
    log_flush(l);
    if (l->path && l->fd >= 0)
        close(l->fd);
    buf_close(&l->head);
    buf_close(&l->pending);
    free(l->prefix);
    free(l->path);
    free(l);
}

static int syslog_priority(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return LOG_ERR;
    case LOG_LEVEL_WARNING:
        return LOG_WARNING;
    case LOG_LEVEL_INFO:
        return LOG_INFO;
    default:
        return LOG_DEBUG;
    }
}

// "2026-11-21T23:40:00+01:00 host fermoposta[1]: ": RFC 3339 in local time, as rsyslog writes it.
// The same for all lines of a second.
static void add_head(struct log *l, int64_t now_ms, int utc_offset_s)
{
    if (now_ms / 1000 != l->head_second) {
        char iso[TIME_TEXT_SIZE];
        time_format_iso(now_ms + (int64_t)utc_offset_s * 1000, iso);
        int minutes = abs(utc_offset_s) / 60;
        buf_reset(&l->head);
        buf_addf(&l->head, "%.19s%c%02d:%02d %s", iso, utc_offset_s < 0 ? '-' : '+', minutes / 60,
                 minutes % 60, l->prefix);
        l->head_second = now_ms / 1000;
    }
    buf_add_slice(&l->pending, buf_slice(&l->head));
}

void log_line(struct log *l, enum log_level level, struct slice text, int64_t now_ms,
              int utc_offset_s)
{
    static const char *const words[] = {"error: ", "warning: ", "", ""};
    if (l->fd < 0) {
        syslog(syslog_priority(level), "%s%.*s", words[level], (int)text.n, text.p);
        return;
    }
    if (!l->is_bare)
        add_head(l, now_ms, utc_offset_s);
    buf_add_str(&l->pending, words[level]);
    buf_add_slice(&l->pending, text);
    buf_add_byte(&l->pending, '\n');
    if (l->pending.n >= LOG_FLUSH_AT)
        log_flush(l);
}

void log_flush(struct log *l)
{
    size_t done = 0;
    while (done < l->pending.n) {
        ssize_t n = write(l->fd, l->pending.p + done, l->pending.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; // a log that cannot be written must not stop the mail
        done += (size_t)n;
    }
    buf_reset(&l->pending);
}

enum fp_err log_reopen(struct log *l)
{
    log_flush(l);
    return l->path ? open_file(l) : FP_OK;
}

void log_give(struct log *l, uint32_t uid, uint32_t gid)
{
    // Only a file of root's own that has no other name: in a directory that is the user's already,
    // a link would have made us open, and give away, whatever it leads to.
    struct stat named, opened;
    if (l->path && l->fd >= 0 && geteuid() == 0 && lstat(l->path, &named) == 0 &&
        fstat(l->fd, &opened) == 0 && S_ISREG(named.st_mode) && named.st_ino == opened.st_ino &&
        named.st_dev == opened.st_dev && opened.st_nlink == 1)
        (void)!fchown(l->fd, uid, gid);
}
