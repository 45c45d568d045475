// SPDX-License-Identifier: BSD-2-Clause
// signature: what is the same about two refusals. See signature.h.
#include "bounce/signature.h"

#include "core/must.h"

#include <ctype.h>

struct person {
    struct slice local, domain; // empty when there is none
};

static struct person person_of(struct slice rcpt)
{
    const char *at = rcpt.n > 0 ? memrchr(rcpt.p, '@', rcpt.n) : NULL;
    if (!at)
        return (struct person){rcpt, {NULL, 0}};
    size_t n = (size_t)(at - rcpt.p);
    return (struct person){slice_of(rcpt.p, n), slice_from(rcpt, n + 1)};
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || strchr("@.-_+=~!#$%&*/?^`{|}", c) != NULL;
}

static bool has_digit(struct slice word)
{
    for (size_t i = 0; i < word.n; i++)
        if (isdigit((unsigned char)word.p[i]))
            return true;
    return false;
}

// "550", "5.7.1": what kind of refusal it is, said at its beginning.
static bool is_code(struct slice word, int index)
{
    return index < 2 && word.n > 0 && word.n < OUTCOME_STATUS_SIZE &&
           strspn(word.p, "0123456789.") >= word.n;
}

// The full stop that ends a sentence is no part of its last word.
static struct slice without_stops(struct slice word)
{
    while (word.n > 1 && word.p[word.n - 1] == '.')
        word.n--;
    return word;
}

static void add_word(struct slice word, const struct person *rcpt, int index, struct buf *to)
{
    struct slice bare = without_stops(word);
    bool is_rcpt = bare.n > 0 && (slice_equal_nocase(bare, rcpt->local) ||
                                  slice_equal_nocase(bare, rcpt->domain));
    enum fp_err err = FP_OK;
    if (is_rcpt || memchr(word.p, '@', word.n)) {
        err = buf_add_byte(to, '@');
    } else if (has_digit(word) && !is_code(bare, index)) {
        err = buf_add_byte(to, '#');
    } else {
        for (size_t i = 0; i < word.n && !err; i++)
            err = buf_add_byte(to, (char)tolower((unsigned char)word.p[i]));
    }
    must(!err); // no word grows
}

static void add_text(struct slice text, const struct person *rcpt, struct buf *to)
{
    int index = 0;
    for (size_t i = 0; i < text.n;) {
        size_t n = 0;
        while (i + n < text.n && is_word_char(text.p[i + n]))
            n++;
        if (n > 0) {
            add_word(slice_of(text.p + i, n), rcpt, index++, to);
            i += n;
        } else {
            enum fp_err err = buf_add_byte(to, text.p[i++]);
            must(!err);
        }
    }
}

void signature_add(const struct outcome *o, struct slice rcpt, struct buf *to)
{
    struct person person = person_of(rcpt);
    enum fp_err err = FP_OK;
    for (const char *c = o->host; *c && !err; c++)
        err = buf_add_byte(to, (char)tolower((unsigned char)*c));
    if (!err)
        err = buf_add_byte(to, ' ');
    must(!err);
    add_text(slice_str(o->text), &person, to);
}
