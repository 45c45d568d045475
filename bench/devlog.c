// SPDX-License-Identifier: BSD-2-Clause
// devlog: the least that can be called a system log: what comes to a datagram socket goes into a
// file. A mail system under measurement that logs by syslog(3) in a root directory of its own needs
// one.
//
//     devlog SOCKET FILE          until SIGTERM
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (argc != 3 || strlen(argv[1]) >= sizeof at.sun_path) {
        fprintf(stderr, "usage: devlog SOCKET FILE\n");
        return EX_USAGE;
    }
    snprintf(at.sun_path, sizeof at.sun_path, "%s", argv[1]);
    unlink(argv[1]);
    umask(0);
    int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int to = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (from < 0 || to < 0 || bind(from, (struct sockaddr *)&at, sizeof at) < 0) {
        perror(argv[1]);
        return EX_CANTCREAT;
    }
    char line[8192];
    for (;;) {
        ssize_t n = recv(from, line, sizeof line - 1, 0);
        if (n <= 0)
            continue;
        if (line[n - 1] == '\0')
            n--;
        line[n++] = '\n';
        if (write(to, line, (size_t)n) != n) {
            perror(argv[2]);
            return EX_IOERR;
        }
    }
}
