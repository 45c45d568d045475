// SPDX-License-Identifier: BSD-2-Clause
// dsn: see dsn.h.
#include "core/dsn.h"

#include "core/unitext.h"

static const struct {
    const char *name;
    uint8_t flag;
} notify_words[] = {
    {"NEVER", DSN_NEVER}, {"SUCCESS", DSN_SUCCESS}, {"FAILURE", DSN_FAILURE}, {"DELAY", DSN_DELAY}};
enum { NOTIFY_WORDS = sizeof notify_words / sizeof notify_words[0] };

bool dsn_ret_parse(struct slice text, enum dsn_ret *ret)
{
    if (slice_equal_nocase(text, SLICE_LIT("FULL")))
        *ret = DSN_RET_FULL;
    else if (slice_equal_nocase(text, SLICE_LIT("HDRS")))
        *ret = DSN_RET_HDRS;
    else
        return false;
    return true;
}

const char *dsn_ret_name(enum dsn_ret ret)
{
    return ret == DSN_RET_FULL ? "FULL" : ret == DSN_RET_HDRS ? "HDRS" : "";
}

static uint8_t notify_flag(struct slice word)
{
    for (size_t i = 0; i < NOTIFY_WORDS; i++)
        if (slice_equal_nocase(word, slice_str(notify_words[i].name)))
            return notify_words[i].flag;
    return 0;
}

bool dsn_notify_parse(struct slice text, uint8_t *ret)
{
    uint8_t flags = 0;
    for (;;) {
        const char *comma = text.n > 0 ? memchr(text.p, ',', text.n) : NULL;
        struct slice word = {text.p, comma ? (size_t)(comma - text.p) : text.n};
        uint8_t flag = notify_flag(word);
        if (!flag)
            return false;
        flags |= flag;
        if (!comma)
            break;
        text = slice_from(text, word.n + 1);
    }
    if ((flags & DSN_NEVER) && flags != DSN_NEVER)
        return false;
    *ret = flags;
    return true;
}

void dsn_notify_add(uint8_t notify, struct buf *to)
{
    const char *comma = "";
    for (size_t i = 0; i < NOTIFY_WORDS; i++)
        if (notify & notify_words[i].flag) {
            (void)buf_add_all(to, comma, notify_words[i].name);
            comma = ",";
        }
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool dsn_xtext_decode(struct slice text, struct buf *to)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '+') {
            int high = i + 1 < text.n ? hex_value(text.p[i + 1]) : -1;
            int low = i + 2 < text.n ? hex_value(text.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c <= ' ' || c > '~' || c == '=') {
            return false;
        }
        if (buf_add_byte(to, c))
            return false;
    }
    return true;
}

void dsn_xtext_encode(struct slice text, struct buf *to)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c > ' ' && c <= '~' && c != '+' && c != '=')
            (void)buf_add_byte(to, (char)c);
        else
            (void)buf_add(to, (const char[]){'+', hex[c >> 4], hex[c & 15]}, 3);
    }
}

static bool decodes(struct slice text, bool is_ascii)
{
    struct buf plain;
    buf_init(&plain, DSN_ORCPT_MAX);
    bool is_good = text.n > 0 && dsn_xtext_decode(text, &plain);
    for (size_t i = 0; i < plain.n && is_ascii; i++)
        is_good &= plain.p[i] >= ' ' && plain.p[i] <= '~';
    buf_close(&plain);
    return is_good;
}

bool dsn_envid_is_valid(struct slice text)
{
    return text.n <= DSN_ENVID_MAX && decodes(text, true);
}

static bool split_orcpt(struct slice text, struct slice *ret_type, struct slice *ret_address)
{
    const char *end = text.n > 0 ? memchr(text.p, ';', text.n) : NULL;
    *ret_type = slice_of(text.p, end ? (size_t)(end - text.p) : 0);
    *ret_address = slice_from(text, ret_type->n + 1);
    return end != NULL;
}

static bool is_utf8_type(struct slice type)
{
    return slice_equal_nocase(type, SLICE_LIT("utf-8"));
}

// It must be no longer in the form in which it is kept.
static bool is_unitext(struct slice type, struct slice address)
{
    struct buf kept;
    buf_init(&kept, SIZE_MAX);
    unitext_encode(address, &kept);
    bool is_good = unitext_is_valid(address) && type.n + 1 + kept.n <= DSN_ORCPT_MAX;
    buf_close(&kept);
    return is_good;
}

// What is no printable ASCII is escaped where it is shown.
bool dsn_orcpt_is_valid(struct slice text)
{
    struct slice type, address;
    if (!split_orcpt(text, &type, &address) || type.n == 0 || text.n > DSN_ORCPT_MAX)
        return false;
    for (size_t i = 0; i < type.n; i++)
        if (type.p[i] <= ' ' || type.p[i] > '~' || strchr("()<>@,;:\\\"/[]?=", type.p[i]))
            return false;
    return is_utf8_type(type) ? is_unitext(type, address) : decodes(address, false);
}

void dsn_orcpt_encode(struct slice text, struct buf *to)
{
    struct slice type, address;
    if (split_orcpt(text, &type, &address) && is_utf8_type(type)) {
        (void)buf_add_str(to, "utf-8;");
        unitext_encode(address, to);
    } else {
        (void)buf_add_slice(to, text);
    }
}

bool dsn_orcpt_decode(struct slice text, struct buf *to)
{
    struct slice type, address;
    if (!split_orcpt(text, &type, &address))
        return false;
    if (!is_utf8_type(type))
        return dsn_xtext_decode(address, to);
    unitext_decode(address, to);
    return true;
}
