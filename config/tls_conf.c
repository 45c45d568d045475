// SPDX-License-Identifier: BSD-2-Clause
// tls: rows of tls. See config_tables_conf.h.
#include "config/tables_conf.h"

#include "config/config.h"
#include "config/resolver_fs.h"
#include "config/secret_fs.h"
#include "config/table_conf.h"
#include "core/must.h"
#include "io/system_sys.h"

#include <stdlib.h>
#include <unistd.h>

enum { NAMES_MAX = 100, PINS_MAX = 16 };

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void tls_pattern(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct protect_row *row = into;
    const char *value = config_string(r, s);
    struct slice text = slice_str(value ? value : "");
    if (!value)
        return;
    if (hostname_is_ipv4(text) || hostname_is_ipv6(text))
        row->pattern = config_lower_case(value); // a relay that a route names so
    else
        row->pattern = config_table_pattern(r, s);
    if (row->pattern && strchr(row->pattern, '@'))
        config_problem(r, s,
                       "for: \"%s\" is an address, but tls is about next hops: write a domain, "
                       "\"mx:HOST\", the name of a relay, or \"*\"",
                       config_shown(row->pattern));
}

static void tls_policy(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const char *const policies[] = {"none", "may", "encrypt", "verify", "dane", "dane-only"};
    int policy = config_word(r, s, policies, COUNT_OF(policies));
    if (policy >= 0)
        ((struct protect_row *)into)->policy = (enum protect_policy)policy;
}

static bool is_name(struct slice text)
{
    return hostname_is_valid(text.n > 0 && text.p[0] == '.' ? slice_from(text, 1) : text);
}

static void tls_names(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct protect_row *row = into;
    if (!config_strings(r, s, NAMES_MAX))
        return;
    uint32_t n = (uint32_t)config_setting_length(s);
    if (n == 0)
        config_problem(r, s, "names is empty; write whom the certificate must be for, or no names");
    row->names = must_zalloc((n + 1) * sizeof *row->names);
    for (uint32_t i = 0; i < n; i++) {
        const char *value = config_element(s, i);
        if (is_name(slice_str(value)))
            row->names[row->name_count++] = config_lower_case(value);
        else
            config_problem(r, config_setting_get_elem(s, i),
                           "names: \"%s\" is no name of a certificate; write \"mx.example.com\" or "
                           "\".example.com\" (everything below it)",
                           config_shown(value));
    }
}

static void tls_file(struct config_reader *r, const config_setting_t *s, char **ret)
{
    const char *value = config_text_value(r, s);
    if (value && value[0] != '/')
        config_problem(r, s, "%s: \"%s\" is no full path; it must begin with \"/\"",
                       config_setting_name(s), config_shown(value));
    else if (value)
        *ret = must_strdup(value);
}

static void tls_ca_file(struct config_reader *r, const config_setting_t *s, void *into)
{
    tls_file(r, s, &((struct protect_row *)into)->ca_file);
}

static void tls_cert_file(struct config_reader *r, const config_setting_t *s, void *into)
{
    tls_file(r, s, &((struct protect_row *)into)->cert_file);
}

static void tls_key_file(struct config_reader *r, const config_setting_t *s, void *into)
{
    tls_file(r, s, &((struct protect_row *)into)->key_file);
}

