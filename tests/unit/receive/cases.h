// SPDX-License-Identifier: BSD-2-Clause
// cases: reads a file of conformance cases, one JSON object a line, with C-escaped texts.
#ifndef FP_TESTS_RECEIVE_CASES_H
#define FP_TESTS_RECEIVE_CASES_H

#include "core/buf.h"
#include "core/must.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASE_TEXT_MAX = 256 * 1024 * 1024 };

struct skip {
    const char *id, *reason;
};

struct tally {
    int passed, failed, skipped;
};

static inline int case_hex(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

// \r \n \t \\ \xHH; all else stands for itself.
static inline void case_unescape(const char *text, struct buf *to)
{
    for (; *text; text++) {
        if (*text != '\\' || !text[1]) {
            buf_add_byte(to, *text);
            continue;
        }
        text++;
        if (*text == 'x') {
            buf_add_byte(to, (char)(case_hex(text[1]) << 4 | case_hex(text[2])));
            text += 2;
        } else {
            buf_add_byte(to, *text == 'r'   ? '\r'
                             : *text == 'n' ? '\n'
                             : *text == 't' ? '\t'
                                            : *text);
        }
    }
}

// The text of a member, with "expand" done.
static inline void case_text(const json_t *c, const char *text, struct buf *to)
{
    const json_t *mark = json_object_get(json_object_get(c, "expand"), "@@");
    const char *at = mark ? strstr(text, "@@") : NULL;
    if (!at) {
        case_unescape(text, to);
        return;
    }
    char *head = must_memdup(text, (size_t)(at - text));
    case_unescape(head, to);
    free(head);
    for (json_int_t i = 0; i < json_integer_value(json_object_get(mark, "n")); i++)
        buf_add_str(to, json_string_value(json_object_get(mark, "s")));
    case_unescape(at + 2, to);
}

static inline const char *case_member(const json_t *c, const char *name)
{
    const char *text = json_string_value(json_object_get(c, name));
    return text ? text : "";
}

static inline const char *case_skip_reason(const struct skip *skips, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(skips[i].id, id) == 0)
            return skips[i].reason;
    return NULL;
}

// Calls check for each case that is not skipped and that it is meant for; it gives 1 passed,
// 0 failed, -1 not for us. Returns the exit status.
static inline int case_run_file(const char *path, const struct skip *skips, size_t skip_count,
                                int min_passed, int (*check)(const json_t *c))
{
    char line[64 * 1024];
    struct tally t = {0};
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof line, f)) {
        json_t *c = json_loads(line, 0, NULL);
        must(c);
        const char *reason = case_skip_reason(skips, skip_count, case_member(c, "id"));
        int result = reason ? -1 : check(c);
        t.passed += result == 1;
        t.failed += result == 0;
        t.skipped += reason != NULL;
        if (result == 0)
            printf("FAILED %s\n", case_member(c, "id"));
        json_decref(c);
    }
    fclose(f);
    printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped);
    return t.failed > 0 || t.passed < min_passed || t.skipped != (int)skip_count;
}

#endif
