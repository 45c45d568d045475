// SPDX-License-Identifier: BSD-2-Clause
// main of fermopostad: the daemon itself, `check`, `simulate`, and the verbs that read the spool
// without it.
// People type `fermoposta`, which starts this where it is needed.
#include "config/config_conf.h"
#include "config/explain.h"
#include "core/address.h"
#include "core/domain_idn2.h"
#include "core/must.h"
#include "daemon/offline_db.h"
#include "daemon/route_uv.h"
#include "daemon/shell_uv.h"
#include "io/system_sys.h"
#include "simulate/verb_sys.h"

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
        "fermopostad: %s\nusage: fermopostad daemon|check|simulate|list|show|stats|route [-c FILE] "
        "[WORD...]\n",
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

// check [--explain ADDRESS [--from SENDER] [--mx HOST]]
static int read_question(const struct arguments *a, struct config_question *q)
{
    for (size_t i = 0; i < a->word_count; i += 2) {
        const char **to = strcmp(a->words[i], "--explain") == 0 ? &q->address
                          : strcmp(a->words[i], "--from") == 0  ? &q->sender
                          : strcmp(a->words[i], "--mx") == 0    ? &q->host
                                                                : NULL;
        if (!to || *to || i + 1 == a->word_count)
            return usage("check takes --explain ADDRESS, and with it --from SENDER and --mx HOST");
        *to = a->words[i + 1];
    }
    if (!q->address && (q->sender || q->host))
        return usage("--from and --mx go with --explain ADDRESS");
    if (q->address && address_check(slice_str(q->address), true) != FP_OK)
        return usage("--explain needs an address such as user@example.com");
    if (q->sender && strcmp(q->sender, "<>") == 0)
        q->sender = "";
    if (q->sender && q->sender[0] && address_check(slice_str(q->sender), true) != FP_OK)
        return usage("--from needs an address such as user@example.com, or <> for notices");
    if (q->host && !hostname_is_valid(slice_str(q->host)))
        return usage("--mx needs the name of a host such as mx1.example.net");
    return EX_OK;
}

// Rows know domains as A-labels.
static int explain(const struct config *c, const struct config_question *asked)
{
    struct config_question q = *asked;
    struct buf text, address, sender;
    buf_init(&text, 1024 * 1024);
    buf_init(&address, ADDRESS_MAX);
    buf_init(&sender, ADDRESS_MAX);
    int code = EX_OK;
    if (domain_of_address_to_ascii(slice_str(q.address), &address) ||
        (q.sender && domain_of_address_to_ascii(slice_str(q.sender), &sender))) {
        code = usage("an address beyond ASCII has a domain that is no name by IDNA");
    } else {
        q.address = buf_slice(&address).p;
        q.sender = q.sender ? buf_slice(&sender).p : NULL;
        config_explain(c, &q, &text);
        fputs(buf_slice(&text).p, stdout);
    }
    buf_close(&text);
    buf_close(&address);
    buf_close(&sender);
    return code;
}

static int check(const struct config *c, const struct arguments *a)
{
    struct config_question q = {0};
    int code = read_question(a, &q);
    if (code)
        return code;
    if (!q.address) {
        printf("%s: the configuration is good\n", a->file);
        return EX_OK;
    }
    return explain(c, &q);
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
        else if (strcmp(a.verb, "simulate") == 0)
            code = verb_run(&config, a.words, a.word_count);
        else if (strcmp(a.verb, "route") == 0)
            code = route_run(&config, a.words, a.word_count);
        else
            code = offline_run(&config, a.verb, a.words, a.word_count);
    }
    config_close(&config);
    return code;
}
