// SPDX-License-Identifier: BSD-2-Clause
// request: what one operator's command asks of the daemon. See request.h.
#include "control/request.h"

#include "control/request_target.h"
#include "core/must.h"
#include "core/text.h"
#include "core/time.h"

#include <stdio.h>

static const char *const verb_names[VERB_COUNT] = {
    [VERB_LIST] = "list",       [VERB_SHOW] = "show",       [VERB_FLUSH] = "flush",
    [VERB_HOLD] = "hold",       [VERB_RELEASE] = "release", [VERB_REMOVE] = "remove",
    [VERB_BOUNCE] = "bounce",   [VERB_REQUEUE] = "requeue", [VERB_STATS] = "stats",
    [VERB_SUSPEND] = "suspend", [VERB_RESUME] = "resume",   [VERB_WHY] = "why",
    [VERB_PLAN] = "plan",       [VERB_ROUTE] = "route",
};

const char *request_verb_name(enum request_verb verb)
{
    must((unsigned)verb < VERB_COUNT);
    return verb_names[verb];
}

bool request_verb_parse(const char *name, enum request_verb *ret)
{
    for (int i = 0; i < VERB_COUNT; i++)
        if (strcmp(name, verb_names[i]) == 0) {
            *ret = (enum request_verb)i;
            return true;
        }
    return false;
}

static enum fp_err refuse(struct buf *why, const char *first, const char *rest)
{
    buf_add_str(why, first);
    buf_add_str(why, rest);
    return FP_INVALID;
}

// flush without a filter means everything: to try early does no harm.
static bool needs_filter(enum request_verb verb)
{
    return request_changes(verb) && verb != VERB_FLUSH && !request_has_target(verb);
}

static const char why_takes[] = " takes one queue id, one address, or one destination: a domain or "
                                "the name of a next hop, such as smtp://relay.example:25";

static const char route_takes[] = " takes addresses such as user@example.com, user@[192.0.2.1], a "
                                  "local user's name, or a domain";

static const char stats_takes[] = "stats takes no words, it is of the whole queue; list takes a "
                                  "filter";

static const char plan_takes[] = "plan takes no words, it is of the whole queue; how far it looks "
                                 "ahead is --for=2h";

// Whatever the words look like: they are no filter that was mistyped.
static enum fp_err refuse_words(enum request_verb verb, struct buf *why)
{
    return refuse(why, verb == VERB_PLAN ? plan_takes : stats_takes, "");
}

static bool is_of_all(enum request_verb verb)
{
    return verb == VERB_STATS || verb == VERB_PLAN;
}

static enum fp_err check_options(const struct request *r, struct buf *why)
{
    const char *name = request_verb_name(r->verb);
    if (r->dry_run && !request_changes(r->verb))
        return refuse(why, name, " changes nothing, so --dry-run has no meaning with it");
    if (r->reason[0] && !request_changes(r->verb))
        return refuse(why, name, " changes nothing, so --reason has no meaning with it");
    if (r->all && !request_changes(r->verb))
        return refuse(why, name, " needs no --all");
    if (r->part != SHOW_ALL && r->verb != VERB_SHOW)
        return refuse(why, name, " knows no --headers, --body or --envelope; show does");
    if (request_has_target(r->verb))
        return request_target_check(r, why);
    bool has_text = r->verb == VERB_WHY || r->verb == VERB_ROUTE;
    bool is_report = is_of_all(r->verb);
    if (r->format != LISTING_TABLE && r->verb != VERB_LIST && !has_text && !is_report)
        return refuse(why, name, " knows no --format; list, stats, why, plan and route do");
    if (is_report && r->format != LISTING_TABLE && r->format != LISTING_JSON)
        return refuse(why, name, " prints --format=table or --format=json");
    return FP_OK;
}

