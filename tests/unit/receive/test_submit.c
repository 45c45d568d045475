// SPDX-License-Identifier: BSD-2-Clause
// The client of the local socket, against a thread that plays the daemon on a socket pair, and
// against the real server machine.
#include "receive/submit_sys.h"
#include "session.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static const struct submit_parameters plain = {.mail = "", .rcpt = ""};
static const struct submit_parameters eight_bit = {.is_8bit = true, .mail = "", .rcpt = ""};

// --- a daemon that follows a script: says, then waits for so many line ends, and so on ---

struct step {
    const char *say;
    int lines; // to be read before the next step; -1: close here
};

struct script {
    int fd;
    const struct step *steps;
    struct buf heard;
};

static void *play(void *arg)
{
    struct script *p = arg;
    const struct step *step = p->steps;
    for (; step->say; step++) {
        size_t n = strlen(step->say);
        if (n > 0 && send(p->fd, step->say, n, MSG_NOSIGNAL) != (ssize_t)n)
            break;
        char c;
        for (int lines = step->lines; lines > 0;) {
            if (read(p->fd, &c, 1) != 1)
                break;
            buf_add_byte(&p->heard, c);
            lines -= c == '\n';
        }
        if (step->lines < 0)
            break;
    }
    shutdown(p->fd, SHUT_RDWR);
    close(p->fd);
    return NULL;
}

struct client {
    struct script script;
    pthread_t thread;
    struct submit *submit;
    struct buf why;
};

static void client_start(struct client *c, const struct step *steps)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *c = (struct client){.script = {.fd = fds[1], .steps = steps}};
    buf_init(&c->script.heard, SESSION_BODY_MAX);
    buf_init(&c->why, 4096);
    assert_int_equal(pthread_create(&c->thread, NULL, play, &c->script), 0);
    c->submit = submit_new(fds[0]);
}

static void client_stop(struct client *c)
{
    submit_free(c->submit);
    pthread_join(c->thread, NULL);
    buf_close(&c->script.heard);
    buf_close(&c->why);
}

static const char *const rcpts[] = {"b@b.example", "c@b.example"};

static int submit_all(struct client *c, struct slice content)
{
    int status = submit_begin(c->submit, "a@a.example", &eight_bit, rcpts, 2, &c->why);
    if (!status)
        status = submit_write(c->submit, content, &c->why);
    return status ? status : submit_end(c->submit, &c->why);
}

// Everything is sent before anything is heard, and in one write.
static void test_accepted(void **state)
{
    static const struct step steps[] = {
        {"220 x\r\n", 10},
        {"250 2.1.0 Ok\r\n250 Ok\r\n250 Ok\r\n354 go\r\n", 0},
        {"250 2.0.0 Ok: queued as 0000000000A1\r\n221 bye\r\n", 0},
        {0},
    };
    struct client c;
    (void)state;
    client_start(&c, steps);
    assert_int_equal(submit_begin(c.submit, "a@a.example", &eight_bit, rcpts, 2, &c.why), 0);
    assert_int_equal(submit_write(c.submit, SLICE_LIT("a: b\r\n\r\n.\r"), &c.why), 0);
    assert_int_equal(submit_write(c.submit, SLICE_LIT("\n"), &c.why), 0);
    assert_int_equal(submit_end(c.submit, &c.why), 0);
    assert_int_equal(c.why.n, 0);
    submit_free(c.submit);
    pthread_join(c.thread, NULL);
    c.submit = NULL;
    assert_string_equal(c.script.heard.p,
                        "SUBMIT 1\r\nMAIL FROM:<a@a.example> BODY=8BITMIME\r\n"
                        "RCPT TO:<b@b.example>\r\nRCPT TO:<c@b.example>\r\nDATA\r\n"
                        "a: b\r\n\r\n..\r\n.\r\nQUIT\r\n");
    buf_close(&c.script.heard);
    buf_close(&c.why);
}

struct row {
    const char *name;
    struct step steps[5];
    int want;
    const char *why;
};

#define TO_DATA "220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 go\r\n"

