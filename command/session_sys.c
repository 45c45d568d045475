// SPDX-License-Identifier: BSD-2-Clause
// session_sys: configuration, messages, and handing over to fermopostad. See session_sys.h.
#include "command/session_sys.h"

#include "config/config_conf.h"
#include "config/config_sys.h"
#include "config/glance_fs.h"
#include "core/must.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#ifndef FP_DAEMON_PATH
#define FP_DAEMON_PATH "/usr/local/sbin/fermopostad"
#endif

void session_init(struct session *s, const char *program, const char *option)
{
    const char *environment = getenv("FERMOPOSTA_CONF");
    if (environment && *environment == '\0')
        environment = NULL;
    *s = (struct session){
        .program = program,
        .config_file = option        ? option
                       : environment ? environment
                                     : CONFIG_DEFAULT_FILE,
    };
}

void session_close(struct session *s)
{
    free(s->socket);
    free(s->hostname);
}

// The whole of it, for what is wrong with it.
static int load_all(struct session *s)
{
    struct config config;
    struct buf problems;
    buf_init(&problems, CONFIG_PROBLEMS_MAX);
    enum fp_err err = config_load(s->config_file, &config, &problems);
    if (err) {
        fputs(problems.p ? problems.p : "", stderr);
    } else {
        s->socket = must_strdup(config.socket);
        s->hostname = must_strdup(config.hostname);
        config_close(&config);
    }
    buf_close(&problems);
    return err ? EX_CONFIG : EX_OK;
}

int session_load(struct session *s)
{
    struct config_glance g;
    if (!config_glance_read(s->config_file, config_setting_names, &g))
        return load_all(s);
    s->socket = must_strdup(*g.socket ? g.socket : CONFIG_DEFAULT_SOCKET);
    s->hostname = *g.hostname ? must_strdup(g.hostname) : NULL;
    return EX_OK;
}

const char *session_hostname(struct session *s)
{
    if (!s->hostname)
        s->hostname = config_machine_name();
    return s->hostname;
}

int session_fail(const struct session *s, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", s->program);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

static void try_exec(const char *folder, const char *below, char **argv)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", folder, below);
    if (n > 0 && (size_t)n < sizeof(path))
        execv(path, argv);
}

// A build folder and an unpacked tree have it beside us or in the neighbouring sbin.
static void try_exec_beside(char **argv)
{
    static const char *const places[] = {"fermopostad", "../sbin/fermopostad",
                                         "../libexec/fermopostad"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        try_exec(self, places[i], argv);
}

int session_become_daemon(const struct session *s, const char *verb, const char *const *words,
                          size_t count)
{
    char **argv = must_alloc((count + 5) * sizeof(*argv));
    size_t n = 0;
    argv[n++] = must_strdup("fermopostad");
    argv[n++] = must_strdup(verb);
    argv[n++] = must_strdup("-c");
    argv[n++] = must_strdup(s->config_file);
    for (size_t i = 0; i < count; i++)
        argv[n++] = must_strdup(words[i]);
    argv[n] = NULL;
    try_exec_beside(argv);
    execv(FP_DAEMON_PATH, argv);
    int error = errno;
    while (n > 0)
        free(argv[--n]);
    free(argv);
    return session_fail(s, EX_OSFILE,
                        "cannot run fermopostad, which is to stand beside this "
                        "program or at %s: %s",
                        FP_DAEMON_PATH, strerror(error));
}
