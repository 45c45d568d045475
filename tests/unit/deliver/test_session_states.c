// SPDX-License-Identifier: BSD-2-Clause
// The states that a plain conversation does not pass (test_session_faults has those): HELO,
// STARTTLS, the handshake, EHLO inside TLS, RSET, content under way, a lone dot, BDAT, LHLO and the
// replies of LMTP, times everything that can go wrong there. And a line that does not end.
#include "next_hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BODY     "Subject: x\r\n\r\nhello\r\n"
#define TLS      "250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n"
#define CHUNKED  "250-mx\r\n250-CHUNKING\r\n250 PIPELINING\r\n"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const rcpts[] = {"a@d.example", "b@d.example"};
static const struct target smtp = {.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25};
static const struct target lmtp = {.kind = TARGET_LMTP, .host = (char *)"192.0.2.1", .port = 24};

// What the host says instead of a reply.
static const struct fault {
    const char *name, *reply;
} faults[] = {
    {"hang", "<HANG>"},
    {"reset", "<RST>"},
    {"close", "<CLOSE>"},
    {"half a reply", "250-a\r\n25<CLOSE>"},
    {"garbage", "GET / HTTP/1.1\r\n"},
    {"binary", "\x16\x03\x01\x02<CLOSE>"},
    {"a code beyond", "600 x\r\n"},
    {"421", "421 4.3.2 bye\r\n<CLOSE>"},
};
enum { FAULTS = COUNT(faults), BROKEN = FAULTS - 1 };

static const struct state {
    const char *name;
    const struct target *target;
    enum protect_policy policy;
    bool chunking;
    size_t piece_size;
    const char *ehlo;
    struct script_step before[3]; // said as it should be
    const char *verb;             // and then the fault, in reply to this
    const char *broken,
        *on_421; // D delivered, T tried again, F failed, ? in doubt: of both recipients
} states[] = {
    {"HELO", &smtp, PROTECT_NONE, false, 0, NULL, {{"EHLO", "502 what\r\n"}}, "HELO", "TT", "TT"},
    {"STARTTLS", &smtp, PROTECT_ENCRYPT, false, 0, TLS, {{0}}, "STAR", "TT", "TT"},
    {"EHLO inside", &smtp, PROTECT_ENCRYPT, false, 0, TLS, {{"EHLO", TLS}}, "EHLO", "TT", "TT"},
    {"RSET",
     &smtp,
     PROTECT_NONE,
     false,
     0,
     NULL,
     {{"RCPT", "550 no\r\n"}, {"RCPT", "550 no\r\n"}},
     "RSET",
     "TT",
     "TT"},
    {"a lone dot",
     &smtp,
     PROTECT_NONE,
     false,
     0,
     NULL,
     {{"RCPT", "550 no\r\n"}, {"RCPT", "550 no\r\n"}, {"DATA", "354 go\r\n"}},
     ".",
     "FF",
     "FF"},
    {"a piece of content", &smtp, PROTECT_NONE, true, 10, CHUNKED, {{0}}, "BDAT", "TT|??", "TT"},
    {"the last piece", &smtp, PROTECT_NONE, true, 0, CHUNKED, {{0}}, ".", "??", "TT"},
    {"LHLO", &lmtp, PROTECT_NONE, false, 0, NULL, {{0}}, "LHLO", "TT", "TT"},
    {"LMTP's first reply", &lmtp, PROTECT_NONE, false, 0, NULL, {{0}}, ".", "??", "T?"},
};

static struct protect_table *table_of(enum protect_policy policy)
{
    struct protect_table *t = protect_table_new();
    t->rows = must_zalloc(sizeof *t->rows);
    t->rows[t->count++] = (struct protect_row){must_strdup("*"), policy};
    protect_table_index(t);
    return t;
}

static void write_script(const struct state *s, const char *reply, struct script *ret)
{
    size_t n = 0;
    *ret = (struct script){.ehlo = s->ehlo};
    for (; n < COUNT(s->before) && s->before[n].verb; n++)
        ret->steps[n] = s->before[n];
    ret->steps[n] = (struct script_step){s->verb, reply};
}

static void results(const struct world *w, char got[3])
{
    for (int i = 0; i < 2; i++)
        got[i] = !w->has_outcome[i]        ? '-'
                 : w->outcomes[i].in_doubt ? '?'
                                           : "DTF"[w->outcomes[i].result];
}

