// SPDX-License-Identifier: BSD-2-Clause
// asking: the operator's requests in a test, and what the answers say. Behind cmocka.h.
#ifndef FP_TESTS_SIM_ASKING_H
#define FP_TESTS_SIM_ASKING_H

#include "simulate/world_db.h"

// The answer; any other exit status than `want` fails the test. word: NULL, none.
static inline const char *ask_for(struct world *w, int want, const char *verb, const char *word)
{
    int code;
    const char *answer = world_ask(w, verb, &word, word ? 1 : 0, &code);
    if (code != want)
        fail_msg("%s %s: exit %d: %s", verb, word ? word : "", code, answer);
    return answer;
}

static inline const char *ask(struct world *w, const char *verb, const char *word)
{
    return ask_for(w, 0, verb, word);
}

static inline void assert_says(const char *answer, const char *what)
{
    if (!strstr(answer, what))
        fail_msg("\"%s\" is not in:\n%s", what, answer);
}

static inline uint32_t count_in(const char *text, const char *what)
{
    uint32_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

#endif
