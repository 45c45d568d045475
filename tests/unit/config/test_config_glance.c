// SPDX-License-Identifier: BSD-2-Clause
// The glance finds what the whole reading finds, or is not sure.
#include "config/config_conf.h"
#include "config/glance_fs.h"

#include "core/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

// libconfig forgets a string that it was reading when it meets an error. (Address sanitizer asks.)
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

static char folder[64];

static int enter_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/fermoposta-test-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 && mkdir("sub", 0700) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    (void)state;
    static const char *const files[] = {"c.conf", "more.conf", "sub/more.conf", "sub/deep.conf"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(files[i]);
    rmdir("sub");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_bytes(const char *path, const char *bytes, size_t n)
{
    unlink(path); // an old file that is cut to nothing would be flushed to the disk
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void write_file(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static bool glance(struct config_glance *g)
{
    return config_glance_read("c.conf", config_setting_names, g);
}

#define H "hostname = \"mail.example.org\"\n"
#define S "socket = \"/s/socket\"\n"

static const struct {
    const char *text, *hostname, *socket; // NULL: not sure
} rows[] = {
    {"", "", ""},
    {"\n\n", "", ""},
    {H S, "mail.example.org", "/s/socket"},
    {S H, "mail.example.org", "/s/socket"},
    {H, "mail.example.org", ""},
    {"hostname=\"a.b\"socket=\"/s\"", "a.b", "/s"},
    {"hostname : \"a.b\"; socket : \"/s\",", "a.b", "/s"},
    {"hostname\n=\n\"a.b\"\n;", "a.b", ""},
    {"# hostname = \"x\"\n// socket = \"/x\"\n/* hostname\n = \"y\" */ hostname = \"a.b\" # c\n",
     "a.b", ""},
    {"hostname = /* \"x\" */ \"a.b\"", "a.b", ""},
    {"smtp_port = 25 max_recipients = 0x100; history = \"7d\"\n" H, "mail.example.org", ""},
    {"notice = { return = \"full\" }" H, "mail.example.org", ""},
    {"route = ( { for = \"*\", to = [ \"mx\" ] } )" S, "", "/s/socket"},
    {"route = ( { for = \"socket = )\" } ) # )\n" S, "", "/s/socket"},
    {"route = (\n{ hostname = \"x\" }, /* ) */ // )\n)" S, "", "/s/socket"},
    {"log = \"a \\\" hostname = \\\\\"" H, "mail.example.org", ""},
    {"log = \"/a\nhostname = 1\n\"" H, "mail.example.org", ""},
    {H S "smtp_port = \"no number\"", "mail.example.org", "/s/socket"}, // for config_load to judge
    // what is wrong, or odd
    {"hostnam = \"a.b\"", NULL, NULL},
    {"route.for = 1", NULL, NULL},
    {H H, NULL, NULL},
    {H S H, NULL, NULL},
    {"log = \"stderr\" " H "log = \"syslog\"", NULL, NULL},
    {H S "nonsense = 1", NULL, NULL},
    {H S "route = ( { for = ", NULL, NULL},
    {"hostname = \"\"", NULL, NULL},
    {"hostname = \"a_b c\"", NULL, NULL},
    {"hostname = 7", NULL, NULL},
    {"hostname = ( \"a.b\" )", NULL, NULL},
    {"hostname = { }", NULL, NULL},
    {"hostname = \"a.b\" \"c\"", NULL, NULL},
    {"hostname = \"a\\x2eb\"", NULL, NULL},
    {"hostname = \"a.b", NULL, NULL},
    {"hostname = \"a.\nb\"", NULL, NULL},
    {"hostname =", NULL, NULL},
    {"hostname", NULL, NULL},
    {"hostname \"a.b\"", NULL, NULL},
    {"hostname = = \"a.b\"", NULL, NULL},
    {"= \"a.b\"", NULL, NULL},
    {", " H, NULL, NULL},
    {"socket = \"socket\"", NULL, NULL},
    {"smtp_port = 25 26", NULL, NULL},
    {"route = ( { }", NULL, NULL},
    {"route = ( ) )", NULL, NULL},
    {"{ }", NULL, NULL},
    {"/* " H, NULL, NULL},
    {"/ " H, NULL, NULL},
    {"$", NULL, NULL},
    {"@include", NULL, NULL},
    {"@include \"none.conf\"\n", NULL, NULL},
    {" smtp_port = 25 @include \"more.conf\"\n", NULL, NULL},
};

static void finds_both_or_is_not_sure(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config_glance g;
        write_file("c.conf", rows[i].text);
        bool is_sure = glance(&g);
        if (is_sure != (rows[i].hostname != NULL))
            print_message("in \"%s\"\n", rows[i].text);
        assert_int_equal(is_sure, rows[i].hostname != NULL);
        if (!is_sure)
            continue;
        assert_string_equal(g.hostname, rows[i].hostname);
        assert_string_equal(g.socket, rows[i].socket);
    }
}

static void values_have_their_limits(void **state)
{
    (void)state;
    for (size_t n = 106; n <= 108; n++) {
        struct config_glance g;
        char text[256];
        snprintf(text, sizeof text, "socket = \"/%0*d\"", (int)n - 1, 0);
        write_file("c.conf", text);
        assert_int_equal(glance(&g), n <= 107);
        if (n <= 107)
            assert_int_equal(strlen(g.socket), n);
    }
    char text[1024], name[512];
    struct config_glance g;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "hostname = \"%s\"", name);
    write_file("c.conf", text);
    assert_false(glance(&g));
}

static void includes_are_followed(void **state)
{
    (void)state;
    struct config_glance g;
    write_file("c.conf", "@include \"sub/more.conf\" # both\nlog = \"stderr\"\n");
    write_file("sub/more.conf", H "@include \"deep.conf\"\n");
    write_file("sub/deep.conf", "route = (\n");
    assert_false(glance(&g)); // never closed
    write_file("sub/deep.conf", "smtp_port = 25\n" S);
    assert_true(glance(&g));
    assert_string_equal(g.hostname, "mail.example.org");
    assert_string_equal(g.socket, "/s/socket");
    write_file("c.conf",
               "/*\n@include \"none.conf\"\n*/ route = (\n@include \"sub/deep.conf\"\n)\n" H);
    write_file("sub/deep.conf", "{ for = \"*\", socket = \"/x\" }\n");
    assert_true(glance(&g));
    assert_string_equal(g.hostname, "mail.example.org");
    assert_string_equal(g.socket, "");
}

static void files_that_are_none(void **state)
{
    (void)state;
    struct config_glance g;
    unlink("c.conf");
    assert_false(glance(&g));
    assert_false(config_glance_read("sub", config_setting_names, &g));
    assert_int_equal(mkfifo("c.conf", 0600), 0);
    assert_false(glance(&g));
    unlink("c.conf");
    write_bytes("c.conf", H "\0", sizeof H);
    assert_false(glance(&g));
    write_file("c.conf", "@include \"c.conf\"\n@include \"c.conf\"\n");
    assert_false(glance(&g));
}

// Lines of all lengths fall on all places of the pieces in which the file is read.
static void long_files_and_lines(void **state)
{
    (void)state;
    struct config_glance g;
    struct buf text;
    buf_init(&text, 64 * 1024 * 1024);
    buf_add_str(&text, "route = (\n");
    for (uint32_t i = 0; i < 20000; i++)
        buf_addf(&text, "  { for = \"d%u.example\", to = [ \"mx\" ] }, # %.*s\n", i, (int)(i % 97),
                 "-------------------------------------------------------------------------------"
                 "------------------");
    buf_add_str(&text, "  { for = \"*\", to = [ \"mx\" ] }\n)\n" H S);
    write_file("c.conf", text.p);
    assert_true(glance(&g));
    assert_string_equal(g.hostname, "mail.example.org");
    assert_string_equal(g.socket, "/s/socket");
    for (size_t n = 4090; n <= 4100; n++) {
        buf_reset(&text);
        buf_addf(&text, "%*s", (int)(n - strlen(H) + 1), "");
        buf_add_str(&text, H);
        write_file("c.conf", text.p);
        assert_int_equal(glance(&g), n < 4096); // the line and its end are a piece
    }
    buf_close(&text);
}

// --- against the whole reading
// --------------------------------------------------------------------

static const char base[] =
    "/* c */ hostname : \"h.example\" # and\nsmtp_port = 25; log=\"stderr\"\n"
    "route = ( { for = \"a.example\", to = [ \"mx\" ] } )\n"
    "retry = ( { for = \"*\", warn_after = [] } ),\nsocket = \"/s\"\n";

// Where both find something it is the same. Returns 1 where they do.
static int compare(const char *text, size_t n)
{
    struct config_glance g;
    struct config c;
    struct buf said;
    int both = 0;
    write_bytes("c.conf", text, n);
    buf_init(&said, CONFIG_PROBLEMS_MAX);
    if (config_load("c.conf", &c, &said) == FP_OK) {
        if (glance(&g)) {
            both = 1;
            if (*g.hostname)
                assert_string_equal(g.hostname, c.hostname);
            assert_string_equal(*g.socket ? g.socket : CONFIG_DEFAULT_SOCKET, c.socket);
        }
        config_close(&c);
    }
    buf_close(&said);
    return both;
}

static void agrees_with_the_whole_reading(void **state)
{
    (void)state;
    static const char marks[] = "\"\\#/*{}()[],;:=\n ah@1";
    char text[sizeof base];
    int both = 0;
    assert_int_equal(compare(base, strlen(base)), 1);
    for (size_t i = 0; i < strlen(base); i++) {
        both += compare(base, i);
        memcpy(text, base, i);
        memcpy(text + i, base + i + 1, sizeof base - i - 1);
        both += compare(text, strlen(base) - 1);
        for (size_t k = 0; k < strlen(marks); k++) {
            memcpy(text, base, sizeof base);
            text[i] = marks[k];
            both += compare(text, strlen(base));
        }
    }
    assert_true(both > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_both_or_is_not_sure, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(values_have_their_limits, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(includes_are_followed, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(files_that_are_none, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(long_files_and_lines, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(agrees_with_the_whole_reading, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
