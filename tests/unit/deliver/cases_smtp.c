// SPDX-License-Identifier: BSD-2-Clause
// Runs those of smtp-cases.jsonl in which we are the client or ask the DNS. Bounds of memory are
// not measured here.
#include "cases_read.h"
#include "next_hop.h"

#define TLS    "rows of test_starttls"
#define FAULTS "a resolver's packets: io's; the answers it makes of them are rows of test_session"

static const struct cases_skip skips[] = {
    {"starttls-out-caps-reset", TLS},
    {"lmtp-too-many", "LMTP comes later"},
    {"dns-slow", FAULTS},
    {"dns-wrong-id", FAULTS},
    {NULL},
};

static const char *const rcpts[] = {"a@d.example"};
static const struct target relay = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target by_mx = {.kind = TARGET_MX};

static const struct world_dns zone[] = {
    {"mx-self", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 me.example", "20 mx-b.example"}},
    {"implicit", DNS_TYPE_MX, DNS_ANSWER_NODATA, {0}},
    {"implicit", DNS_TYPE_A, DNS_ANSWER_OK, {"192.0.2.7"}},
    {"mx-mixed-bad", DNS_TYPE_MX, DNS_ANSWER_OK, {"5 does-not-exist", "10 implicit"}},
    {"cdomain", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 implicit"}, .canonical = "one"},
    {"equal", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 mx-a", "10 implicit", "10 mx-c"}},
    {"mx-localhost", DNS_TYPE_MX, DNS_ANSWER_OK, {"10 localhost"}},
    {"pref-max", DNS_TYPE_MX, DNS_ANSWER_OK, {"65535 implicit"}},
    {"SERVFAIL", DNS_TYPE_MX, DNS_ANSWER_SERVFAIL, {0}},
    {"no answer at all", DNS_TYPE_MX, DNS_ANSWER_TIMEOUT, {0}},
    {"DNSSEC bogus (unbound SERVFAIL)", DNS_TYPE_MX, DNS_ANSWER_SERVFAIL, {0}},
    {NULL},
};

static const char *verb_of(const char *state)
{
    static const struct {
        const char *state, *verb;
    } names[] = {{"greeting", NULL},        {"ehlo-reply", "EHLO"}, {"mail-reply", "MAIL"},
                 {"rcpt-reply", "RCPT"},    {"data-reply", "DATA"}, {"dot-reply", "."},
                 {"quit-reply", "QUIT"},    {"rset-reply", "RSET"}, {"starttls-reply", "STAR"},
                 {"tls-handshake", "STAR"}, {"auth-reply", "AUTH"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].state, state) == 0)
            return names[i].verb;
    must_never("a state that no row knows");
    return NULL;
}

static void check(struct cases *c, const json_t *row, const struct world *w)
{
    static const char *const names[] = {"delivered", "deferred", "failed"};
    const json_t *expect = json_object_get(row, "expect");
    const char *want = cases_text(expect, "outcome"), *id = cases_text(row, "id");
    const char *status = cases_text(expect, "status"), *no = cases_text(expect, "no_bytes_sent");
    const struct outcome *o = &w->outcomes[0];
    cases_expect(c, id, w->done_count == 1 && w->has_outcome[0], "no outcome");
    bool may_be_clear = want && strcmp(want, "retry-plain-or-deferred") == 0;
    bool is_plain = may_be_clear && o->result == OUTCOME_DELIVERED && !o->tls[0];
    cases_expect(c, id, !want || is_plain || strstr(want, names[o->result]), o->text);
    cases_expect(c, id, !status || strcmp(status, o->status) == 0, o->status);
    cases_expect(c, id, !no || !w->wire.p || !strstr(w->wire.p, no), w->wire.p);
}

// TLS is required where the case wants no way around it.
static struct protect_table *protection(const json_t *row)
{
    static const char *const required[] = {"starttls-out-stripped-required", "hang-starttls-reply",
                                           "hang-tls-handshake"};
    struct protect_table *t = protect_table_new();
    t->rows = must_zalloc(sizeof *t->rows);
    t->rows[t->count++] = (struct protect_row){must_strdup("*"), PROTECT_MAY};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        if (strcmp(required[i], cases_text(row, "id")) == 0)
            t->rows[0].policy = PROTECT_ENCRYPT;
    protect_table_index(t);
    return t;
}

static struct credentials *credentials_of_relay(void)
{
    struct credentials *known = credentials_new();
    known->rows = must_zalloc(sizeof *known->rows);
    known->rows[known->count++] = (struct credential_row){.host = must_strdup("192.0.2.1"),
                                                          .user = must_strdup("u"),
                                                          .file = must_strdup("/f"),
                                                          .permits_clear = true};
    return known;
}

static void run(struct cases *c, const json_t *row, const struct script *script,
                const struct target *target, const char *domain, bool is_second)
{
    // A second message may connect anew: then nobody answers.
    const struct script scripts[] = {*script, {.connect = "refused"}};
    struct world w = {.scripts = scripts,
                      .script_count = is_second ? 2 : 1,
                      .dns = zone,
                      .body = SLICE_LIT("a\r\n\r\nb\r\n")};
    w.settings.protect = protection(row);
    w.settings.fallback = fallback_new();
    if (strcmp(cases_text(row, "state"), "auth-reply") == 0)
        w.settings.credentials = credentials_of_relay();
    struct session_batch b = {"s@e.example", rcpts, 1, 8, false};
    world_open(&w, target, 1, domain);
    world_give(&w, &b);
    if (is_second)
        world_give(&w, &b);
    check(c, row, &w);
    if (!w.has_ended)
        world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    cases_expect(c, cases_text(row, "id"), w.has_ended && !w.is_connected, "a session that stays");
    world_close(&w);
}

static void use_tls(struct script *script, const char *state, const char *bytes)
{
    const char *ehlo = "250-mx\r\n250 STARTTLS\r\n";
    if (strcmp(state, "starttls-reply") == 0)
        *script = (struct script){.ehlo = ehlo, .steps = {{"STAR", bytes}}};
    else if (strcmp(state, "tls-handshake") == 0)
        *script = (struct script){.ehlo = ehlo, .steps = {{"STAR", "220 go\r\n"}}, .tls = "hang"};
}

// RSET is only said behind a transaction that came to nothing.
static void run_host(struct cases *c, const json_t *row)
{
    const char *verb = verb_of(cases_text(row, "state"));
    char *bytes = cases_bytes(cases_text(row, "bytes"), row);
    struct script script = {.ehlo = "250 mx\r\n", .steps = {{verb, bytes}}};
    bool is_second = verb && strcmp(verb, "RSET") == 0;
    if (!verb)
        script = (struct script){.banner = bytes};
    if (strcmp(cases_text(row, "area"), "starttls") == 0 || strstr(cases_text(row, "id"), "tls"))
        use_tls(&script, cases_text(row, "state"), bytes);
    if (verb && strcmp(verb, "AUTH") == 0)
        script.ehlo = "250-mx\r\n250 AUTH PLAIN\r\n";
    if (is_second)
        script.steps[1] = (struct script_step){"RCPT", "550 no\r\n"};
    run(c, row, &script, &relay, "d.example", is_second);
    free(bytes);
}

static void run_dns(struct cases *c, const json_t *row)
{
    static const struct script script = {0};
    const char *state = cases_text(row, "state");
    bool is_fault = strcmp(state, "resolver-fault") == 0;
    run(c, row, &script, &by_mx, is_fault ? cases_text(row, "bytes") : state, false);
}

int main(int argc, char **argv)
{
    struct cases c;
    json_t *row;
    cases_open(&c, argc > 1 ? argv[1] : ".", "smtp-cases.jsonl", skips);
    while ((row = cases_next(&c))) {
        const char *direction = cases_text(row, "direction");
        bool is_host = strncmp(direction, "out-", 4) == 0, is_dns = strcmp(direction, "dns") == 0;
        if ((is_host || is_dns) && !cases_skips(&c, cases_text(row, "id"))) {
            if (is_host)
                run_host(&c, row);
            else
                run_dns(&c, row);
        }
        json_decref(row);
    }
    return cases_close(&c, 30);
}