enum fp_err request_check(const struct request *r, struct buf *why)
{
    const char *name = request_verb_name(r->verb);
    enum fp_err err = check_options(r, why);
    if (err)
        return err;
    if (r->verb == VERB_SHOW && !filter_is_one_id(&r->filter))
        return refuse(why, name, " takes exactly one queue id, such as 0A1B2C3D4E5F");
    if (is_of_all(r->verb) && r->filter.count > 0)
        return refuse_words(r->verb, why);
    if (r->verb == VERB_WHY && !r->subject[0])
        return refuse(why, name, why_takes);
    if (r->verb == VERB_ROUTE && !r->subject[0])
        return refuse(why, name, route_takes);
    if (r->all && r->filter.count > 0)
        return refuse(why, name, " takes either a filter or --all, not both");
    if (needs_filter(r->verb) && r->filter.count == 0 && !r->all)
        return refuse(why, name,
                      " without a filter would act on the whole queue; say --all if that is meant");
    return FP_OK;
}

bool request_does_change(const struct request *r)
{
    bool is_listing = r->verb == VERB_SUSPEND && !r->all && !r->target.is_given;
    return request_changes(r->verb) && !is_listing;
}

int64_t request_scope_uid(const struct request_caller *c)
{
    return c->is_operator ? -1 : c->uid;
}

// --- the words of a command line ---

struct request_words {
    const char *const *words;
    size_t count, at;
    struct buf *why;
};

static const char *const request_options[] = {"--format",   "--reason",  "--all",
                                              "--dry-run",  "--headers", "--body",
                                              "--envelope", "--for",     "--force"};
enum { REQUEST_OPTIONS = sizeof request_options / sizeof request_options[0], TARGET_OPTIONS = 2 };

// Is the present word that option, with a value behind "=" or in the next word? *ret_value is NULL
// when the value is missing.
static bool is_valued(struct request_words *w, const char *option, const char **ret_value)
{
    const char *word = w->words[w->at];
    size_t n = strlen(option);
    if (strncmp(word, option, n) != 0 || (word[n] != '=' && word[n] != '\0'))
        return false;
    if (word[n] == '=')
        *ret_value = word + n + 1;
    else
        *ret_value = w->at + 1 < w->count ? w->words[++w->at] : NULL;
    return true;
}

static enum fp_err read_format(struct request *r, const char *value, struct buf *why)
{
    if (r->verb == VERB_WHY || r->verb == VERB_ROUTE) { // in words of its own
        bool is_text = value && strcmp(value, "text") == 0;
        r->format = is_text ? LISTING_TABLE : LISTING_JSON;
        if (is_text || (value && strcmp(value, "json") == 0))
            return FP_OK;
        return refuse(why, request_verb_name(r->verb), " prints --format=text or --format=json");
    }
    if (value && listing_format_parse(value, &r->format))
        return FP_OK;
    return refuse(why, "--format is one of table, postfix, sendmail, json, jsonl and csv", "");
}

static enum fp_err read_for(struct request *r, const char *value, struct buf *why)
{
    if (value && time_parse_duration(slice_str(value), &r->for_ms) == FP_OK && r->for_ms > 0)
        return FP_OK;
    return refuse(why,
                  "--for wants a length of time from 1ms to 36525d (100 years), such as 90s, 30m, "
                  "2h or 1d",
                  "");
}

// What `why` is asked about is no filter, whatever it looks like.
static enum fp_err read_subject(struct request *r, const char *const *words, size_t count,
                                struct buf *why)
{
    if (count != 1 || !words[0][0])
        return refuse(why, request_verb_name(r->verb), why_takes);
    if (strlen(words[0]) > FILTER_TEXT_MAX)
        return refuse(why, "that is too long for an id, an address or a destination", "");
    snprintf(r->subject, sizeof r->subject, "%s", words[0]);
    return FP_OK;
}

// Neither are the addresses of `route`; lines are what no address has in it.
static enum fp_err read_addresses(struct request *r, const char *const *words, size_t count,
                                  struct buf *why)
{
    size_t n = 0;
    if (count > FILTER_TERMS_MAX)
        return refuse(why, "those are too many addresses at once", "");
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == 0 || strchr(words[i], '\n'))
            return refuse(why, request_verb_name(r->verb), route_takes);
        if (n + strlen(words[i]) + 2 > sizeof r->subject)
            return refuse(why, "those are too many addresses at once", "");
        n += (size_t)snprintf(r->subject + n, sizeof r->subject - n, "%s%s", i ? "\n" : "",
                              words[i]);
    }
    return FP_OK;
}