static const struct row rows[] = {
    {"greeting 421", {{"421 4.3.2 shutting down\r\n", 0}}, 75, "421 4.3.2 shutting down"},
    {"greeting of another version", {{"500 what\r\n", 0}}, 75, "500 what"},
    {"no greeting", {{"", -1}}, 75, "the daemon closed the connection"},
    {"no smtp", {{"hello\r\n", 0}}, 75, "the daemon gave no proper answer"},
    {"mail 452", {{"220 x\r\n452 4.3.1 full\r\n", 0}}, 75, "452 4.3.1 full"},
    {"mail 552", {{"220 x\r\n552 5.3.4 big\r\n", 0}}, 65, "552 5.3.4 big"},
    {"mail 501", {{"220 x\r\n501 5.1.7 bad\r\n", 0}}, 65, "501 5.1.7 bad"},
    {"mail 550", {{"220 x\r\n550 5.7.1 no\r\n", 0}}, 69, "550 5.7.1 no"},
    {"mail 354", {{"220 x\r\n354 go\r\n", 0}}, 75, "354 go"},
    {"rcpt 550", {{"220 x\r\n250 x\r\n550 5.1.1 who\r\n", 0}}, 67, "550 5.1.1 who"},
    {"second rcpt 550", {{"220 x\r\n250 x\r\n250 x\r\n550 5.1.1 who\r\n", 0}}, 67, "550 5.1.1 who"},
    {"rcpt 554", {{"220 x\r\n250 x\r\n554 5.7.1 no\r\n250 x\r\n", 0}}, 69, "554 5.7.1 no"},
    {"rcpt 452", {{"220 x\r\n250 x\r\n250 x\r\n452 4.5.3 many\r\n", 0}}, 75, "452 4.5.3 many"},
    {"data 550", {{"220 x\r\n250 x\r\n250 x\r\n250 x\r\n550 no\r\n", 0}}, 69, "550 no"},
    {"data 250", {{"220 x\r\n250 x\r\n250 x\r\n250 x\r\n250 what\r\n", 0}}, 75, "250 what"},
    {"closed between", {{"220 x\r\n250 x\r\n", -1}}, 75, "the daemon closed the connection"},
    {"421 between", {{"220 x\r\n250 x\r\n421 4.3.2 bye\r\n", -1}}, 75, "421 4.3.2 bye"},
    {"control characters", {{"220 x\r\n550 a\x1b[1m\r\n", 0}}, 69, "550 a\\x1b[1m"},
    {"end 452", {{TO_DATA, 10}, {"452 4.3.1 full\r\n", 0}}, 75, "452 4.3.1 full"},
    {"end 552", {{TO_DATA, 10}, {"552 5.3.4 big\r\n", 0}}, 65, "552 5.3.4 big"},
    {"end 554", {{TO_DATA, 10}, {"554 5.4.6 loop\r\n", 0}}, 69, "554 5.4.6 loop"},
    {"end 354", {{TO_DATA, 10}, {"354 again\r\n", 0}}, 75, "354 again"},
    {"no answer to the end", {{TO_DATA, 10}, {"", -1}}, 75, "the daemon closed the connection"},
    {"half an answer to the end",
     {{TO_DATA, 10}, {"250 2.0.0 Ok: queu", -1}},
     75,
     "the daemon closed the connection"},
};

static void check_row(const struct row *row, struct slice content)
{
    struct client c;
    client_start(&c, row->steps);
    int status = submit_all(&c, content);
    if (status != row->want || strcmp(buf_slice(&c.why).p, row->why))
        print_message("in \"%s\"\n", row->name);
    assert_int_equal(status, row->want);
    assert_string_equal(buf_slice(&c.why).p, row->why);
    client_stop(&c);
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i], SLICE_LIT("a: b\r\n\r\nx\r\n"));
}

