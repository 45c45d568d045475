// SPDX-License-Identifier: BSD-2-Clause
// mta_sts: see mta_sts.h.
//
// The two texts look alike but are not: fields of the record end with ";", those of the policy with
// the line. Names and values are compared with their case, as the grammar has them (%s of RFC
// 7405); unknown fields are somebody's extension.
#include "deliver/mta_sts.h"

#include "core/hostname.h"
#include "core/must.h"

#include <stdlib.h>

#define VERSION "STSv1"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Cuts off the text up to the next `end` and what separates there.
static struct slice take_until(struct slice *rest, char end)
{
    const char *at = rest->n > 0 ? memchr(rest->p, end, rest->n) : NULL;
    size_t n = at ? (size_t)(at - rest->p) : rest->n;
    struct slice part = slice_of(rest->p, n);
    *rest = slice_from(*rest, at ? n + 1 : n);
    return part;
}

// "name SEPARATOR value", both trimmed; false: no separator.
static bool split_field(struct slice field, char separator, struct slice *name, struct slice *value)
{
    if (field.n == 0 || !memchr(field.p, separator, field.n))
        return false;
    *name = slice_trim(take_until(&field, separator));
    *value = slice_trim(field);
    return true;
}

// ---- the record ----------------------------------------------------------------------------

static bool is_version(struct slice field)
{
    return slice_equal(slice_trim(field), SLICE_LIT("v=" VERSION));
}

// RFC 8461 3.1: other records of that name are passed over.
static bool is_sts_record(const char *text)
{
    struct slice rest = slice_str(text);
    return memchr(text, ';', rest.n) && is_version(take_until(&rest, ';'));
}

static bool take_id(struct slice value, char ret_id[STS_ID_MAX + 1])
{
    if (value.n == 0 || value.n > STS_ID_MAX)
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (!is_alnum(value.p[i]))
            return false;
    memcpy(ret_id, value.p, value.n);
    ret_id[value.n] = '\0';
    return true;
}

static bool find_id(const char *text, char ret_id[STS_ID_MAX + 1])
{
    struct slice rest = slice_str(text), name, value;
    take_until(&rest, ';');
    while (rest.n > 0)
        if (split_field(take_until(&rest, ';'), '=', &name, &value) &&
            slice_equal(name, SLICE_LIT("id")))
            return take_id(value, ret_id);
    return false;
}

bool mta_sts_record_id(const struct dns_answer *txt, char ret_id[STS_ID_MAX + 1])
{
    const char *found = NULL;
    if (txt->type != DNS_TYPE_TXT || txt->result != DNS_ANSWER_OK)
        return false;
    for (uint32_t i = 0; i < txt->count; i++) {
        if (!is_sts_record(txt->records[i].name))
            continue;
        if (found)
            return false; // which one is it?
        found = txt->records[i].name;
    }
    return found && find_id(found, ret_id);
}

// ---- the policy ----------------------------------------------------------------------------

struct draft {
    struct slice version, mode, max_age; // the first of each: RFC 8461 3.2
    struct buf mx;
    uint32_t mx_count;
    struct slice bad_mx;
};

static void take_first(struct slice *to, struct slice value)
{
    if (!to->p)
        *to = value;
}

// "mx.example.com" or "*.example.com".
static void take_mx(struct draft *d, struct slice value)
{
    bool is_wild = value.n > 2 && memcmp(value.p, "*.", 2) == 0;
    struct slice name = is_wild ? slice_from(value, 2) : value;
    if (!hostname_is_valid(name) || d->mx_count == MTA_STS_MX_MAX) {
        take_first(&d->bad_mx, value);
        return;
    }
    if (name.p[name.n - 1] == '.')
        value.n--;
    if (d->mx_count++ == 0)
        buf_add_byte(&d->mx, ' ');
    for (size_t i = 0; i < value.n; i++)
        buf_add_byte(&d->mx, (char)(value.p[i] >= 'A' && value.p[i] <= 'Z' ? value.p[i] | 0x20
                                                                           : value.p[i]));
    buf_add_byte(&d->mx, ' ');
}

