// SPDX-License-Identifier: BSD-2-Clause
// config_conf: the configuration file as a whole. See config_conf.h.
//
// The order of work: join the file with its includes (config_text), let libconfig parse the text,
// read each setting by its member, say what libconfig could not parse, fill in what was not
// written. After a syntax error libconfig still holds what stood before it, so that is checked as
// well.
#include "config/config_conf.h"

#include "config/config_sys.h"
#include "config/table_conf.h"
#include "config/tables_conf.h"
#include "config/value_conf.h"
#include "core/address.h"
#include "core/message.h"
#include "core/must.h"
#include "core/time.h"

#include <stdlib.h>

enum {
    NAMESERVERS_MAX = 8,
    RCPTS_MAX = 100000,
    RCPTS_ADVISED = 100, // RFC 5321 4.5.3.1.8: a server must take at least this many
    HISTORY_DAYS_MAX = 3650,
    MESSAGE_SIZE_MIN = 1024,
    SESSIONS_MAX = 5000,
    IDLE_CONNECTIONS_MAX = 200, // of BUDGET_LINGERING
    IDLE_MINUTES_MAX = 5,
};

#define COUNT_OF(a)            (sizeof(a) / sizeof((a)[0]))
#define INTERACTIVE_MAX_MS     (10 * TIME_MINUTE_MS)
#define INTERACTIVE_ADVISED_MS (5 * TIME_MINUTE_MS) // half of what clients wait

const char *const config_setting_names[] = {
    "hostname",
    "spool",
    "socket",
    "user",
    "operators",
    "mode",
    "interactive_timeout",
    "nameservers",
    "trust_ad",
    "smtp_port",
    "eight_bit",
    "chunking",
    "pipe_timeout",
    "postmaster",
    "max_message_size",
    "max_recipients",
    "max_sessions",
    "idle_connections",
    "idle_time",
    "log",
    "listen.address",
    "listen.protocol",
    "listen.trusted",
    "route.for",
    "route.to",
    "retry.for",
    "retry.from",
    "retry.on",
    "retry.schedule",
    "retry.warn_after",
    "retry.expire_after",
    "retry.max_attempts",
    "retry.jitter",
    "retry.retry_after",
    "limit.for",
    "limit.connections",
    "limit.messages_per_connection",
    "limit.recipients_per_message",
    "limit.rate",
    "credentials.for",
    "credentials.user",
    "credentials.password_file",
    "credentials.password_command",
    "credentials.password_credential",
    "credentials.token_file",
    "credentials.token_command",
    "credentials.token_credential",
    "credentials.mechanisms",
    "credentials.clear",
    "credentials.timeout",
    "credentials.keep",
    "notice.return",
    "notice.language",
    "brake.failures",
    "brake.senders",
    "brake.within",
    "history",
    NULL,
};

static void replace(char **to, const char *value)
{
    free(*to);
    *to = must_strdup(value);
}

static void read_hostname(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct config *c = into;
    const char *value = config_text_value(r, s);
    if (!value)
        return;
    if (hostname_is_valid(slice_str(value)))
        replace(&c->hostname, value);
    else
        config_problem(r, s,
                       "hostname: \"%s\" is no host name; write one such as "
                       "\"mail.example.org\"",
                       config_shown(value));
}

// A path that means the same file whoever reads it, from whatever folder.
static const char *absolute_path(struct config_reader *r, const config_setting_t *s)
{
    const char *value = config_text_value(r, s);
    if (!value || value[0] == '/')
        return value;
    config_problem(r, s, "%s: \"%s\" is no full path; it must begin with \"/\"",
                   config_setting_name(s), config_shown(value));
    return NULL;
}

static void read_spool(struct config_reader *r, const config_setting_t *s, void *into)
{
    const char *value = absolute_path(r, s);
    if (value)
        replace(&((struct config *)into)->spool, value);
}

