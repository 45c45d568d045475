// SPDX-License-Identifier: BSD-2-Clause
// limit_words: see limit_words.h.
#include "pipeline/limit_words.h"

#include "core/time.h"

#include <stdio.h>

static void format_rate(const struct limit_rule *limit, char *value)
{
    struct buf text;
    buf_init(&text, LIMIT_WORDS_VALUE_SIZE - 1);
    if (limit->rate_count == 0) {
        buf_add_str(&text, "no limit");
    } else {
        buf_addf(&text, "%u/", limit->rate_count);
        time_format_duration(limit->rate_ms, &text);
    }
    snprintf(value, LIMIT_WORDS_VALUE_SIZE, "%s", text.p);
    buf_close(&text);
}

void limit_words_find(const struct rules *rules, const struct limit_rule *limit,
                      struct limit_words *ret)
{
    static const char *const names[LIMIT_FIELDS] = {
        [LIMIT_CONNECTIONS] = "connections",
        [LIMIT_MESSAGES] = "messages_per_connection",
        [LIMIT_RECIPIENTS] = "recipients_per_message",
        [LIMIT_RATE] = "rate",
    };
    const uint32_t numbers[LIMIT_FIELDS] = {limit->connections, limit->messages_per_connection,
                                            limit->recipients_per_message, 0};
    for (int i = 0; i < LIMIT_FIELDS; i++) {
        snprintf(ret->values[i], LIMIT_WORDS_VALUE_SIZE, "%u", numbers[i]);
        buf_init(&ret->rules[i], 64 * 1024);
        rules_name_limit(rules, limit->row[i], &ret->rules[i]);
        ret->rows[i] = (struct why_limit){names[i], ret->values[i], ret->rules[i].p};
    }
    format_rate(limit, ret->values[LIMIT_RATE]);
}

void limit_words_close(struct limit_words *w)
{
    for (int i = 0; i < LIMIT_FIELDS; i++)
        buf_close(&w->rules[i]);
}
