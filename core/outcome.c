// SPDX-License-Identifier: BSD-2-Clause
// outcome: names of the classes, and outcomes in our own words. See outcome.h.
#include "core/outcome.h"

#include "core/must.h"

#include <stdarg.h>
#include <stdio.h>

const char *outcome_class_name(enum outcome_class klass)
{
    static const char *const names[CLASS_COUNT] = {
        [CLASS_NONE] = "none",           [CLASS_HOST] = "host",
        [CLASS_TLS] = "tls",             [CLASS_AUTH] = "auth",
        [CLASS_DNS] = "dns",             [CLASS_GREYLIST] = "greylist",
        [CLASS_MAILBOX_FULL] = "mailbox-full", [CLASS_RATE] = "rate",
        [CLASS_MESSAGE] = "message",     [CLASS_REFUSED] = "refused",
        [CLASS_ADDRESS] = "address",     [CLASS_EXPIRED] = "expired",
        [CLASS_OPERATOR] = "operator",
    };
    must((unsigned)klass < CLASS_COUNT && names[klass]);
    return names[klass];
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