// More than a socket holds: the refusal comes while the text is still being sent.
static void test_refused_meanwhile(void **state)
{
    struct buf content;
    (void)state;
    buf_init(&content, SESSION_BODY_MAX);
    while (content.n < 2 * 1024 * 1024)
        buf_add_str(&content, "a line, and another\r\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!rows[i].steps[1].say) // those that hear the end mark are not meant
            check_row(&rows[i], buf_slice(&content));
    buf_close(&content);
}

static void test_line_break_in_address(void **state)
{
    static const struct step steps[] = {{"220 x\r\n", 0}, {0}};
    static const char *const evil[] = {"b@b.example>\r\nRCPT TO:<e@e.example"};
    struct client c;
    (void)state;
    client_start(&c, steps);
    assert_int_equal(submit_begin(c.submit, "a@a.example", &plain, evil, 1, &c.why), 65);
    assert_int_equal(submit_begin(c.submit, "a@a.example>\nX", &plain, rcpts, 1, &c.why), 65);
    client_stop(&c);
}

// --- the machine itself behind the socket ---

static void *serve(void *arg)
{
    struct session *s = arg;
    char bytes[4096];
    ssize_t n;
    int fd = (int)s->peer.uid; // only to bring it here
    s->peer.uid = 1000;
    session_init(s);
    s->peer = (struct server_peer){.ip = "",
                                   .is_trusted = true,
                                   .is_local = true,
                                   .sends_at_once = true,
                                   .uid = 1000,
                                   .user_name = "al"};
    session_open(s);
    for (char c = 0; c != '\n' && read(fd, &c, 1) == 1;) // "SUBMIT 1"
        ;
    size_t sent = 0;
    struct buf out;
    buf_init(&out, SESSION_BODY_MAX);
    do { // replies are the trace's lines behind "S- " and "S: "
        for (char *p = s->trace.p + sent; p && *p; p = strchr(p, '\n') + 1)
            if (*p == 'S')
                buf_addf(&out, "%.*s\r\n", (int)(strchr(p, '\n') - p) - 3, p + 3);
        sent = s->trace.n;
        if (out.n > 0 && send(fd, out.p, out.n, MSG_NOSIGNAL) < 0)
            break;
        buf_reset(&out);
        n = s->is_closed ? 0 : read(fd, bytes, sizeof bytes);
        if (n > 0)
            session_send(s, slice_of(bytes, (size_t)n));
    } while (n > 0);
    session_event(s, SERVER_EOF);
    buf_close(&out);
    close(fd);
    return NULL;
}

static void with_machine(size_t rcpt_count, size_t content_size, int want)
{
    struct session *s = calloc(1, sizeof *s);
    struct buf why, content;
    pthread_t thread;
    int fds[2];
    char **addresses = calloc(rcpt_count, sizeof *addresses);
    for (size_t i = 0; i < rcpt_count; i++)
        assert_true(asprintf(&addresses[i], "r%zu@%s.example", i, want ? "denied" : "b") > 0);
    buf_init(&why, 4096);
    buf_init(&content, SESSION_BODY_MAX);
    buf_add_str(&content, "a: b\r\n\r\n");
    while (content.n < content_size)
        buf_add_str(&content, ".a line that begins with a dot\r\n.\r\nand one\r\n");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->peer.uid = fds[1];
    assert_int_equal(pthread_create(&thread, NULL, serve, s), 0);
    struct submit *c = submit_new(fds[0]);
    int status =
        submit_begin(c, "a@a.example", &plain, (const char *const *)addresses, rcpt_count, &why);
    if (!status)
        status = submit_write(c, buf_slice(&content), &why);
    if (!status)
        status = submit_end(c, &why);
    submit_free(c);
    pthread_join(thread, NULL);
    assert_int_equal(status, want);
    assert_int_equal(s->count, want ? 0 : 1);
    if (!want) {
        struct slice body = buf_slice(&s->bodies[0]);
        assert_true(body.n > content.n);
        assert_memory_equal(body.p + body.n - content.n, content.p, content.n);
        assert_int_equal(s->entries[0]->rcpt_count, rcpt_count);
    }
    session_close(s);
    free(s);
    for (size_t i = 0; i < rcpt_count; i++)
        free(addresses[i]);
    free(addresses);
    buf_close(&why);
    buf_close(&content);
}

// The last two fill the socket in both directions.
static void test_against_the_machine(void **state)
{
    (void)state;
    with_machine(1, 100, 0);
    with_machine(2, 1024 * 1024, 0);
    with_machine(1, 100, 69);
    with_machine(20000, 300000, 0);
    with_machine(20000, 100, 69);
    with_machine(3, 5 * 1024 * 1024, 69);
}

// --- connecting ---

static void test_connect(void **state)
{
    char path[] = "/tmp/fp-submit-XXXXXX", long_path[300];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct buf why;
    int fd = -1;
    (void)state;
    buf_init(&why, 4096);
    assert_non_null(mkdtemp(path));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", path);
    assert_int_equal(submit_connect(address.sun_path, "SMTP", &fd, &why), FP_AGAIN);
    assert_non_null(strstr(why.p, "No such file"));
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(submit_connect(address.sun_path, "SMTP", &fd, &why), FP_AGAIN); // refused
    assert_int_equal(fd, -1);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(submit_connect(address.sun_path, "SMTP", &fd, &why), FP_OK);
    int peer = accept(listener, NULL, NULL);
    char line[16] = "";
    assert_int_equal(read(peer, line, sizeof line), 6);
    assert_string_equal(line, "SMTP\r\n");
    close(fd);
    assert_int_equal(submit_connect(address.sun_path, NULL, &fd, &why), FP_OK);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    close(peer);
    peer = accept(listener, NULL, NULL);
    assert_int_equal(read(peer, line, sizeof line), 1); // nothing before
    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(submit_connect(long_path, "SMTP", &fd, &why), FP_IO);
    close(peer);
    close(fd);
    close(listener);
    unlink(address.sun_path);
    rmdir(path);
    buf_close(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_meanwhile),
        cmocka_unit_test(test_line_break_in_address),
        cmocka_unit_test(test_against_the_machine),
        cmocka_unit_test(test_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
