// SPDX-License-Identifier: BSD-2-Clause
// address: addresses and paths of the SMTP envelope. See address.h; header lists are in
// address_scan.c.
#include "core/address.h"

#include "core/hostname.h"
#include "core/utf8.h"

// Where the first character that may not stand in an atom is. RFC 5322 3.2.3, and RFC 6531 3.3 for
// what is beyond ASCII: anything well-formed but C1 controls.
static size_t atom_size(struct slice s, bool allow_utf8)
{
    static const char special[] = "()<>[]:;@\\,.\" ";
    size_t at = 0;
    while (at < s.n) {
        unsigned char c = (unsigned char)s.p[at];
        uint32_t code = c;
        size_t n = c < 0x80 ? 1 : allow_utf8 ? utf8_char_size(slice_from(s, at), &code) : 0;
        if (n == 0 || code < 0x20 || (code >= 0x7f && code <= 0x9f) ||
            (code < 0x80 && strchr(special, (int)code)))
            break;
        at += n;
    }
    return at;
}

// Length of the dot-string at the front of s, 0 when there is none: atoms with one dot between.
static size_t dot_string_size(struct slice s, bool allow_utf8)
{
    size_t at = 0;
    while (true) {
        size_t n = atom_size(slice_from(s, at), allow_utf8);
        if (n == 0)
            return 0;
        at += n;
        if (at == s.n || s.p[at] != '.')
            return at;
        at++;
    }
}

// Length of the quoted string at the front of s with both quotes, 0 when there is none. RFC 5321
// 4.1.2: printable ASCII and blanks; a backslash quotes any of them.
static size_t quoted_string_size(struct slice s, bool allow_utf8)
{
    size_t at = 1;
    if (s.n < 2 || s.p[0] != '"')
        return 0;
    while (at < s.n && s.p[at] != '"') {
        bool is_pair = s.p[at] == '\\';
        at += is_pair ? 1 : 0;
        uint32_t code = 0;
        size_t n = utf8_char_size(slice_from(s, at), &code);
        bool is_ascii = code >= 0x20 && code < 0x7f;
        bool is_wide = code > 0x9f && allow_utf8 && !is_pair;
        if (n == 0 || (!is_ascii && !is_wide))
            return 0;
        at += n;
    }
    return at < s.n ? at + 1 : 0;
}

static size_t local_size(struct slice s, bool allow_utf8)
{
    return s.n > 0 && s.p[0] == '"' ? quoted_string_size(s, allow_utf8)
                                    : dot_string_size(s, allow_utf8);
}

// Labels with characters beyond ASCII (RFC 6531 3.3, U-labels). What IDNA thinks of them is asked
// when the name is looked up.
static bool is_utf8_domain(struct slice s)
{
    size_t label = 0, at = 0;
    while (at < s.n) {
        uint32_t code = 0;
        size_t n = utf8_char_size(slice_from(s, at), &code);
        bool is_ldh = (code >= '0' && code <= '9') || ((code | 32) >= 'a' && (code | 32) <= 'z') ||
                      code == '_';
        bool is_inner_hyphen = code == '-' && label > 0 && at + 1 < s.n && s.p[at + 1] != '.';
        if (n == 0 || (code == '.' && label == 0))
            return false;
        if (code != '.' && code <= 0x9f && !is_ldh && !is_inner_hyphen)
            return false;
        label = code == '.' ? 0 : label + n;
        at += n;
    }
    return label > 0;
}

static bool is_domain(struct slice s, bool allow_utf8)
{
    if (s.n > 0 && s.p[0] == '[')
        return hostname_is_literal(s, NULL);
    if (allow_utf8 && !utf8_is_ascii(s))
        return is_utf8_domain(s);
    return hostname_has_valid_labels(s);
}

