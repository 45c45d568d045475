// SPDX-License-Identifier: BSD-2-Clause
// credentials: rows of credentials. See config_tables_conf.h.
#include "config/tables_conf.h"

#include "config/config.h"
#include "config/program_fs.h"
#include "config/secret_fs.h"
#include "config/table_conf.h"
#include "core/must.h"
#include "core/time.h"
#include "io/system_sys.h"

#include <stdlib.h>
#include <unistd.h>

enum { WORDS_MAX = 64, TIMEOUT_S = 10, TIMEOUT_MAX_S = 300, KEEP_MINUTES = 5, KEEP_MAX_HOURS = 24 };

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void credential_host(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct credential_row *row = into;
    const char *value = config_string(r, s);
    if (!value)
        return;
    struct slice text = hostname_without_root(slice_str(value));
    if (hostname_is_valid(text) || hostname_is_ipv4(text) || hostname_is_ipv6(text)) {
        row->host = config_lower_case(value);
        row->host[text.n] = '\0';
        return;
    }
    config_problem(r, s,
                   "for: \"%s\" is no next hop; write its name as the route has it, without a "
                   "port: \"smtp.provider.example\"",
                   config_shown(value));
}

static void credential_user(struct config_reader *r, const config_setting_t *s, void *into)
{
    const char *value = config_text_value(r, s);
    if (value)
        ((struct credential_row *)into)->user = must_strdup(value);
}

static void take_file(struct config_reader *r, const config_setting_t *s, char **ret)
{
    const char *value = config_text_value(r, s);
    if (!value || *ret) // a second one is told of below
        return;
    if (value[0] == '/')
        *ret = must_strdup(value);
    else
        config_problem(r, s, "%s: \"%s\" is no full path; it must begin with \"/\"",
                       config_setting_name(s), config_shown(value));
}

static void take_command(struct config_reader *r, const config_setting_t *s, char ***ret)
{
    if (!config_strings(r, s, WORDS_MAX) || *ret)
        return;
    uint32_t n = (uint32_t)config_setting_length(s);
    if (n == 0 || config_element(s, 0)[0] != '/') {
        config_problem(r, s,
                       "%s is the program's full path and its words, no shell is asked: "
                       "[ \"/usr/bin/pass\", \"show\", \"smtp\" ]",
                       config_setting_name(s));
        return;
    }
    *ret = must_zalloc((n + 1) * sizeof **ret);
    for (uint32_t i = 0; i < n; i++)
        (*ret)[i] = must_strdup(config_element(s, i));
}

static void take_service_secret(struct config_reader *r, const config_setting_t *s, char **ret)
{
    const char *value = config_text_value(r, s);
    if (value && (strchr(value, '/') || value[0] == '.'))
        config_problem(r, s, "%s: \"%s\" is no name of a systemd credential, but a path",
                       config_setting_name(s), config_shown(value));
    else if (value && !*ret)
        *ret = must_strdup(value);
}

static void password_file(struct config_reader *r, const config_setting_t *s, void *into)
{
    take_file(r, s, &((struct credential_row *)into)->file);
}

static void password_command(struct config_reader *r, const config_setting_t *s, void *into)
{
    take_command(r, s, &((struct credential_row *)into)->words);
}

static void password_credential(struct config_reader *r, const config_setting_t *s, void *into)
{
    take_service_secret(r, s, &((struct credential_row *)into)->service_secret);
}

static void token_file(struct config_reader *r, const config_setting_t *s, void *into)
{
    ((struct credential_row *)into)->is_token = true;
    password_file(r, s, into);
}

static void token_command(struct config_reader *r, const config_setting_t *s, void *into)
{
    ((struct credential_row *)into)->is_token = true;
    password_command(r, s, into);
}

static void token_credential(struct config_reader *r, const config_setting_t *s, void *into)
{
    ((struct credential_row *)into)->is_token = true;
    password_credential(r, s, into);
}

