// SPDX-License-Identifier: BSD-2-Clause
// parse: SMTP command lines as values. See parse.h.
//
// Read liberally where meaning cannot suffer: a blank behind "FROM:", a path without its brackets,
// verbs and keywords in any case. Not "FROM :", which RFC 5321 3.3 forbids by name.
#include "receive/parse.h"

#include "core/address.h"
#include "core/domain_idn2.h"
#include "core/utf8.h"

enum { SIZE_DIGITS_MAX = 20 }; // RFC 1870 6

static struct slice skip_blanks(struct slice s)
{
    while (s.n > 0 && s.p[0] == ' ')
        s = slice_from(s, 1);
    return s;
}

static struct slice take_word(struct slice *rest)
{
    const char *blank = rest->n > 0 ? memchr(rest->p, ' ', rest->n) : NULL;
    struct slice word = {rest->p, blank ? (size_t)(blank - rest->p) : rest->n};
    *rest = slice_from(*rest, word.n);
    return word;
}

enum verb parse_verb(struct slice line, struct slice *ret_rest)
{
    static const struct {
        struct slice name;
        enum verb verb;
    } verbs[] = {
        {SLICE_LIT("MAIL"), VERB_MAIL},   {SLICE_LIT("RCPT"), VERB_RCPT},
        {SLICE_LIT("DATA"), VERB_DATA},   {SLICE_LIT("EHLO"), VERB_EHLO},
        {SLICE_LIT("HELO"), VERB_HELO},   {SLICE_LIT("QUIT"), VERB_QUIT},
        {SLICE_LIT("RSET"), VERB_RSET},   {SLICE_LIT("NOOP"), VERB_NOOP},
        {SLICE_LIT("VRFY"), VERB_VRFY},   {SLICE_LIT("EXPN"), VERB_EXPN},
        {SLICE_LIT("HELP"), VERB_HELP},   {SLICE_LIT("STARTTLS"), VERB_ABSENT},
        {SLICE_LIT("AUTH"), VERB_ABSENT}, {SLICE_LIT("BDAT"), VERB_BDAT},
        {SLICE_LIT("ETRN"), VERB_ABSENT}, {SLICE_LIT("LHLO"), VERB_ABSENT},
        {SLICE_LIT("BURL"), VERB_ABSENT}, {SLICE_LIT("SEND"), VERB_ABSENT},
        {SLICE_LIT("SOML"), VERB_ABSENT}, {SLICE_LIT("SAML"), VERB_ABSENT},
        {SLICE_LIT("TURN"), VERB_ABSENT},
    };
    struct slice word = take_word(&line);
    *ret_rest = slice_trim(line);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (slice_equal_nocase(word, verbs[i].name))
            return verbs[i].verb;
    return VERB_UNKNOWN;
}

void parse_command_init(struct parse_command *c)
{
    *c = (struct parse_command){0};
    buf_init(&c->address, ADDRESS_MAX);
}

void parse_command_close(struct parse_command *c)
{
    buf_close(&c->address);
}

// "<user>" and what follows it, for those who may leave the domain out.
static bool is_bare_user(struct slice text, struct slice *ret_user, struct slice *ret_rest)
{
    const char *end = text.n > 0 && text.p[0] == '<' ? memchr(text.p, '>', text.n) : NULL;
    if (!end || end == text.p + 1 || memchr(text.p, '@', (size_t)(end - text.p)))
        return false;
    *ret_user = slice_of(text.p + 1, (size_t)(end - text.p) - 1);
    *ret_rest = slice_from(text, ret_user->n + 2);
    return ret_rest->n == 0 || ret_rest->p[0] == ' ';
}

static const char *bad_address(const struct parse_path_options *o)
{
    return o->is_rcpt ? "501 5.1.3 Bad recipient address" : "501 5.1.7 Bad sender address";
}

// As an address it is right, but IDNA has no such domain: RFC 5891 5.
static const char *bad_domain(const struct parse_path_options *o)
{
    return o->is_rcpt
               ? "501 5.1.3 Bad recipient address: its domain is no international name (IDNA)"
               : "501 5.1.7 Bad sender address: its domain is no international name (IDNA)";
}

