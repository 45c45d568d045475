// SPDX-License-Identifier: BSD-2-Clause
// auth: choosing a SASL mechanism. See auth.h.
#include "deliver/auth.h"

#include "core/must.h"

static const struct mechanism_row {
    const char *name;
    bool shows_secret; // to whoever listens
    bool takes_token;
    bool needs_binding;
    bool waits; // for the server's first word
} mechanisms[AUTH_MECHANISM_COUNT] = {
    [AUTH_SCRAM_SHA_256_PLUS] = {.name = "SCRAM-SHA-256-PLUS", .needs_binding = true},
    [AUTH_SCRAM_SHA_256] = {.name = "SCRAM-SHA-256"},
    [AUTH_SCRAM_SHA_1_PLUS] = {.name = "SCRAM-SHA-1-PLUS", .needs_binding = true},
    [AUTH_SCRAM_SHA_1] = {.name = "SCRAM-SHA-1"},
    [AUTH_CRAM_MD5] = {.name = "CRAM-MD5", .waits = true},
    [AUTH_OAUTHBEARER] = {.name = "OAUTHBEARER", .shows_secret = true, .takes_token = true},
    [AUTH_XOAUTH2] = {.name = "XOAUTH2", .shows_secret = true, .takes_token = true},
    [AUTH_PLAIN] = {.name = "PLAIN", .shows_secret = true},
    [AUTH_LOGIN] = {.name = "LOGIN", .shows_secret = true, .waits = true},
};

const char *auth_name(enum auth_mechanism m)
{
    must((unsigned)m < AUTH_MECHANISM_COUNT);
    return mechanisms[m].name;
}

bool auth_has_initial(enum auth_mechanism m)
{
    must((unsigned)m < AUTH_MECHANISM_COUNT);
    return !mechanisms[m].waits;
}

bool auth_takes_token(enum auth_mechanism m)
{
    must((unsigned)m < AUTH_MECHANISM_COUNT);
    return mechanisms[m].takes_token;
}

bool auth_shows_secret(enum auth_mechanism m)
{
    must((unsigned)m < AUTH_MECHANISM_COUNT);
    return mechanisms[m].shows_secret;
}

bool auth_binds(enum auth_mechanism m)
{
    must((unsigned)m < AUTH_MECHANISM_COUNT);
    return mechanisms[m].needs_binding;
}

enum auth_mechanism auth_parse(struct slice name)
{
    enum auth_mechanism m = 0;
    while (m < AUTH_MECHANISM_COUNT && !slice_equal_nocase(name, slice_str(mechanisms[m].name)))
        m++;
    return m;
}

uint32_t auth_parse_offer(struct slice text)
{
    uint32_t offered = 0;
    while (text.n > 0) {
        const char *blank = memchr(text.p, ' ', text.n);
        struct slice word = slice_of(text.p, blank ? (size_t)(blank - text.p) : text.n);
        enum auth_mechanism m = auth_parse(word);
        if (m != AUTH_NONE)
            offered |= auth_bit(m);
        text = slice_from(text, word.n + (blank != NULL));
    }
    return offered;
}

static bool suits(enum auth_mechanism m, const struct auth_wish *w)
{
    return w->allowed & auth_bit(m) && mechanisms[m].takes_token == w->is_token &&
           (!mechanisms[m].needs_binding || w->has_binding);
}

static bool may_be_said(enum auth_mechanism m, const struct auth_wish *w)
{
    return !mechanisms[m].shows_secret || w->is_protected || w->permits_clear;
}

enum auth_mechanism auth_choose(uint32_t offered, const struct auth_wish *wish)
{
    enum auth_mechanism m = 0;
    while (m < AUTH_MECHANISM_COUNT &&
           !(offered & auth_bit(m) && suits(m, wish) && may_be_said(m, wish)))
        m++;
    return m;
}

const char *auth_why_none(uint32_t offered, const struct auth_wish *wish)
{
    must(auth_choose(offered, wish) == AUTH_NONE);
    struct auth_wish anything = *wish;
    if (offered == 0)
        return "the host offers no authentication that we know";
    anything.permits_clear = true;
    if (auth_choose(offered, &anything) != AUTH_NONE)
        return "the host offers only authentication that shows the secret, which is not said "
               "without TLS (clear = true would allow it)";
    anything.allowed = AUTH_ALL;
    if (auth_choose(offered, &anything) != AUTH_NONE)
        return "the host offers none of the mechanisms that the configuration allows";
    return wish->is_token ? "the host takes passwords, and we have a token"
                          : "the host takes tokens, and we have a password";
}