static void credential_mechanisms(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct credential_row *row = into;
    if (!config_strings(r, s, AUTH_MECHANISM_COUNT))
        return;
    for (uint32_t i = 0; i < (uint32_t)config_setting_length(s); i++) {
        const char *value = config_element(s, i);
        enum auth_mechanism m = auth_parse(slice_str(value));
        if (m == AUTH_NONE)
            config_problem(r, config_setting_get_elem(s, i),
                           "mechanisms: \"%s\" is unknown; there are SCRAM-SHA-256-PLUS, "
                           "SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, OAUTHBEARER, "
                           "XOAUTH2, PLAIN and LOGIN",
                           config_shown(value));
        else
            row->mechanisms |= auth_bit(m);
    }
}

static void credential_clear(struct config_reader *r, const config_setting_t *s, void *into)
{
    if (config_setting_type(s) == CONFIG_TYPE_BOOL)
        ((struct credential_row *)into)->permits_clear = config_setting_get_bool(s);
    else
        config_problem(r, s, "clear must be true or false (without quotes)");
}

static void credential_timeout(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_duration(r, s, TIME_SECOND_MS, TIMEOUT_MAX_S * TIME_SECOND_MS,
                    &((struct credential_row *)into)->timeout_ms);
}

static void credential_keep(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_duration(r, s, 0, KEEP_MAX_HOURS * TIME_HOUR_MS,
                    &((struct credential_row *)into)->keep_ms);
}

static void *credential_add(struct config *c)
{
    struct credential_row *row =
        config_table_grow((void **)&c->credentials->rows, &c->credentials->count, sizeof *row);
    row->timeout_ms = TIMEOUT_S * TIME_SECOND_MS;
    row->keep_ms = KEEP_MINUTES * TIME_MINUTE_MS;
    return row;
}

static char **credential_key(struct config *c, uint32_t row)
{
    return &c->credentials->rows[row].host;
}

static int count_sources(const config_setting_t *s)
{
    static const char *const sources[] = {"password_file",       "password_command",
                                          "password_credential", "token_file",
                                          "token_command",       "token_credential"};
    int n = 0;
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        n += config_setting_get_member(s, sources[i]) != NULL;
    return n;
}

static void check_mechanisms(struct config_reader *r, const config_setting_t *s,
                             const struct credential_row *row)
{
    bool has_token = false, has_password = false;
    for (int m = 0; m < AUTH_MECHANISM_COUNT; m++)
        if (row->mechanisms & auth_bit(m)) {
            has_token |= auth_takes_token(m);
            has_password |= !auth_takes_token(m);
        }
    if (row->is_token && has_password && !has_token)
        config_problem(r, s,
                       "mechanisms: none of these takes a token; write \"OAUTHBEARER\" or "
                       "\"XOAUTH2\"");
    else if (!row->is_token && has_token && !has_password)
        config_problem(r, s,
                       "mechanisms: these take a token, and the row has a password; write "
                       "token_file, token_command or token_credential");
}

// What would be a mistake whatever else the configuration says.
static void check_row(struct config_reader *r, const config_setting_t *s,
                      const struct credential_row *row)
{
    if (!config_setting_is_group(s))
        return;
    check_mechanisms(r, s, row);
    if (!config_setting_get_member(s, "user"))
        config_problem(r, s, "this row of credentials lacks user");
    if (count_sources(s) != 1)
        config_problem(r, s,
                       "this row of credentials %s; write one of password_file, password_command, "
                       "password_credential, token_file, token_command, token_credential",
                       count_sources(s) ? "names several secrets" : "lacks a secret");
    static const char *const of_commands[] = {"timeout", "keep"};
    bool has_command = config_setting_get_member(s, "password_command") ||
                       config_setting_get_member(s, "token_command");
    for (size_t i = 0; i < COUNT_OF(of_commands); i++) {
        const config_setting_t *member = config_setting_get_member(s, of_commands[i]);
        if (member && !has_command)
            config_warning(r, member, "%s counts only with a command; a file is read each time",
                           of_commands[i]);
    }
}