static void tls_mta_sts(struct config_reader *r, const config_setting_t *s, void *into)
{
    if (config_setting_type(s) == CONFIG_TYPE_BOOL)
        ((struct protect_row *)into)->ignores_sts = !config_setting_get_bool(s);
    else
        config_problem(r, s, "mta_sts must be true or false, without quotes");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// 64 hexadecimal digits, with colons between the octets or without.
static bool parse_pin(const char *text, struct tls_pin *ret)
{
    for (int i = 0; i < TLS_PIN_SIZE; i++) {
        text += i > 0 && *text == ':';
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0)
            return false;
        ret->digest[i] = (unsigned char)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

static void tls_pins(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct protect_row *row = into;
    if (!config_strings(r, s, PINS_MAX))
        return;
    uint32_t n = (uint32_t)config_setting_length(s);
    if (n == 0)
        config_problem(r, s, "pins is empty; write the key that must be used, or no pins");
    row->pins = must_zalloc((n + 1) * sizeof *row->pins);
    for (uint32_t i = 0; i < n; i++) {
        const char *value = config_element(s, i);
        if (parse_pin(value, &row->pins[row->pin_count]))
            row->pin_count++;
        else
            config_problem(r, config_setting_get_elem(s, i),
                           "pins: \"%s\" is no SHA-256 of a key; write 64 hexadecimal digits",
                           config_shown(value));
    }
}

static void *tls_add(struct config *c)
{
    struct protect_table *t = c->protect;
    struct protect_row *row = config_table_grow((void **)&t->rows, &t->count, sizeof *t->rows);
    row->policy = PROTECT_MAY;
    return row;
}

static char **tls_key(struct config *c, uint32_t row)
{
    return &c->protect->rows[row].pattern;
}

// With "may" an MTA-STS policy may ask for a certificate that is right, by authorities of ca_file.
static bool may_verify(const struct protect_row *row, const char *member)
{
    bool by_sts = protect_may_heed_sts(row->policy) && !row->ignores_sts;
    return row->policy == PROTECT_VERIFY || (by_sts && strcmp(member, "ca_file") == 0);
}

// What counts only together with something else.
static void check_row(struct config_reader *r, const config_setting_t *s,
                      const struct protect_row *row)
{
    static const char *const of_verify[] = {"names", "ca_file", "pins"};
    for (size_t i = 0; i < COUNT_OF(of_verify); i++) {
        const config_setting_t *member = config_setting_get_member(s, of_verify[i]);
        if (member && !may_verify(row, of_verify[i]))
            config_problem(r, member,
                           row->policy < PROTECT_VERIFY
                               ? "%s counts only with policy = \"verify\"; no certificate is "
                                 "looked at with \"%s\""
                               : "%s counts only with policy = \"verify\"; with \"%s\" the DNS "
                                 "says what certificates are right",
                           of_verify[i], protect_policy_name(row->policy));
    }
    const config_setting_t *sts = config_setting_get_member(s, "mta_sts");
    if (sts && !protect_may_heed_sts(row->policy))
        config_problem(
            r, sts,
            "mta_sts counts only with policy = \"may\" or \"dane\"; with \"%s\" a domain's policy "
            "changes nothing",
            protect_policy_name(row->policy));
    if (row->key_file && !row->cert_file)
        config_problem(r, s, "key_file is the key of a certificate; write cert_file, too");
    if (row->pin_count > 0 && (row->name_count > 0 || row->ca_file))
        config_problem(r, s,
                       "with pins the key alone decides; leave out names and ca_file, or pins");
}

void config_read_tls(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {
        {"for", tls_pattern},       {"policy", tls_policy},   {"names", tls_names},
        {"ca_file", tls_ca_file},   {"pins", tls_pins},       {"cert_file", tls_cert_file},
        {"key_file", tls_key_file}, {"mta_sts", tls_mta_sts},
    };
    static const struct config_table table = {
        .name = "tls",
        .example = "{ for = \"*\", policy = \"may\" }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = tls_add,
        .key_of = tls_key,
    };
    struct config *c = config;
    config_table_read(r, &table, s);
    for (uint32_t i = 0; config_setting_is_list(s) && i < c->protect->count; i++) {
        const config_setting_t *row = config_setting_get_elem(s, i);
        if (config_setting_is_group(row))
            check_row(r, row, &c->protect->rows[i]);
    }
}

static bool is_ip(const char *pattern)
{
    struct slice text = slice_str(pattern);
    return hostname_is_ipv4(text) || hostname_is_ipv6(text);
}

// Is there a name server whose word counts when it says that an answer was validated?
static bool has_trusted_server(const struct config *c)
{
    bool has = c->trusts_ad;
    for (uint32_t i = 0; i < c->nameserver_count; i++)
        has |= config_nameserver_is_loopback(slice_str(c->nameservers[i]));
    return has || (c->nameserver_count == 0 && config_resolver_is_trusted());
}

// Rows that leave it to the DNS, where the DNS can never say anything.
void config_check_dane(struct config_reader *r, const config_setting_t *root, void *config)
{
    const struct config *c = config;
    const config_setting_t *rows = config_setting_get_member(root, "tls");
    bool is_trusted = has_trusted_server(c);
    for (uint32_t i = 0; rows && config_setting_is_list(rows) && i < c->protect->count; i++) {
        const struct protect_row *row = &c->protect->rows[i];
        const config_setting_t *s = config_setting_get_elem(rows, i);
        if (row->policy < PROTECT_DANE)
            continue;
        const char *instead = row->policy == PROTECT_DANE ? "it means \"may\"" : "nothing is sent";
        if (row->pattern && is_ip(row->pattern))
            config_warning(r, s, "policy: an IP address has no TLSA records: %s here", instead);
        else if (!is_trusted)
            config_warning(r, s,
                           "policy: \"%s\" needs a name server that validates (DNSSEC) and is "
                           "trusted, and there is none: %s; run one on this machine, or write "
                           "trust_ad = true",
                           protect_policy_name(row->policy), instead);
    }
}

// Files may come later, and others than the daemon may read this: no errors.
void config_check_tls_files(struct config_reader *r, const config_setting_t *root, void *config)
{
    const struct protect_table *t = ((const struct config *)config)->protect;
    const config_setting_t *rows = config_setting_get_member(root, "tls");
    struct system_user user;
    struct buf why;
    buf_init(&why, 4096);
    bool is_known = system_find_user(r->config->user, &user, &why) == FP_OK && geteuid() == 0;
    buf_close(&why);
    for (uint32_t i = 0; rows && config_setting_is_list(rows) && i < t->count; i++) {
        const struct protect_row *row = &t->rows[i];
        const struct {
            const char *name, *path;
            const char *(*trouble)(const char *, bool, uint32_t, uint32_t);
        } files[] = {{"ca_file", row->ca_file, config_file_trouble},
                     {"cert_file", row->cert_file,
                      row->key_file ? config_file_trouble : config_secret_trouble},
                     {"key_file", row->key_file, config_secret_trouble}};
        for (size_t k = 0; k < COUNT_OF(files); k++) {
            const char *trouble =
                files[k].path ? files[k].trouble(files[k].path, is_known, user.uid, user.gid)
                              : NULL;
            if (trouble)
                config_warning(r, config_setting_get_elem(rows, i), "%s: %s %s", files[k].name,
                               config_shown(files[k].path), trouble);
        }
    }
}
