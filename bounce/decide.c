// SPDX-License-Identifier: BSD-2-Clause
// decide: is a notice sent at all, and to whom? See decide.h for the rules B1 to B4.
#include "bounce/decide.h"

#include "core/header.h"
#include "core/must.h"

// The first keyword of a field: without comments, parameters and blanks (RFC 3834 5: the value may
// be followed by parameters; RFC 5322 3.2.2: comments may stand anywhere).
static struct slice first_keyword(struct slice body)
{
    struct slice s = slice_trim(body);
    int depth = 0;
    while (s.n > 0 && (depth > 0 || memchr("( \t\r\n", s.p[0], 5))) {
        if (s.p[0] == '\\' && s.n > 1)
            s = slice_from(s, 1);
        else if (s.p[0] == '(')
            depth++;
        else if (s.p[0] == ')')
            depth--;
        s = slice_from(s, 1);
    }
    size_t n = 0;
    while (n < s.n && !memchr("(; \t\r\n", s.p[n], 6))
        n++;
    return slice_of(s.p, n);
}

static bool is_automatic_field(const struct header_field *f)
{
    if (slice_starts_nocase(f->name, SLICE_LIT("List-")))
        return true;
    struct slice word = first_keyword(f->body);
    if (slice_equal_nocase(f->name, SLICE_LIT("Auto-Submitted")))
        return !slice_equal_nocase(word, SLICE_LIT("no"));
    if (slice_equal_nocase(f->name, SLICE_LIT("Precedence")))
        return slice_equal_nocase(word, SLICE_LIT("bulk")) ||
               slice_equal_nocase(word, SLICE_LIT("list")) ||
               slice_equal_nocase(word, SLICE_LIT("junk"));
    return false;
}

static bool is_automatic(struct slice header)
{
    struct header_field f;
    while (header_next(&header, &f))
        if (is_automatic_field(&f))
            return true;
    return false;
}

enum decide_action decide_notice(const struct message *original, enum notice_kind kind,
                                 struct slice header)
{
    // Our own notices have the null sender too, so B2 and B3 come before B1.
    if (original->kind == MESSAGE_NOTICE && kind == NOTICE_FAILED)
        return DECIDE_TO_POSTMASTER; // B2
    if (original->kind != MESSAGE_MAIL)
        return DECIDE_DROP; // B2 (the postmaster's copy failed), B3
    if (!original->sender || original->sender[0] == '\0')
        return DECIDE_DROP; // B1
    if (kind == NOTICE_DELAYED && is_automatic(header))
        return DECIDE_DROP; // B4
    return DECIDE_SEND;
}

enum message_kind decide_entry_kind(enum decide_action action)
{
    must(action != DECIDE_DROP);
    return action == DECIDE_TO_POSTMASTER ? MESSAGE_POSTMASTER : MESSAGE_NOTICE;
}