// NULL when it is right, else the reply.
static const char *parse_path(struct slice text, const struct parse_path_options *o,
                              struct parse_command *to, struct slice *ret_rest)
{
    struct slice path;
    struct address_path_options options = {.allow_null = !o->is_rcpt,
                                           .allow_postmaster = o->is_rcpt,
                                           .allow_utf8 = true,
                                           .lenient = true};
    bool is_bare = o->may_lack_domain && is_bare_user(text, &path, ret_rest);
    if (!is_bare && address_parse_path(text, options, &path, ret_rest))
        return bad_address(o);
    if (path.n == 0)
        return o->is_rcpt ? bad_address(o) : NULL;
    // Behind this door domains are A-labels, with which every host can do something (RFC 6531 3.2).
    enum fp_err err = domain_of_address_to_ascii(path, &to->address);
    if (err)
        return err == FP_INVALID ? bad_domain(o) : bad_address(o);
    // What comes back without a domain is <postmaster> (RFC 5321 4.1.1.3) or a bare user.
    if (!memchr(path.p, '@', path.n) && buf_addf(&to->address, "@%s", o->hostname))
        return bad_address(o);
    to->needs_utf8 = !utf8_is_ascii(o->takes_idn ? address_local(path) : path);
    return address_check(buf_slice(&to->address), true) ? bad_address(o) : NULL;
}

// RFC 5321 4.1.2: esmtp-keyword, and a value of printable characters without '='; RFC 6531 3.3 adds
// those beyond ASCII.
static bool is_keyword(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c != '-' || i == 0))
            return false;
    }
    return s.n > 0;
}

static bool is_value(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '=')
            return false;
    return s.n > 0 && utf8_is_valid(s);
}

static bool parse_size(struct slice digits, uint64_t *ret)
{
    uint64_t size = 0;
    if (digits.n == 0 || digits.n > SIZE_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(digits.p[i] - '0');
        size = size > (UINT64_MAX - digit) / 10 ? UINT64_MAX : size * 10 + digit;
    }
    *ret = size;
    return true;
}

struct parameter {
    struct slice key, value;
    bool has_value;
};

// False when the word is no parameter at all.
static bool split_parameter(struct slice word, struct parameter *ret)
{
    const char *equals = memchr(word.p, '=', word.n);
    ret->has_value = equals != NULL;
    ret->key = equals ? slice_of(word.p, (size_t)(equals - word.p)) : word;
    ret->value = slice_from(word, ret->key.n + 1);
    return is_keyword(ret->key);
}

// RFC 6710 6: a digit, with '-' before it unless it is 0.
static bool parse_priority(struct slice value, int8_t *ret)
{
    bool is_negative = value.n == 2 && value.p[0] == '-';
    if (is_negative)
        value = slice_from(value, 1);
    if (value.n != 1 || value.p[0] < '0' + is_negative || value.p[0] > '9')
        return false;
    int digit = value.p[0] - '0';
    *ret = (int8_t)(is_negative ? -digit : digit);
    return true;
}

static const char *take_size(struct slice value, struct parse_command *c)
{
    c->has_size = true;
    return parse_size(value, &c->size) ? NULL : "501 5.5.4 SIZE is not a number";
}

static const char *take_body(struct slice value, struct parse_command *c)
{
    c->is_8bit = slice_equal_nocase(value, SLICE_LIT("8BITMIME"));
    return c->is_8bit || slice_equal_nocase(value, SLICE_LIT("7BIT"))
               ? NULL
               : "501 5.5.4 BODY is 7BIT or 8BITMIME";
}

static const char *take_priority(struct slice value, struct parse_command *c)
{
    c->has_priority = true;
    return parse_priority(value, &c->priority) ? NULL
                                               : "501 5.5.4 MT-PRIORITY is a number from -9 to 9";
}

// RFC 3461 4
static const char *take_ret(struct slice value, struct parse_command *c)
{
    return dsn_ret_parse(value, &c->ret) ? NULL : "501 5.5.4 RET is FULL or HDRS";
}

static const char *take_envid(struct slice value, struct parse_command *c)
{
    c->envid = value;
    return dsn_envid_is_valid(value) ? NULL : "501 5.5.4 ENVID is no xtext of at most 100 octets";
}

static const char *take_notify(struct slice value, struct parse_command *c)
{
    return dsn_notify_parse(value, &c->notify)
               ? NULL
               : "501 5.5.4 NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY";
}

