// SPDX-License-Identifier: BSD-2-Clause
// spawn: runs a command N times, J at once, as programs do that send mail; each gets the same file
// as its input. It is small and uses posix_spawn, so that starting costs little beside what is
// started.
//
//     spawn [-r ROOT] [-u UID] N J FILE COMMAND [ARGUMENT...]
//
// With -r it is in that root directory, with -u it is that user (and group). FILE and COMMAND are
// paths there. What the commands leave running behind them is waited for, too, and counted. Prints
// one line: seconds until the last command had ended, how many failed, and CPU seconds, user and
// system, of all that were started.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_S = 600 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    perror(what);
    exit(EX_OSERR);
}

static void become(const char *root, uid_t uid)
{
    if (root && (chroot(root) < 0 || chdir("/") < 0))
        fail(root);
    if (uid && (setgroups(0, NULL) < 0 || setgid((gid_t)uid) < 0 || setuid(uid) < 0))
        fail("spawn: cannot become the user");
}

static pid_t start(char **argv, const char *file)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, file, O_RDONLY, 0);
    // Our own output is the result alone.
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    errno = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    if (errno)
        fail(argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

// Waits for a command; processes that were left behind by earlier ones and end meanwhile do not
// count.
static int await_command(pid_t *running, int at_once)
{
    for (;;) {
        int status;
        pid_t pid = wait(&status);
        if (pid < 0)
            fail("spawn: wait");
        for (int i = 0; i < at_once; i++)
            if (running[i] == pid) {
                running[i] = 0;
                return status;
            }
    }
}

static void run_all(char **argv, const char *file, int n, int at_once, int *ret_failed)
{
    pid_t *running = calloc((size_t)at_once, sizeof *running);
    if (!running)
        fail("spawn");
    int started = 0, ended = 0;
    while (ended < n) {
        for (int i = 0; i < at_once && started < n; i++)
            if (!running[i]) {
                running[i] = start(argv, file);
                started++;
            }
        *ret_failed += await_command(running, at_once) != 0;
        ended++;
    }
    free(running);
}

int main(int argc, char **argv)
{
    const char *root = NULL;
    uid_t uid = 0;
    int option;
    while ((option = getopt(argc, argv, "+r:u:")) != -1) {
        if (option == 'r')
            root = optarg;
        else if (option == 'u')
            uid = (uid_t)atoi(optarg);
        else
            return EX_USAGE;
    }
    argv += optind;
    if (argc - optind < 4 || atoi(argv[0]) < 1 || atoi(argv[1]) < 1) {
        fprintf(stderr, "usage: spawn [-r ROOT] [-u UID] N J FILE COMMAND [ARGUMENT...]\n");
        return EX_USAGE;
    }
    // Who is left by its parent becomes a child of ours, and its time is ours to count.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    become(root, uid);
    alarm(LIMIT_S);
    int failed = 0;
    double begin = now_s();
    run_all(argv + 3, argv[2], atoi(argv[0]), atoi(argv[1]), &failed);
    double took = now_s() - begin;
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    printf("%.6f %d %.6f %.6f\n", took, failed,
           (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6,
           (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec * 1e-6);
    return 0;
}