static void read_socket(struct config_reader *r, const config_setting_t *s, void *into)
{
    const char *value = absolute_path(r, s);
    if (value && strlen(value) > CONFIG_SOCKET_PATH_MAX)
        config_problem(r, s, "socket is %zu bytes long, but the path of a socket has at most %d",
                       strlen(value), CONFIG_SOCKET_PATH_MAX);
    else if (value)
        replace(&((struct config *)into)->socket, value);
}

static void read_user(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct config *c = into;
    const char *value = config_string(r, s); // "" is a value: as started
    if (!value)
        return;
    replace(&c->user, value);
    free(c->user_place);
    c->user_place = config_table_place(r, s);
}

static void read_operators(struct config_reader *r, const config_setting_t *s, void *into)
{
    const char *value = config_string(r, s); // "" is a value: nobody more
    if (value)
        replace(&((struct config *)into)->operators, value);
}

static void read_mode(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const char *const words[] = {[MODE_BACKGROUND] = "background",
                                        [MODE_INTERACTIVE] = "interactive",
                                        [MODE_QUEUE] = "queue"};
    int i = config_word(r, s, words, COUNT_OF(words));
    if (i >= 0)
        ((struct config *)into)->mode = (enum config_mode)i;
}

static void read_interactive_timeout(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (!config_duration(r, s, TIME_SECOND_MS, INTERACTIVE_MAX_MS, &value))
        return;
    ((struct config *)into)->interactive_timeout_ms = value;
    if (value > INTERACTIVE_ADVISED_MS)
        config_warning(r, s,
                       "interactive_timeout is above \"5m\", but senders wait for 10 minutes at "
                       "most (RFC 5321 4.5.3.2.6) and send again then");
}

static void read_pipe_timeout(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (config_duration(r, s, TIME_SECOND_MS, TIME_HOUR_MS, &value))
        ((struct config *)into)->pipe_ms = value;
}

static void read_nameservers(struct config_reader *r, const config_setting_t *s, void *into)
{
    struct config *c = into;
    if (!config_strings(r, s, NAMESERVERS_MAX))
        return;
    uint32_t n = (uint32_t)config_setting_length(s);
    c->nameservers = must_zalloc((n + 1) * sizeof(*c->nameservers));
    for (uint32_t i = 0; i < n; i++) {
        const char *value = config_element(s, i);
        if (config_nameserver_is_valid(slice_str(value)))
            c->nameservers[c->nameserver_count++] = must_strdup(value);
        else
            config_problem(r, config_setting_get_elem(s, i),
                           "nameservers: \"%s\" is no name server; write \"192.0.2.53\", "
                           "\"127.0.0.1:5300\" or \"[::1]:53\"",
                           config_shown(value));
    }
}

static void read_trust_ad(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_truth(r, s, &((struct config *)into)->trusts_ad);
}

static void read_smtp_port(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (config_integer(r, s, 1, UINT16_MAX, &value))
        ((struct config *)into)->smtp_port = (uint16_t)value;
}

static void read_eight_bit(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const char *const words[] = {
        [EIGHT_BIT_CONVERT] = "convert", [EIGHT_BIT_BOUNCE] = "bounce", [EIGHT_BIT_SEND] = "send"};
    int i = config_word(r, s, words, COUNT_OF(words));
    if (i >= 0)
        ((struct config *)into)->eight_bit = (enum eight_bit)i;
}

static void read_chunking(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_truth(r, s, &((struct config *)into)->chunking);
}

static void read_postmaster(struct config_reader *r, const config_setting_t *s, void *into)
{
    const char *value = config_text_value(r, s);
    if (!value)
        return;
    // Without a domain it gets this host's later; a stand-in shows whether that makes an address.
    struct buf address;
    buf_init(&address, SIZE_MAX);
    buf_addf(&address, "%s%s", value, strchr(value, '@') ? "" : "@example.org");
    if (address_check(buf_slice(&address), false) == FP_OK)
        replace(&((struct config *)into)->postmaster, value);
    else
        config_problem(r, s,
                       "postmaster: \"%s\" is no address; write \"postmaster\" or "
                       "\"postmaster@example.org\"",
                       config_shown(value));
    buf_close(&address);
}

