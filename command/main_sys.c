// SPDX-License-Identifier: BSD-2-Clause
// fermoposta: what people type, and what sendmail, mailq and postqueue are links to.
//
// Thin on purpose: programs start sendmail for every message, so it links libc, the configuration
// library and jansson only. Everything that needs more is fermopostad's.
#include "command/arguments.h"
#include "command/help.h"
#include "command/session_sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

typedef enum fp_err parse_arguments(struct arguments *ret, const char *const *argv, size_t count,
                                    struct buf *why);

// A socket that became descriptor 0 because the caller had closed it would be read as the message.
// What takes its place cannot be read, so that a message is asked for in vain: an empty one would
// go.
static bool has_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDWR) != fd)
            return false;
    return true;
}

static int print(const char *text)
{
    fputs(text, stdout);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int run(const char *program, const struct arguments *a)
{
    struct session session;
    session_init(&session, program, a->config_file);
    int code = EX_SOFTWARE;
    switch (a->kind) {
    case ARGUMENTS_HELP:
        code = print(help_text(program, a->verb));
        break;
    case ARGUMENTS_VERSION:
        code = print("fermoposta " FP_VERSION "\n");
        break;
    case ARGUMENTS_DAEMON:
        code = session_become_daemon(&session, a->verb, a->words, a->count);
        break;
    case ARGUMENTS_QUEUE:
        // As others' postqueue: what is run every few minutes by cron has nothing to say.
        session.is_quiet = strcmp(program, "fermoposta") != 0 && strcmp(a->verb, "flush") == 0;
        code = session_ask(&session, a->verb, a->words, a->count);
        break;
    }
    session_close(&session);
    return code;
}

static int parse_and_run(const char *program, parse_arguments *parse, const char *const *argv,
                         size_t count)
{
    struct arguments arguments = {0};
    struct buf why;
    buf_init(&why, ARGUMENTS_WHY_MAX);
    int code = EX_USAGE;
    if (parse(&arguments, argv, count, &why) == FP_OK)
        code = run(program, &arguments);
    else
        fprintf(stderr, "%s: %s\n", program, why.p ? why.p : "wrong arguments");
    arguments_close(&arguments);
    buf_close(&why);
    return code;
}

int main(int argc, char **argv)
{
    if (!has_standard_files())
        return EX_IOERR;
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = argc > 0 ? (slash ? slash + 1 : argv[0]) : "fermoposta";
    const char *const *words = (const char *const *)argv + (argc > 0);
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    if (strcmp(name, "sendmail") == 0)
        return sendmail_run(words, count);
    if (strcmp(name, "mailq") == 0)
        return parse_and_run("mailq", arguments_parse_mailq, words, count);
    if (strcmp(name, "postqueue") == 0)
        return parse_and_run("postqueue", arguments_parse_postqueue, words, count);
    return parse_and_run("fermoposta", arguments_parse, words, count);
}
