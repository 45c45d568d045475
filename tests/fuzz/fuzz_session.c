// SPDX-License-Identifier: BSD-2-Clause
// Sessions: whatever a host, the DNS and the clock do, each recipient gets one outcome, nothing is
// given back without a reply that says so, and the session ends when it is told to.
#include "core/must.h"
#include "core/time.h"
#include "deliver/session.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RCPTS = 3 };

struct state {
    struct session *session;
    struct session_batch batch;
    int64_t now_ms;
    const char *asked_name;
    enum dns_type asked_type;
    uint32_t outcomes;
    bool is_required;                  // TLS
    bool is_asked_policy, is_enforced; // of the domain: that policy asks for TLS
    bool is_shaking_hands;
    bool is_authenticating; // the world is asked
    bool has_batch, is_connected, is_asked_body, has_quit, has_ended;
};

static const char *const rcpts[RCPTS] = {"a@d.example", "b@d.example", "c@d.example"};

static void check_outcome(struct state *s, const struct session_effect *e)
{
    must(s->has_batch && !(s->outcomes & (1u << e->index)) && e->index < RCPTS);
    s->outcomes |= 1u << e->index;
    const struct outcome *o = e->outcome;
    must(o->status[0] == (o->result == OUTCOME_DELIVERED ? '2'
                          : o->result == OUTCOME_FAILED  ? '5'
                                                         : '4'));
    must((o->scope == SCOPE_NONE) == (o->result == OUTCOME_DELIVERED));
    must(!o->in_doubt || o->result == OUTCOME_DEFERRED);
    must(o->has_reply || o->result != OUTCOME_DELIVERED);
    must(!(s->is_required || s->is_enforced) || o->result != OUTCOME_DELIVERED || o->tls[0]);
    must(memchr(o->text, '\0', sizeof o->text) && !strpbrk(o->text, "\r\n"));
}

// BDAT says how many octets are behind it, and no more are.
static void check_piece(const struct session_effect *e)
{
    size_t said = 0;
    if (!slice_starts_nocase(e->slices[0], SLICE_LIT("BDAT ")))
        return;
    for (const char *c = e->slices[0].p + 5; *c >= '0' && *c <= '9'; c++)
        said = said * 10 + (size_t)(*c - '0');
    must(e->slice_count == (said > 0 ? 2 : 1) && (said == 0 || e->slices[1].n == said));
}

static void execute(struct state *s, const struct session_effect *e)
{
    switch (e->kind) {
    case SESSION_LOOKUP:
        s->asked_name = e->name;
        s->asked_type = e->type;
        break;
    case SESSION_ASK_POLICY:
        must(!s->is_required);
        s->is_asked_policy = true;
        break;
    case SESSION_CONNECT:
        must(!s->is_connected && !s->is_asked_policy);
        s->is_connected = true;
        s->is_shaking_hands = s->is_authenticating = false;
        break;
    case SESSION_AUTH:
        must(s->is_connected && !s->is_authenticating);
        s->is_authenticating =
            e->auth->step == AUTH_STEP_BEGIN || e->auth->step == AUTH_STEP_CHALLENGE;
        break;
    case SESSION_START_TLS:
        must(s->is_connected && !s->is_shaking_hands && e->tls_terms->server_name[0]);
        s->is_shaking_hands = true;
        break;
    case SESSION_HAND_OVER:
    case SESSION_FINISH:
        must_never("no target is a folder");
    case SESSION_SEND:
        check_piece(e);
        must(!s->is_shaking_hands && !s->is_authenticating);
        must(s->is_connected && e->slice_count > 0 && e->slice_count <= SESSION_SLICES_MAX);
        break;
    case SESSION_NEED_BODY:
        must(s->has_batch && !s->is_asked_body);
        s->is_asked_body = true;
        break;
    case SESSION_DECIDED:
        must(s->has_batch && e->outcome->result == OUTCOME_DELIVERED);
        break;
    case SESSION_OUTCOME:
        check_outcome(s, e);
        break;
    case SESSION_BATCH_DONE:
        must(s->outcomes == (1u << RCPTS) - 1);
        s->has_batch = false;
        s->is_asked_body = false;
        break;
    case SESSION_DISCONNECT:
        must(s->is_connected);
        s->is_connected = s->is_authenticating = false;
        s->is_asked_body = false;
        break;
    case SESSION_ENDED:
        must(!s->has_batch && !s->is_connected && !s->has_ended);
        s->has_ended = true;
        break;
    }
}

static void feed(struct state *s, struct session_event event)
{
    struct session_effect e;
    event.now_ms = s->now_ms;
    session_feed(s->session, &event);
    while (session_pull(s->session, &e))
        execute(s, &e);
}