void config_read_credentials(struct config_reader *r, const config_setting_t *s, void *config)
{
    static const struct config_member members[] = {
        {"for", credential_host},
        {"user", credential_user},
        {"password_file", password_file},
        {"password_command", password_command},
        {"password_credential", password_credential},
        {"token_file", token_file},
        {"token_command", token_command},
        {"token_credential", token_credential},
        {"mechanisms", credential_mechanisms},
        {"clear", credential_clear},
        {"timeout", credential_timeout},
        {"keep", credential_keep},
    };
    static const struct config_table table = {
        .name = "credentials",
        .example = "{ for = \"smtp.provider.example\", user = \"me\", password_file = \"/PATH\" }",
        .members = members,
        .member_count = COUNT_OF(members),
        .key = "for",
        .add = credential_add,
        .key_of = credential_key,
    };
    const struct credentials *c = ((struct config *)config)->credentials;
    config_table_read(r, &table, s);
    for (uint32_t i = 0; config_setting_is_list(s) && i < c->count; i++)
        check_row(r, config_setting_get_elem(s, i), &c->rows[i]);
}

// ---- together with the other tables --------------------------------------------------------

static bool is_routed(const struct routes *routes, const char *host)
{
    for (uint32_t i = 0; i < routes->count; i++)
        for (uint32_t t = 0; t < routes->rows[i].target_count; t++) {
            const char *target = routes->rows[i].targets[t].host;
            if (target &&
                slice_equal_nocase(hostname_without_root(slice_str(target)), slice_str(host)))
                return true;
        }
    return false;
}

static bool is_this_machine(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

static bool may_show_secret(const struct credential_row *row)
{
    for (int m = 0; m < AUTH_MECHANISM_COUNT; m++)
        if ((!row->mechanisms || row->mechanisms & auth_bit(m)) && auth_shows_secret(m))
            return true;
    return false;
}

// With "dane" the DNS may say nothing, and then it is anybody.
static bool is_proved(const struct protect_table *t, const char *host)
{
    enum protect_policy policy = protect_find(t, "", host, false)->policy;
    return policy == PROTECT_VERIFY || policy == PROTECT_DANE_ONLY;
}

static void check_file(struct config_reader *r, const config_setting_t *s,
                       const struct credential_row *row)
{
    struct system_user user;
    struct buf why;
    buf_init(&why, 4096);
    bool is_known = system_find_user(r->config->user, &user, &why) == FP_OK && geteuid() == 0;
    buf_close(&why);
    const char *trouble = config_secret_trouble(row->file, is_known, user.uid, user.gid);
    if (trouble)
        config_warning(r, s, "%s_file: %s %s", row->is_token ? "token" : "password",
                       config_shown(row->file), trouble);
}

static void check_use(struct config_reader *r, const config_setting_t *s,
                      const struct credential_row *row)
{
    const struct config *c = r->config;
    if (row->file)
        check_file(r, s, row);
    else if (row->words && !config_program_is_there(row->words[0]))
        config_warning(r, s, "%s_command: there is no program to run at \"%s\"",
                       row->is_token ? "token" : "password", config_shown(row->words[0]));
    if (!is_routed(&c->routes, row->host))
        config_warning(r, s,
                       "this row of credentials is for nobody: no row of route names \"%s\" "
                       "(\"smtp://%s:587\"), and hosts found by MX are told no secret",
                       config_shown(row->host), config_shown(row->host));
    else if (may_show_secret(row) && !row->permits_clear && !is_this_machine(row->host) &&
             !is_proved(c->protect, row->host))
        config_warning(r, s,
                       "whoever answers as \"%s\" is told the secret; let its certificate prove "
                       "who it is: tls = ( { for = \"%s\", policy = \"verify\" } )",
                       config_shown(row->host), config_shown(row->host));
}

void config_check_credentials(struct config_reader *r, const config_setting_t *root, void *config)
{
    const config_setting_t *table = config_setting_get_member(root, "credentials");
    const struct credentials *c = ((const struct config *)config)->credentials;
    for (uint32_t i = 0; table && config_setting_is_list(table) && i < c->count; i++) {
        const config_setting_t *row = config_setting_get_elem(table, i);
        if (c->rows[i].host && config_setting_is_group(row))
            check_use(r, row, &c->rows[i]);
    }
}