static const char *take_orcpt(struct slice value, struct parse_command *c)
{
    c->orcpt = value;
    return dsn_orcpt_is_valid(value)
               ? NULL
               : "501 5.5.4 ORCPT is not TYPE;ADDRESS in xtext, at most 500 octets";
}

// RFC 6531 3.4
static const char *take_utf8(struct slice value, struct parse_command *c)
{
    (void)value;
    c->traits |= MESSAGE_UTF8;
    return NULL;
}

// RFC 8689 4.1
static const char *take_requiretls(struct slice value, struct parse_command *c)
{
    (void)value;
    c->traits |= MESSAGE_REQUIRE_TLS;
    return NULL;
}

static const char *take_by(struct slice value, struct parse_command *c)
{
    c->has_by = true;
    return deliver_by_parse(value, &c->by) ? NULL
                                           : "501 5.5.4 BY is SECONDS;R or SECONDS;N, with a T "
                                             "behind it for a trace; R needs time";
}

// given: what has been there, a bit for each.
static const char *parse_parameter(const struct parameter *p, bool is_rcpt, unsigned *given,
                                   struct parse_command *c)
{
    static const struct {
        const char *key;
        const char *(*take)(struct slice value, struct parse_command *c);
        bool is_rcpts; // else MAIL's
        bool is_alone; // it has no value
    } known[] = {{"SIZE", take_size, false, false},
                 {"BODY", take_body, false, false},
                 {"MT-PRIORITY", take_priority, false, false},
                 {"RET", take_ret, false, false},
                 {"ENVID", take_envid, false, false},
                 {"SMTPUTF8", take_utf8, false, true},
                 {"BY", take_by, false, false},
                 {"REQUIRETLS", take_requiretls, false, true},
                 {"NOTIFY", take_notify, true, false},
                 {"ORCPT", take_orcpt, true, false}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].is_rcpts != is_rcpt || !slice_equal_nocase(p->key, slice_str(known[i].key)))
            continue;
        if (p->has_value != !known[i].is_alone || (p->has_value && !is_value(p->value)))
            return known[i].is_alone ? "501 5.5.4 This parameter takes no value"
                                     : "501 5.5.4 This parameter needs a value";
        if (*given & 1U << i)
            return "501 5.5.4 A parameter is given twice";
        *given |= 1U << i;
        return known[i].take(p->value, c);
    }
    return "555 5.5.4 This parameter is not known here";
}

const char *parse_mail_or_rcpt(struct slice rest, const struct parse_path_options *o,
                               struct parse_command *ret)
{
    struct slice keyword = o->is_rcpt ? SLICE_LIT("TO:") : SLICE_LIT("FROM:");
    unsigned given = 0;
    if (!slice_starts_nocase(rest, keyword))
        return o->is_rcpt ? "501 5.5.4 Syntax: RCPT TO:<address>"
                          : "501 5.5.4 Syntax: MAIL FROM:<address>";
    rest = skip_blanks(slice_from(rest, keyword.n));
    const char *bad_path = parse_path(rest, o, ret, &rest);
    if (bad_path)
        return bad_path;
    for (rest = skip_blanks(rest); rest.n > 0; rest = skip_blanks(rest)) {
        struct parameter p;
        if (!split_parameter(take_word(&rest), &p))
            return "501 5.5.4 Bad parameter";
        const char *fault = parse_parameter(&p, o->is_rcpt, &given, ret);
        if (fault)
            return fault;
    }
    if ((ret->traits & MESSAGE_REQUIRE_TLS) && !o->is_private)
        return "530 5.7.10 REQUIRETLS needs TLS, which is not offered here";
    bool has_utf8 = o->is_rcpt ? o->has_utf8 : (ret->traits & MESSAGE_UTF8) != 0;
    if (ret->needs_utf8 && !has_utf8) // RFC 6531 3.5
        return o->is_rcpt ? "553 5.6.7 This recipient needs SMTPUTF8, which MAIL did not say"
                          : "553 5.6.7 This sender needs the parameter SMTPUTF8";
    return NULL;
}

bool parse_bdat(struct slice rest, struct parse_bdat *ret)
{
    struct slice size = take_word(&rest);
    rest = slice_trim(rest);
    ret->is_last = slice_equal_nocase(rest, SLICE_LIT("LAST"));
    return parse_size(size, &ret->size) && (ret->is_last || rest.n == 0);
}