static void give_batch(struct state *s)
{
    if (s->has_batch || s->has_quit || s->has_ended)
        return;
    s->has_batch = true;
    s->outcomes = 0;
    feed(s, (struct session_event){.kind = SESSION_BATCH, .batch = &s->batch});
}

static void give_policy(struct state *s, uint8_t how)
{
    static const struct sts_policy policies[] = {
        {.domain = (char *)"d.example", .mode = STS_ENFORCE, .mx = (char *)" mx1.d.example "},
        {.domain = (char *)"d.example", .mode = STS_ENFORCE, .mx = (char *)" *.d.example "},
        {.domain = (char *)"d.example", .mode = STS_TESTING, .mx = (char *)" mx2.d.example "},
    };
    const struct sts_policy *policy = how % 4 < 3 ? &policies[how % 4] : NULL;
    s->is_asked_policy = false;
    s->is_enforced = policy && policy->mode == STS_ENFORCE;
    feed(s, (struct session_event){.kind = SESSION_POLICY, .policy = policy});
}

static void answer(struct state *s, uint8_t how)
{
    static const char *const names[] = {"mx1.d.example", "mx2.d.example", "",
                                        "me.example",    "localhost",     "a b"};
    static union {
        struct dns_answer answer;
        char room[sizeof(struct dns_answer) + 4 * sizeof(struct dns_record)];
    } store;
    if (s->is_asked_policy) {
        give_policy(s, how);
        return;
    }
    if (!s->asked_name)
        return;
    struct dns_answer *a = &store.answer;
    *a = (struct dns_answer){.type = s->asked_type, .result = (enum dns_result)(how % 6)};
    a->is_secure = how < 192;
    strcpy(a->canonical, "mx.d.example");
    a->count = a->result == DNS_ANSWER_OK ? (how >> 3) % 5 : 0;
    for (uint32_t i = 0; i < a->count; i++) {
        a->records[i] = (struct dns_record){.preference = (uint16_t)(how * (i + 1))};
        if (a->type == DNS_TYPE_TLSA) {
            a->records[i].tlsa = (struct dns_tlsa){how % 5, i % 3, 1, 32, {how}};
            continue;
        }
        strcpy(a->records[i].name, names[(how + i) % 6]);
        strcpy(a->records[i].ip, a->type == DNS_TYPE_A ? "192.0.2.1" : "2001:db8::1");
    }
    feed(s,
         (struct session_event){.kind = SESSION_ANSWER, .answer = a, .answer_name = s->asked_name});
}

static void say(struct state *s, uint8_t how, struct slice *rest)
{
    static const char *const lines[] = {
        "250 ok\r\n",
        "220 hi\r\n",
        "250-mx\r\n250 PIPELINING\r\n",
        "354 go\r\n",
        "421 bye\r\n",
        "451 no\r\n",
        "550 5.1.1 no\r\n",
        "250-mx\r\n250-AUTH PLAIN SCRAM-SHA-1\r\n250 STARTTLS\r\n",
        "221 bye\r\n",
        "25",
        "334 Y2hhbGxlbmdl\r\n",
        "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 DELIVERBY 60\r\n",
        "250-mx\r\n250-CHUNKING\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 REQUIRETLS\r\n",
        "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n", // to all of an envelope
    };
    struct slice bytes = slice_str(lines[how % (sizeof lines / sizeof lines[0])]);
    if (how >= 200) { // the input's own bytes
        bytes = slice_of(rest->p, rest->n < 20 ? rest->n : 20);
        *rest = slice_from(*rest, bytes.n);
    }
    if (s->is_connected)
        feed(s, (struct session_event){.kind = SESSION_BYTES, .bytes = bytes});
}

static void give_body(struct state *s, uint8_t how)
{
    static const char body[] =
        "a\r\n.\r\n..b\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\n.\r\nc\r\n";
    if (!s->is_asked_body)
        return;
    s->is_asked_body = false;
    feed(s, (struct session_event){.kind = SESSION_BODY,
                                   .bytes = slice_of(body, how % sizeof body),
                                   .is_last = (how & 0x40) != 0});
}

static void wait(struct state *s)
{
    int64_t deadline = session_deadline(s->session);
    if (deadline == TIME_NEVER)
        return;
    s->now_ms = deadline > s->now_ms ? deadline : s->now_ms;
    feed(s, (struct session_event){.kind = SESSION_TIMER});
}

static void end_handshake(struct state *s, uint8_t how)
{
    static const struct tls_result result = {"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, false,
                                             false};
    if (!s->is_shaking_hands)
        return;
    s->is_shaking_hands = false;
    if (how & 1)
        feed(s, (struct session_event){
                    .kind = SESSION_RESET, .fault = FAULT_TLS, .detail = "handshake failure"});
    else
        feed(s, (struct session_event){.kind = SESSION_TLS_READY, .tls = &result});
}

