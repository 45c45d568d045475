// SPDX-License-Identifier: BSD-2-Clause
// request_target: what suspend and resume are about. See request_target.h.
#include "control/request_target.h"

#include "core/hostname.h"
#include "core/text.h"
#include "core/time.h"

#include <stdio.h>

enum { FOR_MIN_MS = 1000 };

static enum fp_err refuse(struct buf *why, const char *text)
{
    buf_add_str(why, text);
    return FP_INVALID;
}

static enum fp_err refuse_word(const char *word, const char *text, struct buf *why)
{
    buf_add_byte(why, '\'');
    text_escape(slice_str(word), why);
    buf_addf(why, "' %s", text);
    return FP_INVALID;
}

static enum fp_err read_sender(struct request_target *t, const char *word, struct buf *why)
{
    struct filter filter;
    if (!word[sizeof "from=" - 1])
        return refuse_word(word, "names nobody: write from=PATTERN, or from='<>' for notices", why);
    enum fp_err err = filter_parse(&word, 1, &filter, why);
    if (err)
        return err;
    const char *text = filter.terms[0].text;
    bool is_domain = text[0] && !strchr(text, '@') && !strchr(text, '*');
    t->kind = SUSPENSION_SENDER;
    int n = snprintf(t->name, sizeof t->name, "%s%s", is_domain ? "*@" : "", text);
    if (n > FILTER_TEXT_MAX)
        return refuse_word(word, "is too long for a pattern", why);
    return FP_OK;
}

static bool is_next_hop(const char *word)
{
    return strstr(word, "://") != NULL;
}

static enum fp_err read_destination(struct request_target *t, const char *word, struct buf *why)
{
    static const char wanted[] = "is no destination: write a domain (example.com), a next hop as "
                                 "stats shows it (smtp://relay:25), or from=PATTERN for a sender";
    if (!is_next_hop(word) && (strpbrk(word, "@=<>*~ ") || !word[0]))
        return refuse_word(word, wanted, why);
    if (strlen(word) > SUSPENSION_NAME_MAX)
        return refuse(why, "a destination's name has at most 1024 octets");
    t->kind = SUSPENSION_DESTINATION;
    struct slice name = slice_str(word);
    if (!is_next_hop(word))
        name = hostname_without_root(name);
    snprintf(t->name, sizeof t->name, "%.*s", (int)name.n, name.p);
    for (char *p = t->name; *p && !is_next_hop(word); p++) // domains are keyed in lower case
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return FP_OK;
}

enum fp_err request_target_read(struct request *r, const char *const *words, size_t count,
                                struct buf *why)
{
    struct request_target t = r->target;
    enum fp_err err = FP_OK;
    if (count > 1)
        return refuse(why, "one destination, or one from=PATTERN, at a time");
    if (count == 0)
        return FP_OK;
    if (strncasecmp(words[0], "from=", 5) == 0)
        err = read_sender(&t, words[0], why);
    else
        err = read_destination(&t, words[0], why);
    t.is_given = true;
    if (!err)
        r->target = t;
    return err;
}

enum fp_err request_target_read_for(struct request_target *t, const char *value, struct buf *why)
{
    int64_t ms;
    if (!value || time_parse_duration(slice_str(value), &ms) || ms < FOR_MIN_MS)
        return refuse(why,
                      "--for wants a length of time from 1s to 36525d (100 years), such as 2h or "
                      "1d12h");
    t->for_ms = ms;
    return FP_OK;
}

// Without a destination suspend lists what is suspended.
static enum fp_err check_listing(const struct request *r, struct buf *why)
{
    if (r->target.for_ms || r->target.is_forced || r->reason[0] || r->dry_run)
        return refuse(why, "suspend what? Write a domain, a next hop, from=PATTERN, or --all");
    if (r->format == LISTING_TABLE || r->format == LISTING_JSON || r->format == LISTING_JSONL)
        return FP_OK;
    return refuse(why, "suspend prints --format=table, --format=json or --format=jsonl");
}

enum fp_err request_target_check(const struct request *r, struct buf *why)
{
    if (r->target.is_given && r->all)
        return refuse(why, "either a destination or --all, not both");
    if (r->verb == VERB_SUSPEND && !r->target.is_given && !r->all)
        return check_listing(r, why);
    if (!r->target.is_given && !r->all)
        return refuse(why, "resume what? Write a domain, a next hop, from=PATTERN, or --all; "
                           "fermoposta suspend lists what is suspended");
    if (r->format != LISTING_TABLE)
        return refuse(why, "--format is for the listing, which suspend prints without a "
                           "destination");
    if (r->verb == VERB_RESUME && (r->target.for_ms || r->target.is_forced))
        return refuse(why, "resume knows no --for and no --force; suspend does");
    return FP_OK;
}
