// SPDX-License-Identifier: BSD-2-Clause
// Runs next-hop-scripts.jsonl: a scripted host each, and what must become of its recipients.
#include "cases_read.h"
#include "next_hop.h"

static const struct cases_skip skips[] = {
    {"hop-211-5", "5xx to EHLO and HELO is the host's failure here: deferred, not failed"},
    {"hop-maddy-nullmx", "needs a zone: rows of test_session and test_hosts"},
    {"hop-maddy-allmxdown", "needs a zone: rows of test_session"},
    {"hop-maddy-split", "two destinations: the scheduler's"},
    {"hop-lmtp-215", "LMTP comes later"},
    {NULL},
};

static const char *const rcpts[] = {"1@d.example", "2@d.example", "3@d.example", "4@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};

static struct script read_script(const json_t *spec)
{
    struct script s = {.banner = cases_text(spec, "banner")};
    const json_t *steps = json_object_get(spec, "steps");
    must(json_array_size(steps) < STEPS_MAX);
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        s.steps[i].verb = json_string_value(json_array_get(step, 0));
        s.steps[i].reply = json_string_value(json_array_get(step, 1));
    }
    return s;
}

static const char *result_name(const struct outcome *o)
{
    return o->result == OUTCOME_DELIVERED  ? "delivered"
           : o->result == OUTCOME_DEFERRED ? "deferred"
                                           : "failed";
}

// Expectations are one word, or prose that allows several: then the word must stand in it.
static void check(struct cases *c, const json_t *row, const char *key, const char *want,
                  const struct outcome *o)
{
    const char *status =
        cases_text(json_object_get(json_object_get(row, "expect"), "dsn_status"), key);
    bool is_same_as_b = strcmp(want, "as b") == 0;
    cases_expect(c, cases_text(row, "id"), is_same_as_b || strstr(want, result_name(o)), o->text);
    if (status)
        cases_expect(c, cases_text(row, "id"), strcmp(status, o->status) == 0, o->status);
}

static void run(struct cases *c, const json_t *row)
{
    const json_t *spec = json_object_get(row, "script");
    struct script scripts[] = {read_script(spec), {.connect = "refused"}};
    json_t *wants = json_object_get(json_object_get(row, "expect"), "outcome");
    bool is_two = json_is_true(json_object_get(spec, "two_messages"));
    struct world w = {.scripts = scripts, .script_count = 2, .body = SLICE_LIT("a\r\n\r\nb\r\n")};
    struct session_batch b = {"s@e.example", rcpts, is_two ? 1 : (uint32_t)json_object_size(wants),
                              8, false};
    const char *key;
    json_t *want;
    uint32_t i = 0;
    world_open(&w, &relay, 1, "d.example");
    world_give(&w, &b);
    json_object_foreach(wants, key, want)
    {
        if (is_two && i == 1)
            world_give(&w, &b);
        uint32_t index = is_two ? 0 : i;
        cases_expect(c, cases_text(row, "id"), w.has_outcome[index], "no outcome");
        check(c, row, key, json_string_value(want), &w.outcomes[index]);
        i++;
    }
    world_close(&w);
}

int main(int argc, char **argv)
{
    struct cases c;
    json_t *row;
    cases_open(&c, argc > 1 ? argv[1] : ".", "next-hop-scripts.jsonl", skips);
    while ((row = cases_next(&c))) {
        if (!cases_skips(&c, cases_text(row, "id")))
            run(&c, row);
        json_decref(row);
    }
    return cases_close(&c, 15);
}