static void respond(struct state *s, uint8_t how)
{
    const struct auth_response response = {.why = how > 250 ? "no secret" : NULL,
                                           .text = SLICE_LIT("cmVzcG9uc2U="),
                                           .is_complete = (how & 3) != 0,
                                           .is_kept = (how & 4) != 0};
    if (!s->is_authenticating)
        return;
    s->is_authenticating = false;
    feed(s, (struct session_event){.kind = SESSION_AUTH_RESPONSE, .auth_response = &response});
}

static void step(struct state *s, uint8_t what, uint8_t how, struct slice *rest)
{
    switch (what % 13) {
    case 0:
        give_batch(s);
        break;
    case 1:
        answer(s, how);
        break;
    case 2:
        feed(s, (struct session_event){.kind = SESSION_CONNECTED});
        break;
    case 3:
        feed(s, (struct session_event){.kind = SESSION_EOF});
        break;
    case 4:
        feed(s, (struct session_event){.kind = SESSION_RESET, .fault = FAULT_RESET});
        break;
    case 5:
        give_body(s, how);
        break;
    case 6:
        wait(s);
        break;
    case 7:
        s->has_quit |= how >= 250;
        feed(s, (struct session_event){.kind = how < 250 ? SESSION_SENT : SESSION_QUIT});
        break;
    case 8:
        end_handshake(s, how);
        break;
    case 9:
        respond(s, how);
        break;
    default:
        say(s, how, rest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_settings settings = {.hostname = "me.example",
                                        .smtp_port = 25,
                                        .connect_ms = 1000,
                                        .greeting_ms = 1000,
                                        .command_ms = 1000,
                                        .data_ms = 1000,
                                        .block_ms = 1000,
                                        .dot_ms = 1000,
                                        .quit_ms = 1000,
                                        .chunking = size > 0 && (data[0] & 16)};
    struct target targets[] = {{.kind = TARGET_SMTP, .host = (char *)"192.0.2.1", .port = 25},
                               {.kind = TARGET_MX}};
    struct slice rest = slice_of((const char *)data, size);
    bool by_mx = size > 0 && (data[0] & 1);
    struct state s = {.batch = {.sender = "s@e.example",
                                .rcpts = rcpts,
                                .rcpt_count = RCPTS,
                                .size = 30,
                                .is_8bit = size > 0 && (data[0] & 2)},
                      .now_ms = 1};
    if (size > 0 && (data[0] & 32))
        s.batch.traits |= MESSAGE_UTF8 | MESSAGE_UTF8_HEADER;
    if (size > 0 && (data[0] & 64))
        s.batch.traits |= MESSAGE_REQUIRE_TLS;
    if (size > 0 && (data[0] & 128)) {
        s.batch.traits |= MESSAGE_BY_RETURN;
        s.batch.deliver_by_ms = 90 * TIME_SECOND_MS;
    }
    static struct protect_table *tables[3];
    if (!tables[0])
        for (int i = 0; i < 3; i++) {
            static const enum protect_policy policies[] = {PROTECT_MAY, PROTECT_ENCRYPT,
                                                           PROTECT_DANE};
            tables[i] = protect_table_new();
            tables[i]->rows = must_zalloc(sizeof *tables[i]->rows);
            tables[i]->rows[tables[i]->count++] =
                (struct protect_row){.pattern = must_strdup("*"), .policy = policies[i]};
            protect_table_index(tables[i]);
        }
    s.is_required = size > 0 && (data[0] & 4);
    settings.protect = tables[s.is_required ? 1 : size > 0 && (data[0] & 8) ? 2 : 0];
    settings.fallback = fallback_new();
    static struct credentials *credentials;
    if (!credentials) {
        credentials = credentials_new();
        credentials->rows = must_zalloc(sizeof *credentials->rows);
        credentials->rows[credentials->count++] = (struct credential_row){
            .host = must_strdup("192.0.2.1"), .user = must_strdup("u"), .file = must_strdup("/f")};
    }
    settings.credentials = size > 0 && (data[0] & 8) ? credentials : NULL;
    s.session = session_new(&settings, by_mx ? &targets[1] : targets, 1, "d.example", 1);
    rest = slice_from(rest, 1);
    while (rest.n >= 2) {
        uint8_t what = (uint8_t)rest.p[0], how = (uint8_t)rest.p[1];
        rest = slice_from(rest, 2);
        step(&s, what, how, &rest);
    }
    feed(&s, (struct session_event){.kind = SESSION_ABORT});
    must(s.has_ended && !s.has_batch);
    session_free(s.session);
    fallback_free(settings.fallback);
    return 0;
}
