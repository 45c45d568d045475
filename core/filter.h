// SPDX-License-Identifier: BSD-2-Clause
// filter: which messages or recipients an operator means, as a plain value.
//
// Parsed in control/, turned into SQL in queue/ (values are always bound, never spliced). All terms
// are to hold. Terms on to, domain, state, attempts, error and next select recipients; an id or
// terms on from, age and size select all recipients of a message. `is_recipient_scoped` says which.
#ifndef FP_CORE_FILTER_H
#define FP_CORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_key {
    FILTER_ID,       // number: the queue id
    FILTER_FROM,     // text, with * as wildcard
    FILTER_TO,       // text, with * as wildcard
    FILTER_DOMAIN,   // text, with * as wildcard
    FILTER_STATE,    // number: enum filter_state
    FILTER_AGE,      // number: milliseconds since arrival
    FILTER_SIZE,     // number: bytes
    FILTER_ATTEMPTS, // number
    FILTER_ERROR,    // text to be found in the last reply, ASCII case ignored
    FILTER_NEXT,     // number: milliseconds until the next attempt
};

enum filter_state {
    FILTER_QUEUED,   // open, never tried
    FILTER_DEFERRED, // open, tried at least once
    FILTER_ACTIVE,   // an attempt is under way (only the running daemon knows)
    FILTER_HELD,
};

enum filter_relation {
    FILTER_EQUAL,
    FILTER_LESS,
    FILTER_LESS_EQUAL,
    FILTER_GREATER,
    FILTER_GREATER_EQUAL,
    FILTER_MATCH
};

enum { FILTER_TERMS_MAX = 16, FILTER_TEXT_MAX = 320 };

struct filter_term {
    enum filter_key key;
    enum filter_relation relation;
    int64_t number;
    char text[FILTER_TEXT_MAX + 1];
};

struct filter {
    size_t count; // 0: everything
    struct filter_term terms[FILTER_TERMS_MAX];
};

static inline bool filter_is_recipient_scoped(const struct filter *f)
{
    for (size_t i = 0; i < f->count; i++)
        switch (f->terms[i].key) {
        case FILTER_TO:
        case FILTER_DOMAIN:
        case FILTER_STATE:
        case FILTER_ATTEMPTS:
        case FILTER_ERROR:
        case FILTER_NEXT:
            return true;
        default:
            break;
        }
    return false;
}

static inline bool filter_is_one_id(const struct filter *f)
{
    return f->count == 1 && f->terms[0].key == FILTER_ID;
}

static inline bool filter_names_id(const struct filter *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->terms[i].key == FILTER_ID)
            return true;
    return false;
}

// The first id that it names; 0 when it names none.
static inline uint64_t filter_id(const struct filter *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->terms[i].key == FILTER_ID)
            return (uint64_t)f->terms[i].number;
    return 0;
}

static inline bool filter_names_active(const struct filter *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->terms[i].key == FILTER_STATE && f->terms[i].number == FILTER_ACTIVE)
            return true;
    return false;
}

#endif
