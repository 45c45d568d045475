// SPDX-License-Identifier: BSD-2-Clause
// sendmail_arguments: the options of sendmail. See sendmail_arguments.h.
#include "command/sendmail_arguments.h"

#include "core/must.h"
#include "core/text.h"

#include <stdint.h>
#include <stdlib.h>

struct walk {
    const char *const *argv;
    size_t count, at;
    struct sendmail_arguments *a;
    struct buf *why;
};

// Letters by what stands behind them. With a value: attached, or else the next word.
static const char with_value[] = "ABCDFLNOQRVXbefhopr";
static const char without_value[] = "GUcimnstvx";
static const char maybe_attached[] = "dq"; // only attached: "-q" alone is complete

void sendmail_arguments_close(struct sendmail_arguments *a)
{
    if (!a)
        return;
    free(a->recipients);
    free(a->flush_term);
    *a = (struct sendmail_arguments){0};
}

static enum fp_err refuse_mode(char mode, struct buf *why)
{
    if (mode == 'v' || mode == 't')
        buf_addf(why, "-b%c is not there: addresses are routed at each attempt, not tried out",
                 mode);
    else if (mode == 'i')
        buf_add_str(why, "-bi is not there: there is no alias database to build");
    else if (mode)
        buf_addf(why, "-b%c is not there; write -bm, -bs, -bp or -bd", mode);
    else
        buf_add_str(why, "-b needs a letter: -bm, -bs, -bp or -bd");
    return FP_INVALID;
}

static enum fp_err take_mode(struct walk *w, const char *value)
{
    switch (value[0] && !value[1] ? value[0] : '\0') {
    case 'm':
        w->a->mode = SENDMAIL_SUBMIT;
        return FP_OK;
    case 's':
        w->a->mode = SENDMAIL_SMTP;
        return FP_OK;
    case 'p':
        w->a->mode = SENDMAIL_LIST;
        return FP_OK;
    case 'd':
    case 'D':
        w->a->mode = SENDMAIL_DAEMON;
        return FP_OK;
    default:
        return refuse_mode(value[0], w->why);
    }
}

// -q alone and -qINTERVAL: everything. An interval would be a second timetable beside `retry`.
static void take_flush(struct walk *w, const char *value)
{
    if (w->a->mode == SENDMAIL_DAEMON)
        return; // "-bd -q30m" of boot scripts
    w->a->mode = SENDMAIL_FLUSH;
    struct buf term;
    buf_init(&term, SIZE_MAX);
    if (value[0] == 'I' && value[1])
        buf_add_str(&term, value + 1);
    else if (value[0] == 'R' && value[1])
        buf_addf(&term, "to=*%s*", value + 1);
    else if (value[0] == 'S' && value[1])
        buf_addf(&term, "from=*%s*", value + 1);
    free(w->a->flush_term);
    w->a->flush_term = buf_steal(&term, NULL);
}

static enum fp_err take_notify(struct walk *w, const char *value)
{
    if (dsn_notify_parse(slice_str(value), &w->a->notify))
        return FP_OK;
    buf_add_str(w->why, "-N knows never, or a list of success, failure and delay with commas");
    return FP_INVALID;
}

static enum fp_err take_return(struct walk *w, const char *value)
{
    if (dsn_ret_parse(slice_str(value), &w->a->ret))
        return FP_OK;
    buf_add_str(w->why, "-R knows full and hdrs");
    return FP_INVALID;
}

static enum fp_err take_envid(struct walk *w, const char *value)
{
    struct buf xtext;
    buf_init(&xtext, 4 * DSN_ENVID_MAX);
    dsn_xtext_encode(slice_str(value), &xtext);
    bool is_good = dsn_envid_is_valid(buf_slice(&xtext));
    buf_close(&xtext);
    w->a->envid = value;
    if (is_good)
        return FP_OK;
    buf_add_str(w->why, "-V takes an envelope id of at most 100 printable characters");
    return FP_INVALID;
}

// -B and -O say something; the other options with a value are taken in silence.
static enum fp_err take_value(struct walk *w, char letter, const char *value)
{
    switch (letter) {
    case 'B':
        w->a->is_8bit = slice_equal_nocase(slice_str(value), SLICE_LIT("8BITMIME"));
        if (w->a->is_8bit || slice_equal_nocase(slice_str(value), SLICE_LIT("7BIT")))
            return FP_OK;
        buf_add_str(w->why, "-B knows 7BIT and 8BITMIME");
        return FP_INVALID;
    case 'C':
        w->a->config_file = value;
        return FP_OK;
    case 'F':
        w->a->full_name = value;
        return FP_OK;
    case 'N':
        return take_notify(w, value);
    case 'R':
        return take_return(w, value);
    case 'V':
        return take_envid(w, value);
    case 'O':
        if (slice_equal_nocase(slice_str(value), SLICE_LIT("IgnoreDots=true")))
            w->a->dot_ends = false;
        return FP_OK;
    case 'b':
        return take_mode(w, value);
    case 'f':
    case 'r':
        w->a->sender = value;
        return FP_OK;
    case 'o':
        if (strcmp(value, "i") == 0)
            w->a->dot_ends = false;
        return FP_OK;
    default:
        return FP_OK;
    }
}

