// SPDX-License-Identifier: BSD-2-Clause
// resolver: see resolver_fs.h.
#include "config/resolver_fs.h"

#include "config/config.h"

#include <stdio.h>
#include <string.h>

// The first word of *rest, and *rest behind it.
static struct slice take_word(struct slice *rest)
{
    size_t n = 0;
    *rest = slice_trim(*rest);
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    struct slice word = slice_of(rest->p, n);
    *rest = slice_from(*rest, n);
    return word;
}

bool config_resolver_is_trusted(void)
{
    FILE *f = fopen("/etc/resolv.conf", "re");
    char line[1024];
    bool has_server = false, is_trusted = false;
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        struct slice rest = slice_str(line), key = take_word(&rest), word;
        bool is_server = slice_equal(key, SLICE_LIT("nameserver"));
        bool is_options = slice_equal(key, SLICE_LIT("options"));
        has_server |= is_server;
        while ((is_server || is_options) && (word = take_word(&rest)).n > 0)
            is_trusted |= is_server ? config_nameserver_is_loopback(word)
                                    : slice_equal(word, SLICE_LIT("trust-ad"));
    }
    if (f)
        fclose(f);
    return is_trusted || !has_server;
}
