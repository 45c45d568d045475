// SPDX-License-Identifier: BSD-2-Clause
// options: what `fermoposta simulate` is asked for. See options.h.
#include "simulate/options.h"

#include "core/address.h"
#include "core/hostname.h"
#include "core/must.h"
#include "core/text.h"
#include "core/time.h"

#include <stdlib.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const int64_t for_max_ms = 30 * TIME_DAY_MS;

static enum fp_err refuse(struct buf *why, const char *name, const char *value, const char *right)
{
    buf_addf(why, "%s \"", name);
    text_escape(slice_str(value), why);
    buf_addf(why, "\": %s", right);
    return FP_INVALID;
}

static bool parse_number(const char *text, uint64_t *ret)
{
    if (!text[0] || text[strspn(text, "0123456789")] || strlen(text) > 18)
        return false;
    *ret = strtoull(text, NULL, 10);
    return true;
}

static enum fp_err set_messages(struct simulate_options *o, const char *value, struct buf *why)
{
    uint64_t n;
    if (!parse_number(value, &n) || n < 1 || n > SIMULATE_MESSAGES_MAX)
        return refuse(why, "--messages", value, "write a number from 1 to 1000000");
    o->messages = (uint32_t)n;
    return FP_OK;
}

static enum fp_err set_over(struct simulate_options *o, const char *value, struct buf *why)
{
    if (time_parse_duration(slice_str(value), &o->over_ms) || o->over_ms > for_max_ms)
        return refuse(why, "--over", value, "write a duration up to 30 days, such as 1h");
    return FP_OK;
}

static enum fp_err set_for(struct simulate_options *o, const char *value, struct buf *why)
{
    if (time_parse_duration(slice_str(value), &o->for_ms) || o->for_ms <= 0 ||
        o->for_ms > for_max_ms)
        return refuse(why, "--for", value, "write a duration up to 30 days, such as 12h");
    return FP_OK;
}

static enum fp_err add_sender(struct simulate_options *o, struct slice address)
{
    if (slice_equal(address, SLICE_LIT("<>")))
        address.n = 0;
    else if (address_check(address, false) != FP_OK)
        return FP_INVALID;
    o->senders = must_realloc(o->senders, (o->sender_count + 1) * sizeof *o->senders);
    o->senders[o->sender_count++] = must_memdup(address.p, address.n);
    return FP_OK;
}

static enum fp_err set_from(struct simulate_options *o, const char *value, struct buf *why)
{
    for (const char *at = value;;) {
        size_t n = strcspn(at, ",");
        if (add_sender(o, (struct slice){at, n}) != FP_OK)
            return refuse(why, "--from", value,
                          "write addresses such as a@example.org,b@example.org, or <> for notices");
        if (!at[n])
            return FP_OK;
        at += n + 1;
    }
}

enum fp_err simulate_options_add_domain(struct simulate_options *o, struct slice name)
{
    struct buf address, key;
    buf_init(&address, 1024);
    buf_init(&key, 1024);
    buf_add_str(&address, "user@");
    enum fp_err err = buf_add_slice(&address, name);
    if (!err)
        err = address_check(buf_slice(&address), false);
    if (!err) {
        address_domain_key(buf_slice(&address), &key);
        uint32_t i = 0;
        while (i < o->domain_count && strcmp(o->domains[i], key.p) != 0)
            i++;
        if (i == o->domain_count) {
            o->domains = must_realloc(o->domains, (i + 1) * sizeof *o->domains);
            o->domains[o->domain_count++] = buf_steal(&key, NULL);
        }
    }
    buf_close(&address);
    buf_close(&key);
    return err;
}

static enum fp_err set_to(struct simulate_options *o, const char *value, struct buf *why)
{
    for (const char *at = value;;) {
        size_t n = strcspn(at, ",");
        if (simulate_options_add_domain(o, (struct slice){at, n}) != FP_OK)
            return refuse(why, "--to", value,
                          "write domains such as example.com,example.net, without a blank");
        if (!at[n])
            return FP_OK;
        at += n + 1;
    }
}

static void lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text + 'a' - 'A');
}

static enum fp_err set_mx(struct simulate_options *o, const char *value, struct buf *why)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !hostname_is_valid(slice_str(equals + 1)) ||
        !hostname_is_valid((struct slice){value, (size_t)(equals - value)}))
        return refuse(why, "--mx", value, "write DOMAIN=HOST, such as example.com=mx1.example.net");
    o->mx = must_realloc(o->mx, (o->mx_count + 1) * sizeof *o->mx);
    struct simulate_mx *mx = &o->mx[o->mx_count++];
    mx->domain = must_memdup(value, (size_t)(equals - value));
    mx->host = must_strdup(equals + 1);
    lower(mx->domain);
    lower(mx->host);
    return FP_OK;
}

