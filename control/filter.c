// SPDX-License-Identifier: BSD-2-Clause
// filter: reads the operator's filter language. See filter.h. A value never becomes part of a
// query: it travels as a value (core/filter.h), and the spool binds it.
#include "control/filter.h"

#include "core/hostname.h"
#include "core/message.h"
#include "core/must.h"
#include "core/size.h"
#include "core/text.h"
#include "core/time.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum filter_value {
    VALUE_PATTERN,
    VALUE_TEXT,
    VALUE_STATE,
    VALUE_DURATION,
    VALUE_SIZE,
    VALUE_COUNT
};

// What each key takes. A length of time is never met exactly, so `=` there is a slip of the pen.
static const struct filter_grammar {
    const char *name;
    enum filter_key key;
    enum filter_value value;
    const char *relations; // as the operator is told them
    const char *example;
} filter_keys[] = {
    {"from", FILTER_FROM, VALUE_PATTERN, "=", "from=*@example.com"},
    {"to", FILTER_TO, VALUE_PATTERN, "=", "to=*@example.com"},
    {"domain", FILTER_DOMAIN, VALUE_PATTERN, "=", "domain=example.com"},
    {"state", FILTER_STATE, VALUE_STATE, "=", "state=deferred"},
    {"age", FILTER_AGE, VALUE_DURATION, "< <= > >=", "age>4h"},
    {"size", FILTER_SIZE, VALUE_SIZE, "= < <= > >=", "size>1M"},
    {"attempts", FILTER_ATTEMPTS, VALUE_COUNT, "= < <= > >=", "attempts>=3"},
    {"error", FILTER_ERROR, VALUE_TEXT, "~", "error~timeout"},
    {"next", FILTER_NEXT, VALUE_DURATION, "< <= > >=", "next<10m"},
};
enum { FILTER_KEYS = sizeof filter_keys / sizeof filter_keys[0], FILTER_SHOWN_MAX = 60 };

static const char *const filter_states[] = {
    [FILTER_QUEUED] = "queued",
    [FILTER_DEFERRED] = "deferred",
    [FILTER_ACTIVE] = "active",
    [FILTER_HELD] = "held",
};
enum { FILTER_STATES = sizeof filter_states / sizeof filter_states[0] };

// One word taken apart.
struct filter_word {
    struct slice whole, key, value;
    enum filter_relation relation;
    char relation_text[3]; // "" when the word holds none
};

