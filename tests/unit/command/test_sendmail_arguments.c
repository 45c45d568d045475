// SPDX-License-Identifier: BSD-2-Clause
// The options of sendmail as programs write them.
#include "command/sendmail_arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const struct line_case {
    const char *name;
    const char *argv[10];
    const char *want; // mode, flags t . 8, then f=, F=, C=, q= where given, then recipients
} cases[] = {
    {"cron", {"-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"}, "submit 8 F=CronDaemon root"},
    {"PHP", {"-t", "-i", "-fwww@example.org"}, "submit t f=www@example.org"},
    {"tls", {"-i", "--require-tls", "c@d.example"}, "submit REQUIRETLS c@d.example"},
    {"nodemailer", {"-i", "-f", "a@b.example", "c@d.example"}, "submit f=a@b.example c@d.example"},
    {"mutt",
     {"-oem", "-oi", "-N", "failure", "-R", "hdrs", "-f", "a@b", "--", "c@d"},
     "submit f=a@b RET=HDRS NOTIFY=FAILURE c@d"},
    {"mdadm", {"-t"}, "submit t ."},
    {"framework", {"-bs"}, "smtp ."},
    {"framework with -i", {"-bs", "-i"}, "smtp"},
    {"letters together", {"-tiv"}, "submit t"},
    {"letters together, a value behind", {"-tifa@b"}, "submit t f=a@b"},
    {"null sender, empty word", {"-f", "", "-oi", "x@y"}, "submit f= x@y"},
    {"null sender, brackets", {"-f<>", "-oi", "x@y"}, "submit f=<> x@y"},
    {"-r is -f", {"-r", "a@b", "-oi"}, "submit f=a@b"},
    {"options behind recipients", {"x@y", "-oi", "z@y"}, "submit x@y z@y"},
    {"behind -- all are recipients", {"-oi", "--", "-t", "-f"}, "submit -t -f"},
    {"a value apart from -o", {"-o", "i", "x@y"}, "submit x@y"},
    {"other -o are nothing", {"-odb", "-om", "-o7", "x@y"}, "submit . x@y"},
    {"-O IgnoreDots", {"-O", "IgnoreDots=true", "x@y"}, "submit x@y"},
    {"other -O are nothing", {"-OErrorMode=m", "x@y"}, "submit . x@y"},
    {"what is taken without effect",
     {"-G", "-U", "-v", "-Ac", "-Lx", "-X/dev/null", "-h5", "-oi", "x@y"},
     "submit x@y"},
    {"debugging has its value attached", {"-d", "-d0.1", "-oi", "x@y"}, "submit x@y"},
    {"-bm", {"-bm", "-oi", "x@y"}, "submit x@y"},
    {"-bp", {"-bp"}, "list ."},
    {"-b apart", {"-b", "p"}, "list ."},
    {"-q", {"-q"}, "flush ."},
    {"-q and an interval", {"-q30m"}, "flush ."},
    {"-qI", {"-qI0A1B2C3D4E5F"}, "flush . q=0A1B2C3D4E5F"},
    {"-qR", {"-qRexample.com"}, "flush . q=to=*example.com*"},
    {"-qS", {"-qSa@b"}, "flush . q=from=*a@b*"},
    {"boot script", {"-bd", "-q30m"}, "daemon ."},
    {"boot script, the other order", {"-q30m", "-bD"}, "daemon ."},
    {"file", {"-C", "/x.conf", "-bp"}, "list . C=/x.conf"},
    {"help", {"--help"}, "help ."},
    {"version", {"--version"}, "version ."},
    {"seven bits", {"-B7BIT", "-oi", "x@y"}, "submit x@y"},
    {"other bits", {"-B", "9BIT"}, "! -B knows 7BIT and 8BITMIME"},
    {"-bv",
     {"-bv", "x@y"},
     "! -bv is not there: addresses are routed at each attempt, not tried out"},
    {"notices",
     {"-N", "success,delay", "-Rfull", "-V", "a b=", "x@y"},
     "submit . RET=FULL ENVID=a+20b+3D NOTIFY=SUCCESS,DELAY x@y"},
    {"no notices", {"-N", "never", "x@y"}, "submit . NOTIFY=NEVER x@y"},
    {"-N never and more",
     {"-N", "never,delay"},
     "! -N knows never, or a list of success, failure and delay with commas"},
    {"-R", {"-R", "x"}, "! -R knows full and hdrs"},
    {"-V", {"-V", "a\nb"}, "! -V takes an envelope id of at most 100 printable characters"},
    {"-bi", {"-bi"}, "! -bi is not there: there is no alias database to build"},
    {"-I", {"-I"}, "! -bi is not there: there is no alias database to build"},
    {"-bh", {"-bh"}, "! -bh is not there; write -bm, -bs, -bp or -bd"},
    {"-b alone", {"-b"}, "! -b needs a value behind it"},
    {"-f alone", {"-f"}, "! -f needs a value behind it"},
    {"unknown", {"-Z"}, "! unknown option \"-Z\"; sendmail --help lists them"},
    {"unknown among known", {"-tZ"}, "! unknown option \"-Z\"; sendmail --help lists them"},
    {"near", {"--hlep"}, "! unknown option \"--hlep\"; did you mean \"--help\"?"},
};

static void describe(const struct sendmail_arguments *a, struct buf *to)
{
    static const char *const modes[] = {
        [SENDMAIL_SUBMIT] = "submit",  [SENDMAIL_SMTP] = "smtp",     [SENDMAIL_LIST] = "list",
        [SENDMAIL_FLUSH] = "flush",    [SENDMAIL_DAEMON] = "daemon", [SENDMAIL_HELP] = "help",
        [SENDMAIL_VERSION] = "version"};
    buf_addf(to, "%s%s%s%s", modes[a->mode], a->takes_recipients ? " t" : "",
             a->dot_ends ? " ." : "", a->is_8bit ? " 8" : "");
    if (a->sender)
        buf_addf(to, " f=%s", a->sender);
    if (a->full_name)
        buf_addf(to, " F=%s", a->full_name);
    if (a->config_file)
        buf_addf(to, " C=%s", a->config_file);
    struct buf mail, rcpt;
    buf_init(&mail, 1024);
    buf_init(&rcpt, 1024);
    sendmail_arguments_dsn(a, &mail, &rcpt);
    buf_addf(to, "%s%s", buf_slice(&mail).p, buf_slice(&rcpt).p);
    buf_close(&mail);
    buf_close(&rcpt);
    if (a->flush_term)
        buf_addf(to, " q=%s", a->flush_term);
    for (size_t i = 0; i < a->count; i++)
        buf_addf(to, " %s", a->recipients[i]);
}

static void reads_the_line(void **state)
{
    const struct line_case *c = *state;
    size_t count = 0;
    while (count < COUNT_OF(c->argv) && c->argv[count])
        count++;
    struct sendmail_arguments a;
    struct buf why, got;
    buf_init(&why, 4096);
    buf_init(&got, 4096);
    if (sendmail_arguments_parse(&a, c->argv, count, &why) == FP_OK)
        describe(&a, &got);
    else
        buf_addf(&got, "! %s", why.p);
    assert_string_equal(got.p, c->want);
    sendmail_arguments_close(&a);
    buf_close(&why);
    buf_close(&got);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        tests[i] =
            (struct CMUnitTest){cases[i].name, reads_the_line, NULL, NULL, (void *)&cases[i]};
    return _cmocka_run_group_tests("sendmail_arguments", tests, COUNT_OF(cases), NULL, NULL);
}
