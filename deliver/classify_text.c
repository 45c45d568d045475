// SPDX-License-Identifier: BSD-2-Clause
// classify_text: tables of phrases. See classify_text.h.
#include "deliver/classify_text.h"

// Lower case. Two words at least where one alone turns up in other refusals too: "limit" alone is
// also a size limit, "rate" is a part of many words.
static const char *const rate_phrases[] = {
    "rate limit",
    "ratelimit",
    "rate-limit",
    "rate limited",
    "too many",
    "too much mail",
    "too fast",
    "throttl",
    "slow down",
    "frequency limit",
    "unexpected volume",
    "unusual rate",
    "exceeded the max",
    "limit exceeded",
    "connection limit",
    "concurrent",
    "sending rate",
    "message rate",
    "reduce your sending",
    "quota exceeded for sender",
};

static const char *const greylist_phrases[] = {
    "greylist",  "graylist",     "grey list",  "grey-list",       "gray list",
    "gray-list", "try again in", "first time", "come back later",
};

static const char *const full_phrases[] = {
    "mailbox full",     "mailbox is full", "over quota",     "overquota",
    "over the quota",   "quota exceeded",  "exceeded quota", "exceeds quota",
    "exceeded storage", "user is full",    "inbox is full",  "insufficient mailbox",
    "out of storage",
};

// Postfix, Exim, Sendmail, Exchange, Google and what block lists are quoted with. What Postfix says
// of one address ("Recipient address rejected: Access denied") has none of these.
static const char *const client_phrases[] = {
    "relay access denied",
    "relaying denied",
    "relaying not allowed",
    "relaying is not allowed",
    "relaying prohibited",
    "relay not permitted",
    "relay denied",
    "relaying disallowed",
    "unable to relay",
    "not permitted to relay",
    "not allowed to relay",
    "not authorized to relay",
    "not authorised to relay",
    "invalid credentials for relay",
    "client host rejected",
    "client host [",
    "client was not authenticated",
    "not authenticated",
    "authentication required",
    "authentication is required",
    "must authenticate",
    "authenticate first",
    "please authenticate",
    "need to authenticate",
    "requires authentication",
    "auth first",
    "not logged in",
    "is in a black list",
    "is in an rbl",
    "your network",
    "helo command rejected",
    "your ip ",
    "your ip address",
    "your host is not",
    "your server is not",
};

static const char *const sender_phrases[] = {
    "sender",        "mail from",   "from address", "send as",
    "envelope from", "return-path", "spf",          "domain",
};

static const char *const tls_phrases[] = {"starttls", "tls", "encryption", "secure connection"};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool has_phrase(struct slice text, const char *phrase)
{
    size_t n = strlen(phrase);
    for (size_t at = 0; at + n <= text.n; at++)
        if (lower(text.p[at]) == phrase[0] && strncasecmp(text.p + at, phrase, n) == 0)
            return true;
    return false;
}

#define PHRASES(table)                                                                             \
    {                                                                                              \
        table, sizeof(table) / sizeof(table)[0]                                                    \
    }

static const struct {
    const char *const *phrases;
    size_t count;
} tables[] = {
    [TEXT_RATE] = PHRASES(rate_phrases),         [TEXT_GREYLIST] = PHRASES(greylist_phrases),
    [TEXT_MAILBOX_FULL] = PHRASES(full_phrases), [TEXT_CLIENT] = PHRASES(client_phrases),
    [TEXT_SENDER] = PHRASES(sender_phrases),     [TEXT_TLS] = PHRASES(tls_phrases),
};

bool classify_text_says(struct slice text, enum classify_text what)
{
    for (size_t i = 0; i < tables[what].count; i++)
        if (has_phrase(text, tables[what].phrases[i]))
            return true;
    return false;
}
