// SPDX-License-Identifier: BSD-2-Clause
// What is answered about mail: why it waits, what is planned, what became of it.
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char config[] =
    "route = ( { for = \"one.example\", to = [ \"smtp://192.0.2.1:25\" ] },\n"
    "          { for = \"two.example\", to = [ \"smtp://192.0.2.2:25\" ] },\n"
    "          { for = \"*\", to = [ \"smtp://192.0.2.9:25\" ] } )\n";
static const char text[] = "Subject: x\r\n\r\nhello\r\n";

static struct world *make_world(uint64_t seed)
{
    return world_new(&(struct world_options){.seed = seed, .config = config});
}

// Asks, expects this exit code, returns the answer.
static const char *ask(struct world *w, int want, const char *verb, const char *word)
{
    int code;
    const char *answer = world_ask(w, verb, &word, word ? 1 : 0, &code);
    if (code != want)
        fail_msg("%s %s: exit %d, want %d: %s", verb, word ? word : "", code, want, answer);
    return answer;
}

static void assert_says(const char *answer, const char *what)
{
    if (!strstr(answer, what))
        fail_msg("does not say \"%s\": %s", what, answer);
}

// Who names a message that has left hears what became of it.
static void test_gone(void **state)
{
    (void)state;
    static const struct {
        enum host_state host;
        const char *verb; // an operator's, before it is asked about
        const char *want;
    } cases[] = {
        {HOST_UP, NULL, "<b@one.example> was delivered to 192.0.2.1[192.0.2.1]:25 on 2026-01-01T"},
        {HOST_REJECT, NULL, "<b@one.example> was refused for good by 192.0.2.1[192.0.2.1]:25 on"},
        {HOST_DOWN, "remove", "<b@one.example> was removed by an operator on 2026-01-01T"},
        {HOST_GREYLIST, "bounce", "<b@one.example> was given back by an operator on 2026-01-01T"},
    };
    static const char *const verbs[] = {"show",   "list",   "hold",    "release",
                                        "remove", "bounce", "requeue", "flush"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = make_world(i + 1);
        char id[MESSAGE_ID_DIGITS + 1];
        world_host(w, "192.0.2.1")->state = cases[i].host;
        message_id_format(world_submit(w, "a@x.example", "b@one.example", text), id);
        world_run(w, TIME_MINUTE_MS);
        if (cases[i].verb)
            ask(w, 0, cases[i].verb, id);
        world_run(w, TIME_MINUTE_MS);
        for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++) {
            const char *answer = ask(w, 66, verbs[k], id);
            assert_says(answer, "no such message in the queue: ");
            assert_says(answer, cases[i].want);
        }
        assert_says(ask(w, 66, "show", "0A1B2C3D4E5F"), "no such message in the queue\"");
        world_free(w);
    }
}

// A message that is there, and that a verb has nothing to do for, is not said to be gone.
static void test_not_gone(void **state)
{
    (void)state;
    struct world *w = make_world(9);
    char id[MESSAGE_ID_DIGITS + 1];
    world_host(w, "192.0.2.1")->state = HOST_DOWN;
    message_id_format(world_submit(w, "a@x.example", "b@one.example", text), id);
    world_run(w, TIME_MINUTE_MS);
    assert_says(ask(w, 66, "release", id), "the message is in the queue, but this changes nothing");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_not_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
