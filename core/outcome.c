// SPDX-License-Identifier: BSD-2-Clause
// outcome: names of the classes, and outcomes in our own words. See outcome.h.
#include "core/outcome.h"

#include "core/must.h"

#include <stdarg.h>
#include <stdio.h>

const char *outcome_class_name(enum outcome_class klass)
{
    static const char *const names[CLASS_COUNT] = {
        [CLASS_NONE] = "none",
        [CLASS_HOST] = "host",
        [CLASS_TLS] = "tls",
        [CLASS_AUTH] = "auth",
        [CLASS_DNS] = "dns",
        [CLASS_GREYLIST] = "greylist",
        [CLASS_MAILBOX_FULL] = "mailbox-full",
        [CLASS_RATE] = "rate",
        [CLASS_MESSAGE] = "message",
        [CLASS_REFUSED] = "refused",
        [CLASS_ADDRESS] = "address",
        [CLASS_EXPIRED] = "expired",
        [CLASS_OPERATOR] = "operator",
    };
    must((unsigned)klass < CLASS_COUNT && names[klass]);
    return names[klass];
}

const char *outcome_stage_name(enum outcome_stage stage)
{
    static const char *const names[STAGE_COUNT] = {
        [STAGE_NONE] = "",     [STAGE_CONNECT] = "connect",   [STAGE_GREETING] = "greeting",
        [STAGE_EHLO] = "ehlo", [STAGE_STARTTLS] = "starttls", [STAGE_AUTH] = "auth",
        [STAGE_MAIL] = "mail", [STAGE_RCPT] = "rcpt",         [STAGE_DATA] = "data",
        [STAGE_BODY] = "body", [STAGE_DOT] = "end of data",   [STAGE_DNS] = "dns",
        [STAGE_QUIT] = "quit",
    };
    must((unsigned)stage < STAGE_COUNT);
    return names[stage];
}

static const struct blocked_row {
    const char *name, *text;
} blocked_rows[BLOCKED_COUNT] = {
    [BLOCKED_NOT] = {"", ""},
    [BLOCKED_RESOLVER] = {"resolver", "no name server answers"},
    [BLOCKED_NETWORK] = {"network", "no network"},
    [BLOCKED_CREDENTIALS] = {"credentials", "the relay refuses our credentials"},
    [BLOCKED_RELAY] = {"relay", "the relay refuses us"},
    [BLOCKED_TLS] = {"tls", "TLS cannot be had as configured"},
    [BLOCKED_SPOOL] = {"spool", "the spool cannot be written"},
    [BLOCKED_SHORTAGE] = {"shortage", "too few descriptors or too little memory"},
    [BLOCKED_SECRET] = {"secret", "our credentials cannot be used"},
};

const char *outcome_blocked_text(enum outcome_blocked blocked)
{
    must((unsigned)blocked < BLOCKED_COUNT);
    return blocked_rows[blocked].text;
}

const char *outcome_blocked_name(enum outcome_blocked blocked)
{
    must((unsigned)blocked < BLOCKED_COUNT);
    return blocked_rows[blocked].name;
}

static const char blocked_prefix[] = "blocked here: ";

void outcome_say_blocked(enum outcome_blocked blocked, struct buf *to)
{
    buf_add_str(to, blocked_prefix);
    buf_add_str(to, outcome_blocked_text(blocked));
}

const char *outcome_behind_blocked(const char *text)
{
    size_t n = sizeof blocked_prefix - 1;
    return strncmp(text, blocked_prefix, n) == 0 ? text + n : NULL;
}

void outcome_set(struct outcome *o, enum outcome_result result, enum outcome_scope scope,
                 enum outcome_class klass, const char *status, const char *format, ...)
{
    *o = (struct outcome){.result = result, .scope = scope, .klass = klass};
    snprintf(o->status, sizeof o->status, "%s", status);
    va_list args;
    va_start(args, format);
    vsnprintf(o->text, sizeof o->text, format, args);
    va_end(args);
}

static void describe_host(const struct outcome *o, struct buf *to)
{
    buf_addf(to, "host %s", o->host[0] ? o->host : o->ip);
    if (o->ip[0])
        buf_addf(to, "[%s]", o->ip);
}

void outcome_describe(const struct outcome *o, struct buf *to)
{
    if (o->blocked) {
        outcome_say_blocked((enum outcome_blocked)o->blocked, to);
        buf_add_str(to, ": ");
    }
    if (!o->has_reply || o->result == OUTCOME_DELIVERED) {
        buf_add_str(to, o->text);
        return;
    }
    describe_host(o, to);
    if (o->command[0])
        buf_addf(to, " said: %s (in reply to %s command)", o->text, o->command);
    else
        buf_addf(to, " refused to talk to me: %s", o->text);
}
