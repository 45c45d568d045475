// SPDX-License-Identifier: BSD-2-Clause
// Runs real-replies.jsonl: what hosts really said, as a reply to RCPT and after the end mark.
#include "cases_read.h"

#include "deliver/classify.h"

static const struct cases_skip skips[] = {
    {"real-142", "a greeting of 220 is positive, whatever its text says"},
    {NULL},
};

// 552 without an enhanced code is temporary at RCPT (RFC 5321 4.5.3.1.10).
static bool is_for_dot_only(const struct reply_parser *p)
{
    return p->code == 552 && !p->enhanced[0];
}

static void check(struct cases *c, const json_t *row, enum outcome_stage stage,
                  const struct reply_parser *p)
{
    static const struct hop hop = {"mx.example", "192.0.2.1", 25};
    const json_t *want = json_object_get(row, "expect");
    const char *id = cases_text(row, "id"), *status = cases_text(want, "dsn_status");
    const char *has = cases_text(want, "diagnostic_has");
    struct outcome o;
    classify_reply(stage, p, &hop, &o);
    cases_expect(c, id,
                 strcmp(cases_text(want, "outcome"),
                        o.result == OUTCOME_FAILED ? "failed" : "deferred") == 0,
                 o.text);
    bool is_exact = strcmp(cases_text(want, "dsn_status_match"), "exact") == 0;
    cases_expect(c, id, strncmp(o.status, status, strlen(status) + is_exact) == 0, o.status);
    cases_expect(c, id, !has || strstr(o.text, has), o.text);
}

int main(int argc, char **argv)
{
    struct cases c;
    json_t *row;
    cases_open(&c, argc > 1 ? argv[1] : ".", "real-replies.jsonl", skips);
    while ((row = cases_next(&c))) {
        if (!cases_skips(&c, cases_text(row, "id"))) {
            char *wire = cases_unescape(cases_text(row, "wire"));
            struct reply_parser p;
            reply_init(&p);
            reply_feed(&p, slice_str(wire));
            cases_expect(&c, cases_text(row, "id"), reply_is_complete(&p), "no complete reply");
            check(&c, row, STAGE_DOT, &p);
            if (!is_for_dot_only(&p))
                check(&c, row, STAGE_RCPT, &p);
            free(wire);
        }
        json_decref(row);
    }
    return cases_close(&c, 70);
}