static void take_letter(struct walk *w, char letter)
{
    if (letter == 't')
        w->a->takes_recipients = true;
    else if (letter == 'i')
        w->a->dot_ends = false;
}

// One word of options, "-oi" or "-tv" or "-fADDRESS": letters without a value may stand together.
static enum fp_err take_options(struct walk *w, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        const char *value = letter + 1;
        if (strchr(with_value, *letter)) {
            // An attached value of no length is none: the next word counts, which may be "" (-f
            // "").
            if (*value == '\0' && w->at < w->count)
                value = w->argv[w->at++];
            else if (*value == '\0') {
                buf_addf(w->why, "-%c needs a value behind it", *letter);
                return FP_INVALID;
            }
            return take_value(w, *letter, value);
        }
        if (strchr(maybe_attached, *letter)) {
            if (*letter == 'q')
                take_flush(w, value);
            return FP_OK;
        }
        if (*letter == 'I')
            return refuse_mode('i', w->why);
        if (!strchr(without_value, *letter)) {
            buf_add_str(w->why, "unknown option \"-");
            text_escape(slice_of(letter, 1), w->why);
            buf_add_str(w->why, "\"; sendmail --help lists them");
            return FP_INVALID;
        }
        take_letter(w, *letter);
    }
    return FP_OK;
}

static enum fp_err take_long_option(struct walk *w, const char *word)
{
    static const char *const names[] = {"--help", "--version", "--require-tls"};
    if (strcmp(word, names[0]) == 0)
        w->a->mode = SENDMAIL_HELP;
    else if (strcmp(word, names[1]) == 0)
        w->a->mode = SENDMAIL_VERSION;
    else if (strcmp(word, names[2]) == 0)
        w->a->requires_tls = true;
    else {
        const char *nearest = text_nearest(word, names, sizeof(names) / sizeof(names[0]));
        buf_add_str(w->why, "unknown option \"");
        text_escape(slice_str(word), w->why);
        if (nearest)
            buf_addf(w->why, "\"; did you mean \"%s\"?", nearest);
        else
            buf_add_str(w->why, "\"; sendmail --help lists them");
        return FP_INVALID;
    }
    return FP_OK;
}

static void take_recipient(struct walk *w, const char *word)
{
    struct sendmail_arguments *a = w->a;
    a->recipients = must_realloc(a->recipients, (a->count + 1) * sizeof(*a->recipients));
    a->recipients[a->count++] = word;
}

enum fp_err sendmail_arguments_parse(struct sendmail_arguments *ret, const char *const *argv,
                                     size_t count, struct buf *why)
{
    *ret = (struct sendmail_arguments){.dot_ends = true};
    struct walk w = {.argv = argv, .count = count, .a = ret, .why = why};
    bool is_plain = false;
    while (w.at < w.count) {
        const char *word = w.argv[w.at++];
        enum fp_err err = FP_OK;
        if (is_plain || word[0] != '-' || word[1] == '\0')
            take_recipient(&w, word);
        else if (strcmp(word, "--") == 0)
            is_plain = true;
        else if (word[1] == '-')
            err = take_long_option(&w, word);
        else
            err = take_options(&w, word);
        if (err)
            return err;
        if (ret->mode == SENDMAIL_HELP || ret->mode == SENDMAIL_VERSION)
            return FP_OK;
    }
    return FP_OK;
}

void sendmail_arguments_dsn(const struct sendmail_arguments *a, struct buf *mail, struct buf *rcpt)
{
    if (a->ret)
        (void)buf_add_all(mail, " RET=", dsn_ret_name(a->ret));
    if (a->envid) {
        (void)buf_add_str(mail, " ENVID=");
        dsn_xtext_encode(slice_str(a->envid), mail);
    }
    if (a->requires_tls)
        (void)buf_add_str(mail, " REQUIRETLS");
    if (a->notify) {
        (void)buf_add_str(rcpt, " NOTIFY=");
        dsn_notify_add(a->notify, rcpt);
    }
}