static enum fp_err set_seed(struct simulate_options *o, const char *value, struct buf *why)
{
    if (!parse_number(value, &o->seed))
        return refuse(why, "--seed", value, "write a number");
    return FP_OK;
}

static enum fp_err set_format(struct simulate_options *o, const char *value, struct buf *why)
{
    o->is_json = strcmp(value, "json") == 0;
    if (!o->is_json && strcmp(value, "text") != 0)
        return refuse(why, "--format", value, "write text or json");
    return FP_OK;
}

static const struct option {
    const char *name;
    enum fp_err (*set)(struct simulate_options *o, const char *value, struct buf *why);
} options[] = {
    {"messages", set_messages}, {"over", set_over},     {"for", set_for},
    {"from", set_from},         {"to", set_to},         {"mx", set_mx},
    {"seed", set_seed},         {"format", set_format},
};

static enum fp_err say_unknown(const char *word, struct buf *why)
{
    const char *names[COUNT_OF(options) + WEATHER_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(options); i++)
        names[count++] = options[i].name;
    for (int kind = 0; kind < WEATHER_COUNT; kind++)
        names[count++] = weather_name((enum weather_kind)kind);
    char plain[64] = "";
    if (strncmp(word, "--", 2) == 0) {
        size_t n = strcspn(word + 2, "=");
        memcpy(plain, word + 2, n < sizeof plain ? n : sizeof plain - 1);
    }
    const char *nearest = text_nearest(plain, names, count);
    buf_add_str(why, "simulate does not know \"");
    text_escape(slice_str(word), why);
    if (nearest)
        buf_addf(why, "\"; did you mean --%s?", nearest);
    else
        buf_add_str(why, "\"; fermoposta simulate --help lists its options");
    return FP_INVALID;
}

// Is `word` the option --NAME, or --NAME=VALUE, which then sets *value?
static bool is_option(const char *word, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, n) != 0)
        return false;
    *value = word[2 + n] == '=' ? word + 3 + n : NULL;
    return *value || !word[2 + n];
}

// What the word is an option of: sets exactly one of *ret_option and *ret_kind.
static bool find(const char *word, const struct option **ret_option, enum weather_kind *ret_kind,
                 const char **value)
{
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (is_option(word, options[i].name, value)) {
            *ret_option = &options[i];
            return true;
        }
    for (int kind = 0; kind < WEATHER_COUNT; kind++)
        if (is_option(word, weather_name((enum weather_kind)kind), value)) {
            *ret_option = NULL;
            *ret_kind = (enum weather_kind)kind;
            return true;
        }
    return false;
}

static enum fp_err parse_words(const char *const *words, size_t count, struct simulate_options *o,
                               struct buf *why)
{
    for (size_t i = 0; i < count; i++) {
        const struct option *option;
        enum weather_kind kind;
        const char *value;
        if (!find(words[i], &option, &kind, &value))
            return say_unknown(words[i], why);
        if (!value && ++i == count) {
            buf_addf(why, "%s needs a value behind it", words[i - 1]);
            return FP_INVALID;
        }
        value = value ? value : words[i];
        enum fp_err err =
            option ? option->set(o, value, why) : weather_add(&o->weather, kind, value, why);
        if (err)
            return err;
    }
    return FP_OK;
}

enum fp_err simulate_options_parse(const char *const *words, size_t count,
                                   struct simulate_options *ret, struct buf *why)
{
    *ret = (struct simulate_options){.messages = 100, .for_ms = for_max_ms, .seed = 1};
    enum fp_err err = parse_words(words, count, ret, why);
    if (!err && ret->sender_count == 0)
        err = add_sender(ret, SLICE_LIT("user@example.org"));
    return err;
}

void simulate_options_close(struct simulate_options *o)
{
    for (uint32_t i = 0; i < o->domain_count; i++)
        free(o->domains[i]);
    for (uint32_t i = 0; i < o->mx_count; i++) {
        free(o->mx[i].domain);
        free(o->mx[i].host);
    }
    free(o->mx);
    free(o->domains);
    for (uint32_t i = 0; i < o->sender_count; i++)
        free(o->senders[i]);
    free(o->senders);
    weather_close(&o->weather);
    *o = (struct simulate_options){0};
}
