// SPDX-License-Identifier: BSD-2-Clause
// ehlo: see ehlo.h.
#include "deliver/ehlo.h"

static struct slice take_line(struct slice *text)
{
    const char *nl = memchr(text->p, '\n', text->n);
    struct slice line = {text->p, nl ? (size_t)(nl - text->p) : text->n};
    *text = slice_from(*text, line.n + 1);
    return slice_trim(line);
}

static struct slice take_word(struct slice *line)
{
    size_t n = 0;
    while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
        n++;
    struct slice word = {line->p, n};
    *line = slice_trim(slice_from(*line, n));
    return word;
}

// A limit that is no number, or has more digits than any size needs, is none.
static uint64_t parse_limit(struct slice digits)
{
    uint64_t limit = 0;
    if (digits.n > 18)
        return 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return 0;
        limit = limit * 10 + (uint64_t)(digits.p[i] - '0');
    }
    return limit;
}

// "AUTH PLAIN LOGIN", also as "AUTH=PLAIN LOGIN" of old; many say both.
static void take_mechanisms(struct slice word, struct slice rest, struct ehlo_caps *caps)
{
    caps->mechanisms |= auth_parse_offer(slice_from(word, 5)) | auth_parse_offer(rest);
}

static void take_keyword(struct slice line, struct ehlo_caps *caps)
{
    struct slice word = take_word(&line);
    if (slice_equal_nocase(word, SLICE_LIT("PIPELINING"))) {
        caps->has_pipelining = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("8BITMIME"))) {
        caps->has_8bitmime = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("STARTTLS"))) {
        caps->has_starttls = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("DSN"))) {
        caps->has_dsn = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("DELIVERBY"))) {
        caps->has_deliverby = true;
        caps->by_min_s = (int64_t)parse_limit(line);
    } else if (slice_equal_nocase(word, SLICE_LIT("REQUIRETLS"))) {
        caps->has_requiretls = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("CHUNKING"))) {
        caps->has_chunking = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("SMTPUTF8"))) {
        caps->has_smtputf8 = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("MT-PRIORITY"))) {
        caps->has_mt_priority = true;
    } else if (slice_equal_nocase(word, SLICE_LIT("SIZE"))) {
        caps->has_size = true;
        caps->size_max = parse_limit(line);
    } else if (slice_equal_nocase(word, SLICE_LIT("AUTH")) ||
               slice_starts_nocase(word, SLICE_LIT("AUTH="))) {
        take_mechanisms(word, line, caps);
    }
}

void ehlo_parse(const struct reply_parser *reply, struct ehlo_caps *ret)
{
    *ret = (struct ehlo_caps){0};
    struct slice text = {reply->text, reply->text_n};
    take_line(&text);
    while (text.n > 0) {
        bool is_whole = reply->text_n < REPLY_TEXT_MAX || memchr(text.p, '\n', text.n);
        struct slice line = take_line(&text);
        if (is_whole) // of a text that was cut the last line may be "SIZE 1" of "SIZE 10000000"
            take_keyword(line, ret);
    }
}