static void read_max_message_size(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_size(r, s, MESSAGE_SIZE_MIN, (int64_t)MESSAGE_CHUNK_MAX * MESSAGE_CHUNKS_MAX,
                &((struct config *)into)->message_size_max);
}

static void read_max_recipients(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (!config_integer(r, s, 1, RCPTS_MAX, &value))
        return;
    ((struct config *)into)->rcpts_max = (uint32_t)value;
    if (value < RCPTS_ADVISED)
        config_warning(r, s,
                       "max_recipients is below %d, which every server is to accept "
                       "(RFC 5321 4.5.3.1.8)",
                       RCPTS_ADVISED);
}

static void read_max_sessions(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (config_integer(r, s, 1, SESSIONS_MAX, &value))
        ((struct config *)into)->sessions_max = (uint32_t)value;
}

static void read_idle_connections(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (config_integer(r, s, 0, IDLE_CONNECTIONS_MAX, &value))
        ((struct config *)into)->idle_connections = (uint32_t)value;
}

static void read_idle_time(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_duration(r, s, 0, IDLE_MINUTES_MAX * TIME_MINUTE_MS, &((struct config *)into)->idle_ms);
}

static void read_log(struct config_reader *r, const config_setting_t *s, void *into)
{
    const char *value = config_text_value(r, s);
    if (!value)
        return;
    if (value[0] == '/' || strcmp(value, "stderr") == 0 || strcmp(value, "syslog") == 0)
        replace(&((struct config *)into)->log, value);
    else
        config_problem(r, s,
                       "log is \"%s\", but must be \"stderr\", \"syslog\" or the full path "
                       "of a file",
                       config_shown(value));
}

static void read_history(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_duration(r, s, 0, HISTORY_DAYS_MAX * TIME_DAY_MS, &((struct config *)into)->history_ms);
}

static void notice_return_word(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const char *const words[] = {
        [RETURN_HEADERS] = "headers", [RETURN_FULL] = "full", [RETURN_NONE] = "none"};
    int i = config_word(r, s, words, COUNT_OF(words));
    if (i >= 0)
        ((struct config *)into)->notice_return = (enum notice_return)i;
}

static void notice_language(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const char *const words[] = {"en"};
    (void)into;
    config_word(r, s, words, COUNT_OF(words));
}

static void read_notice(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const struct config_member members[] = {
        {"return", notice_return_word},
        {"language", notice_language},
    };
    if (config_setting_is_group(s))
        config_members_read(r, s, members, COUNT_OF(members), into, " in notice");
    else
        config_problem(r, s, "notice is written notice = { return = \"headers\" }");
}

static void brake_failures(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (config_integer(r, s, 0, BRAKE_FAILURES_MAX, &value))
        ((struct config *)into)->brake.failures = (uint32_t)value;
}

static void brake_senders(struct config_reader *r, const config_setting_t *s, void *into)
{
    int64_t value;
    if (config_integer(r, s, 1, BRAKE_SENDERS_MAX, &value))
        ((struct config *)into)->brake.senders = (uint32_t)value;
}

static void brake_within(struct config_reader *r, const config_setting_t *s, void *into)
{
    config_duration(r, s, TIME_SECOND_MS, TIME_DAY_MS, &((struct config *)into)->brake.within_ms);
}

static void read_brake(struct config_reader *r, const config_setting_t *s, void *into)
{
    static const struct config_member members[] = {
        {"failures", brake_failures},
        {"senders", brake_senders},
        {"within", brake_within},
    };
    const struct brake_settings *brake = &((struct config *)into)->brake;
    if (!config_setting_is_group(s)) {
        config_problem(r, s,
                       "brake is written brake = { failures = 20, senders = 3, within = \"10m\" }");
        return;
    }
    config_members_read(r, s, members, COUNT_OF(members), into, " in brake");
    if (brake->failures > 0 && brake->senders > brake->failures)
        config_problem(r, s,
                       "brake: %u failures are never those of %u senders; senders must be at most "
                       "failures",
                       brake->failures, brake->senders);
}