static void explain(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void explain(struct buf *why, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_add_str(why,
                text); // a caller's buffer that is too small costs the sentence, not the refusal
}

// The operator's word in quotes, harmless and not endless.
static void explain_word(struct buf *why, struct slice word)
{
    buf_add_byte(why, '\'');
    text_escape(slice_of(word.p, word.n < FILTER_SHOWN_MAX ? word.n : FILTER_SHOWN_MAX), why);
    buf_add_str(why, word.n > FILTER_SHOWN_MAX ? "...'" : "'");
}

static enum filter_relation relation_of(const char *text)
{
    switch (text[0]) {
    case '<':
        return text[1] ? FILTER_LESS_EQUAL : FILTER_LESS;
    case '>':
        return text[1] ? FILTER_GREATER_EQUAL : FILTER_GREATER;
    case '~':
        return FILTER_MATCH;
    default:
        return FILTER_EQUAL;
    }
}

static struct filter_word split_word(const char *text)
{
    struct filter_word w = {.whole = slice_str(text)};
    size_t n = strcspn(text, "<>=~");
    w.key = slice_of(text, n);
    if (text[n] == '\0')
        return w;
    w.relation_text[0] = text[n++];
    if (strchr("<>", w.relation_text[0]) && text[n] == '=')
        w.relation_text[1] = text[n++];
    w.relation = relation_of(w.relation_text);
    w.value = slice_str(text + n);
    return w;
}

static const struct filter_grammar *find_key(struct slice name)
{
    for (size_t i = 0; i < FILTER_KEYS; i++)
        if (slice_equal_nocase(name, slice_str(filter_keys[i].name)))
            return &filter_keys[i];
    return NULL;
}

static const char *nearest_key(struct slice name)
{
    const char *names[FILTER_KEYS];
    char word[32];
    if (name.n == 0 || name.n >= sizeof word)
        return NULL;
    memcpy(word, name.p, name.n);
    word[name.n] = '\0';
    for (size_t i = 0; i < FILTER_KEYS; i++)
        names[i] = filter_keys[i].name;
    return text_nearest(word, names, FILTER_KEYS);
}

// A word without a relation: most often the shell took "> 4h" for a file's name.
static enum fp_err refuse_bare_word(const struct filter_word *w, struct buf *why)
{
    const struct filter_grammar *g = find_key(w->key);
    explain_word(why, w->whole);
    if (g && strchr(g->relations, '>'))
        explain(
            why,
            " has no relation; write it in quotes, as '%s', so that the shell leaves < and > alone",
            g->example);
    else if (g)
        explain(why, " has no value; write %s", g->example);
    else
        explain(
            why,
            " is neither a queue id (12 hexadecimal digits) nor a term such as from=*@example.com");
    return FP_INVALID;
}

static enum fp_err refuse_key(const struct filter_word *w, struct buf *why)
{
    const char *near = nearest_key(w->key);
    explain_word(why, w->key);
    if (near)
        explain(why, " is no filter key; did you mean %s?", near);
    else
        explain(why, " is no filter key; there are from, to, domain, state, age, size, attempts, "
                     "error and next");
    return FP_INVALID;
}

static bool takes_relation(const struct filter_grammar *g, const char *relation)
{
    size_t n = strlen(relation);
    for (const char *at = g->relations; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == n && strncmp(at, relation, n) == 0)
            return true;
    return false;
}

static enum fp_err refuse_value(const struct filter_word *w, const struct filter_grammar *g,
                                const char *wanted, struct buf *why)
{
    explain_word(why, w->whole);
    explain(why, ": %s, as in %s", wanted, g->example);
    return FP_INVALID;
}

static enum fp_err copy_text(struct slice value, struct filter_term *t)
{
    if (value.n > FILTER_TEXT_MAX)
        return FP_TOO_BIG;
    if (value.n > 0)
        memcpy(t->text, value.p, value.n);
    t->text[value.n] = '\0';
    return FP_OK;
}

// Addresses may be typed with their brackets; <> is the null sender. Domains are keyed in lower
// case and without the dot of the root.
static enum fp_err read_pattern(const struct filter_word *w, const struct filter_grammar *g,
                                struct filter_term *t, struct buf *why)
{
    struct slice v = w->value;
    if (g->key != FILTER_DOMAIN && v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
        v = slice_of(v.p + 1, v.n - 2);
    if (v.n == 0 && g->key != FILTER_FROM)
        return refuse_value(w, g, "a pattern is missing", why);
    enum fp_err err = copy_text(hostname_without_root(v), t);
    for (char *p = t->text; g->key == FILTER_DOMAIN && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return err;
}

static enum fp_err read_state(const struct filter_word *w, const struct filter_grammar *g,
                              struct filter_term *t, struct buf *why)
{
    for (int i = 0; i < FILTER_STATES; i++)
        if (slice_equal_nocase(w->value, slice_str(filter_states[i]))) {
            t->number = i;
            return FP_OK;
        }
    return refuse_value(w, g, "a state is queued, deferred, active or held", why);
}

static enum fp_err read_count(struct slice value, int64_t *ret)
{
    int64_t n = 0;
    if (value.n == 0 || value.n > 9)
        return FP_INVALID;
    for (size_t i = 0; i < value.n; i++) {
        if (!isdigit((unsigned char)value.p[i]))
            return FP_INVALID;
        n = n * 10 + (value.p[i] - '0');
    }
    *ret = n;
    return FP_OK;
}

static enum fp_err read_number(const struct filter_word *w, const struct filter_grammar *g,
                               struct filter_term *t, struct buf *why)
{
    enum fp_err err;
    switch (g->value) {
    case VALUE_DURATION:
        err = time_parse_duration(w->value, &t->number);
        if (err == FP_TOO_BIG)
            return refuse_value(w, g, "a length of time is at most 36525d (100 years)", why);
        if (err)
            return refuse_value(w, g, "a length of time is a number with ms, s, m, h, d or w", why);
        return FP_OK;
    case VALUE_SIZE:
        if (size_parse(w->value, &t->number))
            return refuse_value(w, g, "a size is a number of bytes, or one with K, M or G", why);
        return FP_OK;
    default:
        if (read_count(w->value, &t->number))
            return refuse_value(w, g, "a whole number of at most 9 digits is asked for", why);
        return FP_OK;
    }
}

static enum fp_err read_value(const struct filter_word *w, const struct filter_grammar *g,
                              struct filter_term *t, struct buf *why)
{
    switch (g->value) {
    case VALUE_PATTERN:
        return read_pattern(w, g, t, why);
    case VALUE_TEXT:
        return w->value.n > 0 ? copy_text(w->value, t)
                              : refuse_value(w, g, "the text to look for is missing", why);
    case VALUE_STATE:
        return read_state(w, g, t, why);
    default:
        return read_number(w, g, t, why);
    }
}

static enum fp_err read_word(const char *text, struct filter_term *t, struct buf *why)
{
    struct filter_word w = split_word(text);
    uint64_t id;
    *t = (struct filter_term){0};
    if (w.relation_text[0] == '\0' && message_id_parse(w.whole, &id)) {
        t->key = FILTER_ID;
        t->relation = FILTER_EQUAL;
        t->number = (int64_t)id;
        return FP_OK;
    }
    if (w.relation_text[0] == '\0')
        return refuse_bare_word(&w, why);
    const struct filter_grammar *g = find_key(w.key);
    if (!g)
        return refuse_key(&w, why);
    if (!takes_relation(g, w.relation_text)) {
        explain_word(why, w.whole);
        explain(why, ": %s is compared with %s, as in %s", g->name, g->relations, g->example);
        return FP_INVALID;
    }
    t->key = g->key;
    t->relation = w.relation;
    enum fp_err err = read_value(&w, g, t, why);
    if (err == FP_TOO_BIG) {
        explain_word(why, w.whole);
        explain(why, ": the text is longer than %d octets", (int)FILTER_TEXT_MAX);
    }
    return err;
}

// All terms are to hold, so that a second id could only ever select nothing.
static bool has_id(const struct filter *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->terms[i].key == FILTER_ID)
            return true;
    return false;
}

enum fp_err filter_parse(const char *const *words, size_t count, struct filter *ret,
                         struct buf *why)
{
    struct filter f = {0};
    if (count > FILTER_TERMS_MAX) {
        explain(why, "a filter has at most %d terms", (int)FILTER_TERMS_MAX);
        return FP_TOO_BIG;
    }
    for (size_t i = 0; i < count; i++) {
        enum fp_err err = read_word(words[i], &f.terms[f.count], why);
        if (err)
            return err;
        if (f.terms[f.count].key == FILTER_ID && has_id(&f)) {
            explain_word(why, slice_str(words[i]));
            explain(why, " is a second queue id; all terms are to hold, so give one id at a time");
            return FP_INVALID;
        }
        f.count++;
    }
    *ret = f;
    return FP_OK;
}
