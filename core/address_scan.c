// SPDX-License-Identifier: BSD-2-Clause
// address: the addresses of a header field, one after the other. See address.h.
//
// RFC 5322 3.4 with the obsolete forms of its section 4.4, in one pass over the tokens. An element
// that is none is read to its end like any other and then reported, so that a comma within broken
// brackets cannot make an address of what was meant as something else.
#include "core/address.h"

#include "core/address_spec.h"
#include "core/address_token.h"

void address_scan_init(struct address_scanner *s, struct slice list)
{
    *s = (struct address_scanner){.rest = list};
    buf_init(&s->current, SPEC_TEXT_MAX);
}

void address_scan_close(struct address_scanner *s)
{
    if (s)
        buf_close(&s->current);
}

enum place { PLACE_OPEN, PLACE_ANGLE, PLACE_ROUTE, PLACE_BEHIND };

// One element of the list while it is read.
struct element {
    enum place place;
    bool is_bad;
    bool is_first_in_angle;
    struct spec spec;
};

static void on_open(struct element *e, const struct token *t)
{
    if (t->kind == TOKEN_SPECIAL && t->special == '<') {
        e->place = PLACE_ANGLE; // what was read so far was a display name
        e->is_first_in_angle = true;
        spec_reset(&e->spec);
    } else if (t->kind == TOKEN_SPECIAL && strchr(">;:", t->special)) {
        e->is_bad = true;
    } else {
        spec_feed(&e->spec, t);
    }
}

static void on_angle(struct element *e, const struct token *t)
{
    if (t->special == '>') {
        e->place = PLACE_BEHIND;
    } else if (e->is_first_in_angle && (t->special == '@' || t->special == ',')) {
        e->place = PLACE_ROUTE;
    } else {
        spec_feed(&e->spec, t);
    }
    e->is_first_in_angle = false;
}

static void on_route(struct element *e, const struct token *t)
{
    if (t->special == ':') {
        e->place = PLACE_ANGLE;
    } else if (t->special == '>') {
        e->place = PLACE_BEHIND;
        e->is_bad = true;
    } else if (t->special == '<' || t->special == ';' || t->kind == TOKEN_QUOTED) {
        e->is_bad = true;
    }
}

static void element_feed(struct element *e, const struct token *t)
{
    if (t->kind == TOKEN_BAD)
        e->is_bad = true;
    switch (e->place) {
    case PLACE_OPEN:
        on_open(e, t);
        break;
    case PLACE_ANGLE:
        on_angle(e, t);
        break;
    case PLACE_ROUTE:
        on_route(e, t);
        break;
    case PLACE_BEHIND:
        e->is_bad = true;
        break;
    }
}

// Does t end the element? Commas and semicolons within angle brackets do not.
static bool is_end(const struct address_scanner *s, const struct element *e, const struct token *t)
{
    if (t->kind == TOKEN_END)
        return true;
    if (e->place == PLACE_ANGLE || e->place == PLACE_ROUTE)
        return false;
    return t->special == ',' || (t->special == ';' && s->in_group);
}

// Takes what stands between elements: commas and the end of a group. The next token, END included.
static struct token skip_separators(struct address_scanner *s)
{
    while (true) {
        struct token t = address_token_next(&s->rest);
        bool is_group_end = t.special == ';' && s->in_group;
        if (is_group_end)
            s->in_group = false;
        else if (t.special != ',')
            return t;
    }
}

enum fp_err address_scan_next(struct address_scanner *s, struct slice *ret_address)
{
    struct element e = {.place = PLACE_OPEN};
    struct token t = skip_separators(s);
    struct slice start = t.text;
    if (t.kind == TOKEN_END)
        return FP_NOT_FOUND;
    while (!is_end(s, &e, &t)) {
        bool has_name = t.text.p > start.p;
        if (t.special == ':' && e.place == PLACE_OPEN && !s->in_group && !e.is_bad && has_name) {
            s->in_group = true; // what was read was the name of a group
            spec_reset(&e.spec);
            t = skip_separators(s);
            start = t.text;
            if (t.kind == TOKEN_END)
                return FP_NOT_FOUND;
            continue;
        }
        element_feed(&e, &t);
        t = address_token_next(&s->rest);
    }
    if (t.special == ';')
        s->in_group = false;
    bool is_open = e.place == PLACE_ANGLE || e.place == PLACE_ROUTE;
    if (e.is_bad || is_open || !spec_is_complete(&e.spec)) {
        *ret_address = slice_trim(slice_of(start.p, (size_t)(t.text.p - start.p)));
        return FP_INVALID;
    }
    spec_write(&e.spec, &s->current);
    *ret_address = buf_slice(&s->current);
    return FP_OK;
}