// RSET is said with the second message.
static void run(const struct state *s, size_t fault, size_t chunk_size)
{
    struct script scripts[2] = {{0}, {.connect = "refused"}};
    bool is_rset = strcmp(s->verb, "RSET") == 0;
    char got[3] = "";
    write_script(s, faults[fault].reply, &scripts[0]);
    struct world w = {.scripts = scripts,
                      .script_count = 2,
                      .body = SLICE_LIT(BODY),
                      .piece_size = s->piece_size,
                      .chunking = s->chunking,
                      .chunk_size = chunk_size};
    w.settings.protect = table_of(s->policy);
    struct session_batch b = {
        .sender = "s@e.example", .rcpts = rcpts, .rcpt_count = 2, .size = sizeof BODY - 1};
    world_open(&w, s->target, 1, "d.example");
    world_give(&w, &b);
    if (is_rset && w.can_reuse)
        world_give(&w, &b);
    results(&w, got);
    const char *want = fault < BROKEN ? s->broken : s->on_421;
    if (!strstr(want, got))
        fail_msg("%s at %s: %s, %s", faults[fault].name, s->name, got, w.outcomes[0].text);
    assert_int_equal(w.done_count, 1);
    if (!w.has_ended)
        world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
    world_run(&w);
    assert_true(w.has_ended && !w.is_connected);
    world_close(&w);
}

static void test_every_state_and_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(states); i++)
        for (size_t f = 0; f < FAULTS; f++)
            for (size_t chunk_size = 0; chunk_size < 2; chunk_size++)
                run(&states[i], f, chunk_size);
}

static void test_handshake(void **state)
{
    (void)state;
    static const char *const how[] = {"hang", "reset", "the host does not speak TLS here"};
    for (size_t i = 0; i < COUNT(how); i++)
        for (int may = 0; may < 2; may++) {
            struct script script = {.ehlo = TLS, .tls = how[i]};
            struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
            char got[3] = "";
            w.settings.protect = table_of(may ? PROTECT_MAY : PROTECT_ENCRYPT);
            w.settings.fallback = fallback_new();
            struct session_batch b = {
                .sender = "s@e.example", .rcpts = rcpts, .rcpt_count = 2, .size = sizeof BODY - 1};
            world_open(&w, &smtp, 1, "d.example");
            world_give(&w, &b);
            results(&w, got);
            assert_string_equal(got, may ? "DD" : "TT"); // in clear, where that may be
            world_close(&w);
        }
}

// A reply of a gigabyte, in one line, at each verb: it is given up by its size, in the memory of a
// line, and what became of the mail is what any garbage there makes of it.
static void test_a_line_without_end(void **state)
{
    (void)state;
    enum { PIECE = 64 * 1024, PIECES = 16 * 1024 };
    static const struct {
        const char *verb, *head, *want; // NULL: the greeting
    } at[] = {{NULL, "220 <HANG>", "TT"},   {"EHLO", "250-<HANG>", "TT"},
              {"MAIL", "250 <HANG>", "TT"}, {"RCPT", "250 <HANG>", "TT"},
              {"DATA", "354 <HANG>", "TT"}, {".", "250 <HANG>", "??"},
              {"QUIT", "221 <HANG>", "DD"}};
    static char piece[PIECE];
    memset(piece, 'x', sizeof piece);
    for (size_t i = 0; i < COUNT(at); i++) {
        struct script script = {.steps = {{at[i].verb, at[i].head}}};
        if (!at[i].verb)
            script = (struct script){.banner = at[i].head};
        struct world w = {.scripts = &script, .script_count = 1, .body = SLICE_LIT(BODY)};
        struct session_batch b = {
            .sender = "s@e.example", .rcpts = rcpts, .rcpt_count = 2, .size = sizeof BODY - 1};
        char got[3] = "";
        world_open(&w, &smtp, 1, "d.example");
        world_feed(&w, (struct session_event){.kind = SESSION_BATCH, .batch = &b});
        bool is_quitting = false;
        uint32_t fed = 0;
        while (fed < PIECES) {
            while (w.first && w.first->event.kind != SESSION_TIMER) { // whatever the host has said
                struct world_event *e = w.first;
                w.first = e->next;
                w.last = e->next ? w.last : NULL;
                world_feed(&w, e->event);
                free(e->name);
                free(e->bytes);
                free(e);
            }
            if (w.done_count == 1 && !is_quitting) {
                is_quitting = true;
                world_feed(&w, (struct session_event){.kind = SESSION_QUIT});
                continue;
            }
            if (!w.is_connected)
                break;
            world_feed(&w, (struct session_event){.kind = SESSION_BYTES,
                                                  .bytes = slice_of(piece, sizeof piece)});
            fed++;
        }
        results(&w, got);
        if (strcmp(got, at[i].want) != 0)
            print_error("%s: %s\n", at[i].verb ? at[i].verb : "greeting", w.outcomes[0].text);
        assert_string_equal(got, at[i].want);
        assert_true(fed <= 2); // long before the gigabyte
        assert_int_equal(w.now_ms, 1000000);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_and_fault),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_a_line_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