static void read_fields(struct draft *d, struct slice text)
{
    struct slice name, value;
    while (text.n > 0) {
        if (!split_field(take_until(&text, '\n'), ':', &name, &value))
            continue;
        if (slice_equal(name, SLICE_LIT("version")))
            take_first(&d->version, value);
        else if (slice_equal(name, SLICE_LIT("mode")))
            take_first(&d->mode, value);
        else if (slice_equal(name, SLICE_LIT("max_age")))
            take_first(&d->max_age, value);
        else if (slice_equal(name, SLICE_LIT("mx")))
            take_mx(d, value);
    }
}

static bool parse_mode(struct slice text, enum sts_mode *ret)
{
    for (enum sts_mode mode = STS_NONE; mode <= STS_ENFORCE; mode++)
        if (slice_equal(text, slice_str(sts_mode_name(mode)))) {
            *ret = mode;
            return true;
        }
    return false;
}

static bool parse_age(struct slice text, uint32_t *ret)
{
    uint64_t age_s = 0;
    if (text.n == 0 || text.n > 10)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        age_s = age_s * 10 + (uint64_t)(text.p[i] - '0');
    }
    *ret = age_s < MTA_STS_AGE_MAX_S ? (uint32_t)age_s : MTA_STS_AGE_MAX_S;
    return true;
}

static enum fp_err say(struct buf *why, const char *what, struct slice value, const char *right)
{
    if (value.p)
        buf_addf(why, "the policy's %s is \"%.*s\", which is not %s", what,
                 (int)(value.n < 80 ? value.n : 80), value.p, right);
    else
        buf_addf(why, "the policy has no %s", what);
    return FP_INVALID;
}

static enum fp_err judge(const struct draft *d, struct sts_policy *ret, uint32_t *ret_age_s,
                         struct buf *why)
{
    enum sts_mode mode;
    if (!slice_equal(d->version, SLICE_LIT(VERSION)))
        return say(why, "version", d->version, VERSION);
    if (!parse_mode(d->mode, &mode))
        return say(why, "mode", d->mode, "\"enforce\", \"testing\" or \"none\"");
    if (!parse_age(d->max_age, ret_age_s))
        return say(why, "max_age", d->max_age, "a number of seconds");
    // A pattern left out would keep mail from a host that the domain wants it to go to.
    if (d->bad_mx.p)
        return say(why, "mx", d->bad_mx, "the name of a host, or there are too many");
    if (d->mx_count == 0 && mode != STS_NONE)
        return say(why, "mx", (struct slice){0}, "");
    *ret = (struct sts_policy){.mode = mode, .mx = must_strdup(buf_slice(&d->mx).p)};
    return FP_OK;
}

enum fp_err mta_sts_parse(struct slice text, struct sts_policy *ret, uint32_t *ret_age_s,
                          struct buf *why)
{
    struct draft d = {0};
    if (text.n > MTA_STS_TEXT_MAX) {
        buf_add_str(why, "the policy is longer than 64 KiB");
        return FP_INVALID;
    }
    buf_init(&d.mx, SIZE_MAX);
    read_fields(&d, text);
    buf_add(&d.mx, "", 1); // ends the text
    enum fp_err err = judge(&d, ret, ret_age_s, why);
    buf_close(&d.mx);
    return err;
}

// ---- hosts ---------------------------------------------------------------------------------

// RFC 8461 4.1: a wildcard stands for exactly one label.
static bool fits(struct slice pattern, struct slice host)
{
    if (pattern.n < 2 || memcmp(pattern.p, "*.", 2) != 0)
        return slice_equal_nocase(pattern, host);
    const char *dot = host.n > 0 ? memchr(host.p, '.', host.n) : NULL;
    return dot && dot > host.p &&
           slice_equal_nocase(slice_from(pattern, 1), slice_from(host, (size_t)(dot - host.p)));
}

bool mta_sts_allows(const struct sts_policy *p, const char *host)
{
    struct slice rest = slice_trim(slice_str(p->mx)), name = slice_str(host);
    if (p->mode != STS_ENFORCE)
        return true;
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    while (rest.n > 0)
        if (fits(take_until(&rest, ' '), name))
            return true;
    return false;
}