enum fp_err address_check(struct slice text, bool allow_utf8)
{
    // One that is too long may well be long enough to be costly: it is measured first.
    if (text.n > ADDRESS_MAX)
        return FP_TOO_BIG;
    size_t local = local_size(text, allow_utf8);
    if (local == 0 || local >= text.n || text.p[local] != '@')
        return FP_INVALID;
    if (!is_domain(slice_from(text, local + 1), allow_utf8))
        return FP_INVALID;
    return local > ADDRESS_LOCAL_MAX ? FP_TOO_BIG : FP_OK;
}

// Where the @ between local part and domain stands; text.n when there is none. An @ within a quoted
// local part is not it.
static size_t at_sign(struct slice text)
{
    size_t i = 0;
    if (text.n > 0 && text.p[0] == '"')
        for (i = 1; i < text.n && text.p[i] != '"'; i++)
            if (text.p[i] == '\\')
                i++;
    const char *at = i < text.n ? memrchr(text.p + i, '@', text.n - i) : NULL;
    return at ? (size_t)(at - text.p) : text.n;
}

struct slice address_local(struct slice address)
{
    return slice_of(address.p, at_sign(address));
}

struct slice address_domain(struct slice address)
{
    return slice_from(address, at_sign(address) + 1);
}

void address_domain_key(struct slice address, struct buf *to)
{
    struct slice domain = address_domain(address);
    for (size_t i = 0; i < domain.n; i++) {
        char c = domain.p[i];
        buf_add_byte(to, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
}

// "@a,@b:" in front of an address, RFC 5321 4.1.2 (A-d-l), appendix C: read and dropped.
static bool drop_route(struct slice *path)
{
    struct slice rest = *path;
    while (rest.n > 0 && rest.p[0] == '@') {
        size_t n = 1;
        while (n < rest.n && rest.p[n] != ',' && rest.p[n] != ':')
            n++;
        if (n >= rest.n || !hostname_has_valid_labels(slice_of(rest.p + 1, n - 1)))
            return false;
        bool is_last = rest.p[n] == ':';
        rest = slice_from(rest, n + 1);
        if (is_last) {
            *path = rest;
            return true;
        }
    }
    return rest.p == path->p; // no route at all is fine
}

// Splits the path off: what stands between the brackets, or a bare word where that is allowed.
static bool split_path(struct slice text, bool lenient, struct slice *ret_path,
                       struct slice *ret_rest)
{
    while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = slice_from(text, 1);
    bool has_brackets = text.n > 0 && text.p[0] == '<';
    if (!has_brackets && !lenient)
        return false;
    text = slice_from(text, has_brackets ? 1 : 0);
    size_t n = 0;
    bool in_quotes = false;
    for (; n < text.n; n++) {
        char c = text.p[n];
        if (c == '"')
            in_quotes = !in_quotes;
        else if (c == '\\' && in_quotes)
            n++;
        else if (!in_quotes && (has_brackets ? c == '>' : c == ' ' || c == '\t'))
            break;
    }
    if (has_brackets && n >= text.n)
        return false;
    *ret_path = slice_of(text.p, n < text.n ? n : text.n);
    *ret_rest = slice_from(text, n + (has_brackets ? 1 : 0));
    return has_brackets || ret_path->n > 0;
}

enum fp_err address_parse_path(struct slice text, struct address_path_options options,
                               struct slice *ret_address, struct slice *ret_rest)
{
    struct slice path, rest;
    if (!split_path(text, options.lenient, &path, &rest))
        return FP_INVALID;
    if (rest.n > 0 && rest.p[0] != ' ' && rest.p[0] != '\t')
        return FP_INVALID; // "<a@b>SIZE=1"
    bool is_null = path.n == 0 && options.allow_null;
    bool is_postmaster =
        options.allow_postmaster && slice_equal_nocase(path, SLICE_LIT("postmaster"));
    if (!is_null && !is_postmaster) {
        if (!drop_route(&path))
            return FP_INVALID;
        enum fp_err err = address_check(path, options.allow_utf8);
        if (err)
            return err;
    }
    *ret_address = path;
    if (ret_rest)
        *ret_rest = slice_trim(rest);
    return FP_OK;
}
