// SPDX-License-Identifier: BSD-2-Clause
// Which patterns fit an address, and in what order; the same as by looking at every one of them.
#include "core/pattern.h"

#include "row.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char *const patterns[] = {
    "*",
    ".example.com",
    ".deep.example.com",
    "example.com",
    "boss@example.com",
    "host.deep.example.com",
    "\"odd@name\"@example.net",
    "[192.0.2.1]",
    ".com",
};

static struct pattern_index make_index(const char *const *texts, uint32_t count)
{
    struct pattern_index x = {0};
    for (uint32_t i = 0; i < count; i++)
        assert_true(pattern_index_add(&x, texts[i], i));
    return x;
}

// Patterns that fit, joined by blanks.
static void walk(const struct pattern_index *x, const char *const *texts, const char *address,
                 struct buf *to)
{
    struct pattern_walk w;
    uint32_t row;
    pattern_walk_init(&w, x, slice_str(address));
    while (pattern_walk_next(&w, &row))
        buf_addf(to, "%s%s", to->n ? " " : "", texts[row]);
    assert_false(pattern_walk_next(&w, &row));
}

static const struct {
    const char *address, *want;
} fits[] = {
    {"a@example.com", "example.com .com *"},
    {"A@EXAMPLE.Com", "example.com .com *"},
    {"boss@example.com", "boss@example.com example.com .com *"},
    {"Boss@Example.com", "boss@example.com example.com .com *"},
    {"notboss@example.com", "example.com .com *"},
    {"a@x.example.com", ".example.com .com *"},
    {"a@deep.example.com", ".example.com .com *"},
    {"a@x.deep.example.com", ".deep.example.com .example.com .com *"},
    {"a@host.deep.example.com", "host.deep.example.com .deep.example.com .example.com .com *"},
    {"a@notexample.com", ".com *"},
    {"a@.example.com", ".com *"},
    {"a@..example.com", ".example.com .com *"},
    {"a@example.com.org", "*"},
    {"\"x@example.com\"@other.org", "*"},
    {"\"odd@name\"@example.net", "\"odd@name\"@example.net *"},
    {"a@[192.0.2.1]", "[192.0.2.1] *"},
    {"example.com", "example.com .com *"},
    {"boss@", "*"},
    {"*", "*"},
    {"", "*"},
};

static void test_most_exact_first(void **state)
{
    (void)state;
    struct pattern_index x = make_index(patterns, COUNT(patterns));
    for (size_t i = 0; i < COUNT(fits); i++) {
        struct buf got;
        buf_init(&got, 4096);
        walk(&x, patterns, fits[i].address, &got);
        row_buf(fits[i].address, &got, fits[i].want);
        buf_close(&got);
    }
    pattern_index_close(&x);
}

static void test_first_of_equals_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {"example.com", "*"};
    struct pattern_index x = make_index(texts, 2);
    struct pattern_walk w;
    uint32_t row = 99;
    assert_false(pattern_index_add(&x, "example.com", 7));
    assert_false(pattern_index_add(&x, "*", 8));
    pattern_walk_init(&w, &x, SLICE_LIT("example.com"));
    assert_true(pattern_walk_next(&w, &row));
    assert_int_equal(row, 0);
    assert_true(pattern_walk_next(&w, &row));
    assert_int_equal(row, 1);
    pattern_index_close(&x);
}

static void test_nothing_fits(void **state)
{
    (void)state;
    struct pattern_index none = {0}, one = {0};
    struct pattern_walk w;
    uint32_t row;
    pattern_walk_init(&w, &none, SLICE_LIT("a@example.com"));
    assert_false(pattern_walk_next(&w, &row));
    assert_true(pattern_index_add(&one, "example.org", 0));
    pattern_walk_init(&w, &one, SLICE_LIT("a@example.com"));
    assert_false(pattern_walk_next(&w, &row));
    pattern_index_close(&one);
    pattern_index_close(&none);
}

