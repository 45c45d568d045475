// SPDX-License-Identifier: BSD-2-Clause
// placeholder: see placeholder.h.
#include "deliver/placeholder.h"

#include "core/address.h"
#include "core/must.h"
#include "core/text.h"

enum { NAME_SIZE_MAX = 255, SHOWN_MAX = 100 };
enum { PATH_NAMES = 3, ALL_NAMES = 5 };

static const char *const names[ALL_NAMES] = {"user", "domain", "address", "recipient", "sender"};
enum name { NAME_USER, NAME_DOMAIN, NAME_ADDRESS, NAME_RECIPIENT, NAME_SENDER };

static size_t name_count(enum placeholder_use use)
{
    return use == PLACEHOLDER_PATH ? PATH_NAMES : ALL_NAMES;
}

static int find_name(struct slice word, enum placeholder_use use)
{
    for (size_t i = 0; i < name_count(use); i++)
        if (slice_equal(word, slice_str(names[i])))
            return (int)i;
    return -1;
}

size_t placeholder_first(struct slice text)
{
    const char *brace = text.n ? memchr(text.p, '{', text.n) : NULL;
    return brace ? (size_t)(brace - text.p) : text.n;
}

static enum fp_err unknown(struct slice word, enum placeholder_use use, struct buf *why)
{
    char shown[SHOWN_MAX + 1];
    size_t n = word.n < SHOWN_MAX ? word.n : SHOWN_MAX;
    memcpy(shown, word.p, n);
    shown[n] = '\0';
    const char *nearest = text_nearest(shown, names, name_count(use));
    (void)buf_addf(why, "{%s} is unknown", shown);
    if (nearest)
        (void)buf_addf(why, "; did you mean {%s}?", nearest);
    else
        (void)buf_addf(why, "; there are {user}, {domain} and {address}%s",
                       use == PLACEHOLDER_WORD ? ", {recipient} and {sender}" : "");
    return FP_INVALID;
}

enum fp_err placeholder_check(struct slice text, enum placeholder_use use, struct buf *why)
{
    while (text.n > 0) {
        size_t n = placeholder_first(text);
        if (memchr(text.p, '}', n)) {
            (void)buf_add_str(why, "a \"}\" stands without its \"{\"");
            return FP_INVALID;
        }
        text = slice_from(text, n);
        if (text.n == 0)
            break;
        const char *end = memchr(text.p, '}', text.n);
        if (!end) {
            (void)buf_add_str(why, "a \"{\" stands without its \"}\"");
            return FP_INVALID;
        }
        struct slice word = slice_of(text.p + 1, (size_t)(end - text.p) - 1);
        if (find_name(word, use) < 0)
            return unknown(word, use, why);
        text = slice_from(text, word.n + 2);
    }
    return FP_OK;
}

// One name of a folder, be it made of this alone or with what stands beside it in the text.
static bool is_safe_name(struct slice s)
{
    if (s.n == 0 || s.n > NAME_SIZE_MAX || s.p[0] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < ' ' || c == 0x7f || strchr("/\\\"", c))
            return false;
    }
    return !memmem(s.p, s.n, "..", 2);
}

static void add_lower(struct slice s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        must(buf_add_byte(to, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c) == FP_OK);
    }
}

static struct slice local_part(struct slice address)
{
    struct slice domain = address_domain(address);
    return slice_of(address.p, domain.n > 0 ? address.n - domain.n - 1 : address.n);
}

static void add_value(enum name name, const char *sender, const char *rcpt, struct buf *to)
{
    struct slice address = slice_str(rcpt);
    switch (name) {
    case NAME_USER:
        add_lower(local_part(address), to);
        break;
    case NAME_DOMAIN:
        add_lower(address_domain(address), to);
        break;
    case NAME_ADDRESS:
        add_lower(address, to);
        break;
    case NAME_RECIPIENT:
        must(buf_add_slice(to, address) == FP_OK);
        break;
    case NAME_SENDER:
        must(buf_add_str(to, sender) == FP_OK);
        break;
    }
}

static bool may_stand(enum placeholder_use use, struct slice value, bool is_first)
{
    if (use == PLACEHOLDER_PATH)
        return is_safe_name(value);
    return !(is_first && value.n > 0 && value.p[0] == '-');
}

bool placeholder_expand(struct slice text, enum placeholder_use use, const char *sender,
                        const char *rcpt, struct buf *to)
{
    bool is_first = true;
    while (text.n > 0) {
        size_t n = placeholder_first(text);
        must(buf_add_slice(to, slice_of(text.p, n)) == FP_OK);
        is_first = is_first && n == 0;
        text = slice_from(text, n);
        if (text.n == 0)
            break;
        const char *end = memchr(text.p, '}', text.n);
        must(end != NULL);
        int name = find_name(slice_of(text.p + 1, (size_t)(end - text.p) - 1), use);
        must(name >= 0);
        size_t before = to->n;
        add_value((enum name)name, sender, rcpt, to);
        if (!may_stand(use, slice_from(buf_slice(to), before), is_first))
            return false;
        is_first = false;
        text = slice_from(text, (size_t)(end - text.p) + 1);
    }
    return true;
}