static enum fp_err read_sender(struct request *r, const char *value, struct buf *why)
{
    if (!value || strlen(value) >= sizeof r->sender)
        return refuse(why, "--from wants a sender's address, or <> for notices", "");
    r->has_sender = true;
    snprintf(r->sender, sizeof r->sender, "%s", value);
    return FP_OK;
}

static enum fp_err read_reason(struct request *r, const char *value, struct buf *why)
{
    if (!value || !value[0])
        return refuse(why, "--reason wants a text", "");
    if (strlen(value) >= sizeof r->reason)
        return refuse(why, "--reason takes at most 255 octets", "");
    snprintf(r->reason, sizeof r->reason, "%s", value);
    return FP_OK;
}

static enum fp_err refuse_option(enum request_verb verb, const char *word, struct buf *why)
{
    // The last ones are those of suspend and resume.
    size_t count = request_has_target(verb) ? REQUEST_OPTIONS : REQUEST_OPTIONS - TARGET_OPTIONS;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *near = text_nearest(name, request_options, count);
    text_escape(slice_str(name), why);
    buf_add_str(why, " is no option here");
    if (near)
        buf_addf(why, "; did you mean %s?", near);
    return FP_INVALID;
}

static enum fp_err read_option(struct request *r, struct request_words *w)
{
    const char *word = w->words[w->at], *value;
    if (is_valued(w, "--format", &value))
        return read_format(r, value, w->why);
    if (is_valued(w, "--reason", &value))
        return read_reason(r, value, w->why);
    if (request_has_target(r->verb) && is_valued(w, "--for", &value))
        return request_target_read_for(&r->target, value, w->why);
    if (r->verb == VERB_PLAN && is_valued(w, "--for", &value))
        return read_for(r, value, w->why);
    if (r->verb == VERB_ROUTE && is_valued(w, "--from", &value))
        return read_sender(r, value, w->why);
    if (r->verb == VERB_ROUTE && strcmp(word, "--json") == 0)
        return read_format(r, "json", w->why);
    if (request_has_target(r->verb) && strcmp(word, "--force") == 0)
        r->target.is_forced = true;
    else if (strcmp(word, "--all") == 0)
        r->all = true;
    else if (strcmp(word, "--dry-run") == 0)
        r->dry_run = true;
    else if (strcmp(word, "--headers") == 0)
        r->part = SHOW_HEADERS;
    else if (strcmp(word, "--body") == 0)
        r->part = SHOW_BODY;
    else if (strcmp(word, "--envelope") == 0)
        r->part = SHOW_ENVELOPE;
    else
        return refuse_option(r->verb, word, w->why);
    return FP_OK;
}

enum fp_err request_parse_words(struct request *r, const char *const *words, size_t count,
                                struct buf *why)
{
    struct request got = {.verb = r->verb};
    struct request_words w = {.words = words, .count = count, .why = why};
    const char
        *terms[FILTER_TERMS_MAX + 1]; // one more than allowed, so that filter_parse refuses it
    size_t term_count = 0;
    bool has_ended = false; // "--" was seen
    for (; w.at < count; w.at++) {
        const char *word = words[w.at];
        enum fp_err err = FP_OK;
        if (has_ended || word[0] != '-')
            terms[term_count <= FILTER_TERMS_MAX ? term_count++ : FILTER_TERMS_MAX] = word;
        else if (strcmp(word, "--") == 0)
            has_ended = true;
        else
            err = read_option(&got, &w);
        if (err)
            return err;
    }
    enum fp_err err = FP_OK;
    if (request_has_target(r->verb))
        err = request_target_read(&got, terms, term_count, why);
    else if (r->verb == VERB_WHY)
        err = read_subject(&got, terms, term_count, why);
    else if (r->verb == VERB_ROUTE)
        err = read_addresses(&got, terms, term_count, why);
    else if (is_of_all(r->verb) && term_count > 0)
        err = refuse_words(r->verb, why);
    else
        err = filter_parse(terms, term_count, &got.filter, why);
    if (!err)
        *r = got;
    return err;
}