static const struct config_member members[] = {
    {"hostname", read_hostname},
    {"spool", read_spool},
    {"socket", read_socket},
    {"user", read_user},
    {"operators", read_operators},
    {"mode", read_mode},
    {"interactive_timeout", read_interactive_timeout},
    {"nameservers", read_nameservers},
    {"trust_ad", read_trust_ad},
    {"smtp_port", read_smtp_port},
    {"eight_bit", read_eight_bit},
    {"chunking", read_chunking},
    {"pipe_timeout", read_pipe_timeout},
    {"postmaster", read_postmaster},
    {"max_message_size", read_max_message_size},
    {"max_recipients", read_max_recipients},
    {"max_sessions", read_max_sessions},
    {"idle_connections", read_idle_connections},
    {"idle_time", read_idle_time},
    {"log", read_log},
    {"listen", config_read_listen},
    {"route", config_read_route},
    {"retry", config_read_retry},
    {"limit", config_read_limit},
    {"tls", config_read_tls},
    {"credentials", config_read_credentials},
    {"notice", read_notice},
    {"brake", read_brake},
    {"history", read_history},
};

static void say_syntax_error(struct config_reader *r, const config_t *parsed)
{
    uint32_t line = (uint32_t)config_error_line(parsed);
    const char *what = config_error_text(parsed);
    const char *hint = "; here or on the line before, a quote, comma, bracket or \"=\" is missing "
                       "or too much";
    if (strstr(what, "duplicate"))
        what = "this setting stands twice in one place", hint = "; keep one of the two";
    else if (strstr(what, "mismatched"))
        what = "values of different kinds stand between [ and ]", hint = "; write all as strings";
    buf_addf(r->problems, "%s:%u: %s%s\n", config_text_file(r->text, line),
             config_text_line(r->text, line), what, hint);
    r->has_failed = true;
}

// The setting in which libconfig stopped is half read, and what it seems to lack stands behind the
// error: it is left out.
static void drop_half_read_setting(config_setting_t *root)
{
    int last = config_setting_length(root) - 1;
    if (last >= 0 && !config_setting_is_scalar(config_setting_get_elem(root, (unsigned)last)))
        config_setting_remove_elem(root, (unsigned)last);
}

static void read_text(struct config_reader *r)
{
    config_t parsed;
    config_init(&parsed);
    bool is_whole = config_read_string(&parsed, r->text->text.p ? r->text->text.p : "");
    config_setting_t *root = config_root_setting(&parsed);
    if (!is_whole)
        drop_half_read_setting(root);
    config_members_read(r, root, members, COUNT_OF(members), r->config, "");
    config_check_hosts(r, root, r->config);
    config_check_dane(r, root, r->config);
    if (!is_whole)
        say_syntax_error(r, &parsed);
    if (!r->has_listen)
        config_listen_default(r->config);
    if (!r->has_failed) {
        config_check_doubts(r, root, r->config);
        config_check_credentials(r, root, r->config);
        config_check_tls_files(r, root, r->config);
    }
    config_destroy(&parsed);
}

static void fill_in(struct config_reader *r)
{
    struct config *c = r->config;
    if (!c->hostname) {
        c->hostname = config_machine_name();
        if (!strchr(c->hostname, '.'))
            buf_addf(r->problems,
                     "%s:1: warning: hostname is not set, and this machine's own name \"%s\" has "
                     "no domain; write hostname = \"mail.example.org\"\n",
                     c->file, c->hostname);
    }
    config_complete(c);
}

enum fp_err config_load(const char *file, struct config *ret, struct buf *problems)
{
    struct config config;
    struct config_text text;
    config_defaults(&config);
    config.file = must_strdup(file);
    config_text_init(&text);
    struct config_reader r = {.text = &text, .problems = problems, .config = &config};
    enum fp_err err = config_text_read(&text, file, problems);
    if (err == FP_OK)
        read_text(&r);
    if (err == FP_OK && r.has_failed)
        err = FP_INVALID;
    if (err == FP_OK) {
        fill_in(&r);
        *ret = config;
    } else {
        config_close(&config);
    }
    config_text_close(&text);
    return err;
}
