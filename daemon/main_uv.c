// SPDX-License-Identifier: BSD-2-Clause
// main of fermopostad: the daemon itself, `check`, and the verbs that read the spool without it.
// People type `fermoposta`, which starts this where it is needed.
#include "core/address.h"
#include "core/must.h"
#include "daemon/config_conf.h"
#include "daemon/config_explain.h"
#include "daemon/offline_db.h"
#include "daemon/shell_uv.h"
#include "daemon/system_sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { WORDS_MAX = 256 };

struct arguments {
    const char *verb;
    const char *file;
    const char *words[WORDS_MAX];
    size_t word_count;
};

static int usage(const char *problem)
{
    fprintf(
        stderr,
        "fermopostad: %s\nusage: fermopostad daemon|check|list|show|stats [-c FILE] [WORD...]\n",
        problem);
    return EX_USAGE;
}

static int parse(int argc, char **argv, struct arguments *a)
{
    const char *file = getenv("FERMOPOSTA_CONF");
    *a = (struct arguments){.file = file && file[0] ? file : CONFIG_DEFAULT_FILE};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "-C") == 0) {
            if (++i == argc)
                return usage("-c needs the path of a configuration file");
            a->file = argv[i];
        } else if (!a->verb) {
            a->verb = argv[i];
        } else if (a->word_count < WORDS_MAX) {
            a->words[a->word_count++] = argv[i];
        } else {
            return usage("too many words");
        }
    }
    return a->verb ? EX_OK : usage("which verb?");
}

// Unknown users are a fault of the configuration too, though only this machine can tell.
static bool has_user(const struct config *c, struct buf *problems)
{
    struct system_user user;
    struct buf why;
    buf_init(&why, 4096);
    enum fp_err err = system_find_user(c->user, &user, &why);
    if (err)
        buf_addf(problems, "%s: %s\n", c->user_place ? c->user_place : c->file, buf_slice(&why).p);
    buf_close(&why);
    return err == FP_OK;
}

static int config_code(enum fp_err err)
{
    switch (err) {
    case FP_OK:
        return EX_OK;
    case FP_DENIED:
        return EX_NOPERM;
    case FP_NOT_FOUND:
        return EX_CONFIG;
    case FP_INVALID:
        return EX_CONFIG;
    default:
        return EX_IOERR;
    }
}

// check [--explain ADDRESS [--from SENDER]]
static int check(const struct config *c, const struct arguments *a)
{
    const char *address = NULL, *sender = NULL;
    for (size_t i = 0; i < a->word_count; i += 2) {
        const char **to = strcmp(a->words[i], "--explain") == 0 ? &address
                          : strcmp(a->words[i], "--from") == 0  ? &sender
                                                                : NULL;
        if (!to || *to || i + 1 == a->word_count)
            return usage("check takes --explain ADDRESS and with it --from SENDER");
        *to = a->words[i + 1];
    }
    if (!address && sender)
        return usage("--from goes with --explain ADDRESS");
    if (!address) {
        printf("%s: the configuration is good\n", a->file);
        return EX_OK;
    }
    if (address_check(slice_str(address), true) != FP_OK)
        return usage("--explain needs an address such as user@example.com");
    if (sender && strcmp(sender, "<>") == 0)
        sender = "";
    if (sender && sender[0] && address_check(slice_str(sender), true) != FP_OK)
        return usage("--from needs an address such as user@example.com, or <> for notices");
    struct buf text;
    buf_init(&text, 1024 * 1024);
    config_explain(c, address, sender, &text);
    fputs(buf_slice(&text).p, stdout);
    buf_close(&text);
    return EX_OK;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("fermopostad %s\n", FP_VERSION);
        return EX_OK;
    }
    struct arguments a;
    int code = parse(argc, argv, &a);
    if (code)
        return code;
    struct config config = {0};
    struct buf problems;
    buf_init(&problems, 1024 * 1024);
    code = config_code(config_load(a.file, &config, &problems));
    bool wants_user = strcmp(a.verb, "daemon") == 0 || strcmp(a.verb, "check") == 0;
    if (!code && wants_user && !has_user(&config, &problems))
        code = EX_CONFIG;
    fputs(buf_slice(&problems).p, stderr);
    buf_close(&problems);
    if (!code) {
        if (strcmp(a.verb, "daemon") == 0)
            code = a.word_count ? usage("daemon takes no further words") : shell_run(&config);
        else if (strcmp(a.verb, "check") == 0)
            code = check(&config, &a);
        else
            code = offline_run(&config, a.verb, a.words, a.word_count);
    }
    config_close(&config);
    return code;
}
