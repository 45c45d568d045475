// SPDX-License-Identifier: BSD-2-Clause
// cases_read: conformance files, one JSON object a line, with their escapes; and the bookkeeping of
// a runner. A line is checked, or skipped by an id that stands in the runner's table with a reason.
#ifndef FP_TESTS_DELIVER_CASES_READ_H
#define FP_TESTS_DELIVER_CASES_READ_H

#include "core/buf.h"
#include "core/must.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct cases_skip {
    const char *id, *why;
};

struct cases {
    FILE *file;
    const struct cases_skip *skips; // ends with a NULL id
    uint32_t checked, skipped, failed;
};

static inline void cases_open(struct cases *c, const char *dir, const char *name,
                              const struct cases_skip *skips)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    *c = (struct cases){.file = fopen(path, "r"), .skips = skips};
    if (!c->file) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(2);
    }
}

static inline json_t *cases_next(struct cases *c)
{
    static char line[1 << 20];
    if (!fgets(line, sizeof line, c->file))
        return NULL;
    json_t *row = json_loads(line, 0, NULL);
    must(row);
    return row;
}

static inline const char *cases_text(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static inline bool cases_skips(struct cases *c, const char *id)
{
    for (const struct cases_skip *s = c->skips; s->id; s++)
        if (strcmp(s->id, id) == 0) {
            c->skipped++;
            return true;
        }
    c->checked++;
    return false;
}

static inline void cases_expect(struct cases *c, const char *id, bool is_right, const char *got)
{
    if (is_right)
        return;
    c->failed++;
    fprintf(stderr, "%s: got %s\n", id, got);
}

// checked_min: a runner that checks nothing must not pass for years.
static inline int cases_close(struct cases *c, uint32_t checked_min)
{
    fclose(c->file);
    printf("%u checked, %u skipped, %u failed\n", c->checked, c->skipped, c->failed);
    return c->failed > 0 || c->checked < checked_min;
}

static inline int cases_hex(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

// \r \n \t \\ \xHH; all else literal. The text may hold no NUL.
static inline char *cases_unescape(const char *text)
{
    char *out = must_alloc(strlen(text) + 1), *to = out;
    for (const char *p = text; *p; p++) {
        if (*p != '\\') {
            *to++ = *p;
            continue;
        }
        p++;
        if (*p == 'x') {
            *to++ = (char)(cases_hex(p[1]) * 16 + cases_hex(p[2]));
            p += 2;
        } else {
            *to++ = *p == 'r' ? '\r' : *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
        }
    }
    *to = '\0';
    return out;
}

// Like cases_unescape, with `expand`: {"@@": {"s": S, "n": N}}.
static inline char *cases_bytes(const char *text, const json_t *row)
{
    const json_t *expand = json_object_get(json_object_get(row, "expand"), "@@");
    char *plain = cases_unescape(text), *at = strstr(plain, "@@");
    if (!expand || !at)
        return plain;
    char *s = cases_unescape(cases_text(expand, "s"));
    size_t n = (size_t)json_integer_value(json_object_get(expand, "n")), size = strlen(s);
    char *out = must_alloc(strlen(plain) + n * size + 1), *to = out + (at - plain);
    memcpy(out, plain, (size_t)(at - plain));
    for (size_t i = 0; i < n; i++, to += size)
        memcpy(to, s, size);
    strcpy(to, at + 2);
    free(s);
    free(plain);
    return out;
}

#endif