// An address longer than any pattern still has its domain, and a domain longer than any has "*".
static void test_longer_than_any_pattern(void **state)
{
    (void)state;
    static const char *const texts[] = {"*", "example.com"};
    char local[2 * ADDRESS_DOMAIN_MAX + sizeof "@example.com"], domain[2 * ADDRESS_DOMAIN_MAX + 1];
    struct pattern_index x = make_index(texts, 2);
    struct buf got;
    memset(local, 'x', 2 * ADDRESS_DOMAIN_MAX);
    strcpy(local + 2 * ADDRESS_DOMAIN_MAX, "@example.com");
    memset(domain, 'x', sizeof domain - 1);
    domain[sizeof domain - 1] = '\0';
    buf_init(&got, 4096);
    walk(&x, texts, local, &got);
    row_buf("local part", &got, "example.com *");
    buf_reset(&got);
    walk(&x, texts, domain, &got);
    row_buf("domain", &got, "*");
    for (size_t n = ADDRESS_DOMAIN_MAX - 1; n <= ADDRESS_DOMAIN_MAX + 1; n++) {
        buf_reset(&got);
        walk(&x, texts, local + 2 * ADDRESS_DOMAIN_MAX + strlen("@example.com") - n, &got);
        row_buf("at the limit", &got, "example.com *");
    }
    buf_close(&got);
    pattern_index_close(&x);
}

// --- against a look at every pattern
// --------------------------------------------------------------

enum { MANY = 3000 };

static int fit(const char *pattern, const char *address)
{
    const char *at = strrchr(address, '@'), *domain = at ? at + 1 : address;
    size_t n = strlen(pattern), m = strlen(domain);
    if (strcmp(pattern, "*") == 0)
        return 1;
    if (pattern[0] == '.')
        return m > n && strcasecmp(domain + m - n, pattern) == 0 ? 1 + (int)n : 0;
    if (strcasecmp(pattern, domain) == 0)
        return 100000;
    return strcasecmp(pattern, address) == 0 ? 100001 : 0;
}

static char *random_name(unsigned *seed, const char *prefix)
{
    struct buf name;
    buf_init(&name, 256);
    buf_add_str(&name, prefix);
    int labels = 1 + rand_r(seed) % 4;
    for (int i = 0; i < labels; i++)
        buf_addf(&name, "%s%c", i ? "." : "", 'a' + rand_r(seed) % 6);
    return buf_steal(&name, NULL);
}

static void test_the_same_as_looking_at_all(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"", ".", "x@", "y@"};
    unsigned seed = 1;
    char *texts[MANY];
    struct pattern_index x = {0};
    uint32_t count = 0;
    while (count < MANY / 2) {
        texts[count] = random_name(&seed, prefixes[rand_r(&seed) % 4]);
        if (pattern_index_add(&x, texts[count], count))
            count++;
        else
            free(texts[count]);
    }
    for (int i = 0; i < MANY; i++) {
        char *address = random_name(&seed, prefixes[rand_r(&seed) % 4]);
        struct pattern_walk w;
        uint32_t row, found = 0, fitting = 0;
        int last = INT32_MAX;
        for (uint32_t k = 0; k < count; k++)
            fitting += fit(texts[k], address) > 0;
        pattern_walk_init(&w, &x, slice_str(address));
        for (; pattern_walk_next(&w, &row); found++) {
            int exact = fit(texts[row], address);
            assert_true(exact > 0 && exact < last);
            last = exact;
        }
        row_number(address, found, fitting);
        free(address);
    }
    pattern_index_close(&x);
    while (count > 0)
        free(texts[--count]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_most_exact_first),
        cmocka_unit_test(test_first_of_equals_stays),
        cmocka_unit_test(test_nothing_fits),
        cmocka_unit_test(test_longer_than_any_pattern),
        cmocka_unit_test(test_the_same_as_looking_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
