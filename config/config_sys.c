// SPDX-License-Identifier: BSD-2-Clause
// config_sys: this machine's own name. See config_sys.h.
#include "config/config_sys.h"

#include "core/hostname.h"
#include "core/must.h"

#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MACHINE_NAME_SIZE = 256 };

// The resolver's name for `name`, when it is a better one: asked only for names without a dot,
// because the answer may take a while where no name server is reachable.
static char *canonical_name(const char *name)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char *canonical = NULL;
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return NULL;
    if (found && found->ai_canonname && strchr(found->ai_canonname, '.'))
        canonical = must_strdup(found->ai_canonname);
    freeaddrinfo(found);
    return canonical;
}

char *config_machine_name(void)
{
    char name[MACHINE_NAME_SIZE] = "";
    if (gethostname(name, sizeof(name) - 1) != 0 || !hostname_is_valid(slice_str(name)))
        return must_strdup("localhost");
    char *full = strchr(name, '.') ? NULL : canonical_name(name);
    if (!full || !hostname_is_valid(slice_str(full))) {
        free(full);
        full = must_strdup(name);
    }
    for (char *c = full; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return full;
}
