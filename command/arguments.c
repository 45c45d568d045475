// SPDX-License-Identifier: BSD-2-Clause
// arguments: command lines of fermoposta, mailq and postqueue. See arguments.h.
#include "command/arguments.h"

#include "control/request.h"
#include "core/must.h"
#include "core/text.h"

#include <stdlib.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

// A walk over the words of a command line.
struct walk {
    const char *const *argv;
    size_t count, at;
    struct buf *why;
};

static const char *walk_next(struct walk *w)
{
    return w->at < w->count ? w->argv[w->at++] : NULL;
}

static void add_word(struct arguments *a, const char *word)
{
    a->words = must_realloc(a->words, (a->count + 1) * sizeof(*a->words));
    a->words[a->count++] = word;
}

void arguments_close(struct arguments *a)
{
    if (!a)
        return;
    free(a->words);
    *a = (struct arguments){0};
}

// Is `word` the option -X with a value, "-XVALUE" or "-X" "VALUE"? FP_NOT_FOUND when it is not.
static enum fp_err option_value(struct walk *w, const char *word, char letter, const char **ret)
{
    if (word[0] != '-' || word[1] != letter)
        return FP_NOT_FOUND;
    const char *value = word[2] ? word + 2 : walk_next(w);
    if (!value || *value == '\0') {
        buf_addf(w->why, "-%c needs a value behind it", letter);
        return FP_INVALID;
    }
    *ret = value;
    return FP_OK;
}

// Help and version, in any place before "--".
static bool is_information(struct arguments *a, const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        a->kind = ARGUMENTS_HELP;
    else if (strcmp(word, "--version") == 0)
        a->kind = ARGUMENTS_VERSION;
    else
        return false;
    return true;
}

static bool is_verb(struct arguments *a, const char *word)
{
    enum request_verb verb;
    if (strcmp(word, "daemon") == 0 || strcmp(word, "check") == 0 || strcmp(word, "simulate") == 0)
        a->kind = ARGUMENTS_DAEMON;
    else if (request_verb_parse(word, &verb))
        a->kind = ARGUMENTS_QUEUE;
    else
        return false;
    a->verb = word;
    return true;
}

static enum fp_err say_unknown_verb(const char *word, struct buf *why)
{
    const char *names[VERB_COUNT + 3] = {"daemon", "check", "simulate"};
    for (int verb = 0; verb < VERB_COUNT; verb++)
        names[verb + 3] = request_verb_name((enum request_verb)verb);
    buf_add_str(why, word[0] == '-' ? "unknown option \"" : "unknown verb \"");
    text_escape(slice_str(word), why);
    const char *nearest = word[0] == '-' ? NULL : text_nearest(word, names, COUNT_OF(names));
    if (nearest)
        buf_addf(why, "\"; did you mean \"%s\"?", nearest);
    else
        buf_add_str(why, "\"; fermoposta --help lists the verbs");
    return FP_INVALID;
}

enum fp_err arguments_parse(struct arguments *ret, const char *const *argv, size_t count,
                            struct buf *why)
{
    struct walk w = {.argv = argv, .count = count, .why = why};
    *ret = (struct arguments){0};
    const char *word;
    bool is_plain = false, is_value = false; // behind "--"; the value of --reason, whatever it is
    while ((word = walk_next(&w))) {
        enum fp_err err =
            is_plain || is_value ? FP_NOT_FOUND : option_value(&w, word, 'c', &ret->config_file);
        if (err == FP_INVALID)
            return err;
        if (err == FP_OK)
            continue;
        if (!is_plain && !is_value && is_information(ret, word))
            return FP_OK;
        if (ret->verb)
            add_word(ret, word);
        else if (!is_verb(ret, word))
            return say_unknown_verb(word, why);
        is_plain = is_plain || (!is_value && strcmp(word, "--") == 0);
        is_value = !is_value && strcmp(word, "--reason") == 0;
    }
    if (ret->verb)
        return FP_OK;
    buf_add_str(why, "a verb is missing; fermoposta --help lists them");
    return FP_INVALID;
}

enum fp_err arguments_parse_mailq(struct arguments *ret, const char *const *argv, size_t count,
                                  struct buf *why)
{
    struct walk w = {.argv = argv, .count = count, .why = why};
    *ret = (struct arguments){.kind = ARGUMENTS_QUEUE, .verb = "list"};
    add_word(ret, "--format=postfix");
    const char *word;
    while ((word = walk_next(&w))) {
        enum fp_err err = option_value(&w, word, 'C', &ret->config_file);
        if (err == FP_NOT_FOUND)
            err = option_value(&w, word, 'c', &ret->config_file);
        if (err == FP_INVALID)
            return err;
        if (err == FP_OK || strcmp(word, "-v") == 0)
            continue;
        if (is_information(ret, word))
            return FP_OK;
        add_word(ret, word);
    }
    return FP_OK;
}

// What postqueue's options stand for.
static bool postqueue_action(struct arguments *a, char letter)
{
    if (!strchr("pjfi", letter))
        return false;
    a->kind = ARGUMENTS_QUEUE;
    a->verb = letter == 'f' || letter == 'i' ? "flush" : "list";
    if (letter == 'p')
        add_word(a, "--format=postfix");
    if (letter == 'j')
        add_word(a, "--format=jsonl");
    return true;
}

enum fp_err arguments_parse_postqueue(struct arguments *ret, const char *const *argv, size_t count,
                                      struct buf *why)
{
    struct walk w = {.argv = argv, .count = count, .why = why};
    *ret = (struct arguments){0};
    const char *word, *id = NULL;
    while ((word = walk_next(&w))) {
        enum fp_err err = option_value(&w, word, 'c', &ret->config_file);
        if (err == FP_INVALID)
            return err;
        if (err == FP_OK || strcmp(word, "-v") == 0)
            continue;
        if (is_information(ret, word))
            return FP_OK;
        err = option_value(&w, word, 'i', &id);
        if (err == FP_INVALID)
            return err;
        bool is_known = err == FP_OK || (word[0] == '-' && word[1] && !word[2]);
        if (ret->verb || !is_known || !postqueue_action(ret, word[1])) {
            buf_add_str(why, ret->verb ? "only one of -p, -j, -f and -i ID can be asked for"
                                       : "write one of -p, -j, -f and -i ID");
            return FP_INVALID;
        }
        if (id)
            add_word(ret, id);
    }
    if (ret->verb)
        return FP_OK;
    buf_add_str(why, "write one of -p (list), -j (list as JSON), -f (flush) and -i ID (flush one)");
    return FP_INVALID;
}
