// SPDX-License-Identifier: BSD-2-Clause
// envelope: addresses of a command line. See envelope.h.
#include "command/envelope.h"

#include "core/address.h"
#include "core/must.h"
#include "core/text.h"
#include "core/utf8.h"

#include <stdint.h>
#include <stdlib.h>

void envelope_close(struct envelope *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->rcpt_count; i++)
        free(e->rcpts[i]);
    free(e->rcpts);
    free(e->sender);
    *e = (struct envelope){0};
}

static enum fp_err say_bad(struct slice text, const char *what, struct buf *why)
{
    buf_addf(why, "bad %s address \"", what);
    text_escape(text, why);
    buf_add_byte(why, '"');
    return FP_INVALID;
}

// `text` with the domain it lacks, checked. NULL with a sentence when it is no address.
static char *complete(struct slice text, const char *hostname, const char *what, struct buf *why)
{
    struct buf address;
    buf_init(&address, SIZE_MAX);
    buf_add_slice(&address, text);
    if (address_domain(buf_slice(&address)).n == 0)
        buf_add_all(&address, "@", hostname);
    if (address_check(buf_slice(&address), true) == FP_OK)
        return buf_steal(&address, NULL);
    say_bad(text, what, why);
    buf_close(&address);
    return NULL;
}

enum fp_err envelope_set_sender(struct envelope *e, const char *word, const char *hostname,
                                struct buf *why)
{
    struct slice text = slice_trim(slice_str(word)), found;
    char *sender = NULL;
    if (text.n == 0 || slice_equal(text, SLICE_LIT("<>"))) {
        sender = must_strdup("");
    } else {
        struct address_scanner scanner;
        address_scan_init(&scanner, text);
        if (address_scan_next(&scanner, &found) == FP_OK)
            sender = complete(found, hostname, "sender", why);
        else
            say_bad(text, "sender", why);
        if (sender && address_scan_next(&scanner, &found) != FP_NOT_FOUND) {
            say_bad(text, "sender", why);
            free(sender);
            sender = NULL;
        }
        address_scan_close(&scanner);
    }
    if (!sender)
        return FP_INVALID;
    free(e->sender);
    e->sender = sender;
    return FP_OK;
}

static void add_owned(struct envelope *e, char *address)
{
    e->rcpts = must_realloc(e->rcpts, (e->rcpt_count + 1) * sizeof(*e->rcpts));
    e->rcpts[e->rcpt_count++] = address;
}

void envelope_add_address(struct envelope *e, const char *address)
{
    add_owned(e, must_strdup(address));
}

enum fp_err envelope_add_recipients(struct envelope *e, const char *word, const char *hostname,
                                    struct buf *why)
{
    struct address_scanner scanner;
    struct slice found;
    enum fp_err err;
    size_t before = e->rcpt_count;
    address_scan_init(&scanner, slice_str(word));
    while ((err = address_scan_next(&scanner, &found)) == FP_OK) {
        char *address = complete(found, hostname, "recipient", why);
        if (!address)
            break;
        add_owned(e, address);
    }
    if (err == FP_INVALID)
        say_bad(found, "recipient", why);
    else if (err == FP_NOT_FOUND && e->rcpt_count == before)
        err = say_bad(slice_str(word), "recipient", why);
    address_scan_close(&scanner);
    return err == FP_NOT_FOUND ? FP_OK : FP_INVALID;
}

// Sorts by address and then by place, so that the first of equals is the one given first.
static int compare_places(const void *a, const void *b)
{
    char *const *x = *(char **const *)a, *const *y = *(char **const *)b;
    int order = strcmp(*x, *y);
    return order ? order : (x > y) - (x < y);
}

void envelope_drop_duplicates(struct envelope *e)
{
    if (e->rcpt_count < 2)
        return;
    char ***places = must_alloc(e->rcpt_count * sizeof(*places));
    for (size_t i = 0; i < e->rcpt_count; i++)
        places[i] = &e->rcpts[i];
    qsort(places, e->rcpt_count, sizeof(*places), compare_places);
    const char *last = *places[0];
    for (size_t i = 1; i < e->rcpt_count; i++) {
        if (strcmp(*places[i], last) == 0) {
            free(*places[i]);
            *places[i] = NULL;
        } else {
            last = *places[i];
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < e->rcpt_count; i++)
        if (e->rcpts[i])
            e->rcpts[kept++] = e->rcpts[i];
    e->rcpt_count = kept;
    free(places);
}

static bool is_wide(const char *address)
{
    return !utf8_is_ascii(address_local(slice_str(address)));
}

bool envelope_needs_utf8(const struct envelope *e)
{
    bool is_needed = e->sender && is_wide(e->sender);
    for (size_t i = 0; i < e->rcpt_count; i++)
        is_needed = is_needed || is_wide(e->rcpts[i]);
    return is_needed;
}
