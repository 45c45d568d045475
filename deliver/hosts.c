// SPDX-License-Identifier: BSD-2-Clause
// hosts: sorting, shuffling and sieving MX records. See hosts.h.
//
// Worked on in an array of pointers into the answer, so that only what survives is copied.
#include "deliver/hosts.h"

#include "core/hostname.h"
#include "core/must.h"

struct candidate {
    const struct dns_record *record;
    uint32_t lot; // order among equal preferences
};

struct sieve {
    struct candidate kept[DNS_RECORDS_MAX];
    uint32_t count;
    uint32_t own_preference; // the best one under which we ourselves are listed
    bool has_own;
};

// A full-period mix of a counter: enough to draw lots, and the same for the same seed.
static uint32_t draw(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static struct slice without_final_dot(struct slice name)
{
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    return name;
}

static bool same_name(struct slice a, struct slice b)
{
    return slice_equal_nocase(without_final_dot(a), without_final_dot(b));
}

// RFC 6761 6.3: localhost and what is below it is this machine, never a next hop.
static bool is_localhost(struct slice name)
{
    name = without_final_dot(name);
    struct slice local = SLICE_LIT("localhost");
    if (slice_equal_nocase(name, local) ||
        slice_equal_nocase(name, SLICE_LIT("localhost.localdomain")))
        return true;
    return name.n > local.n && name.p[name.n - local.n - 1] == '.' &&
           slice_equal_nocase(slice_from(name, name.n - local.n), local);
}

static bool is_usable(struct slice name)
{
    return name.n > 0 && hostname_is_valid(name) && !hostname_is_ipv4(name) && !is_localhost(name);
}

static bool is_better(const struct candidate *a, const struct candidate *b)
{
    if (a->record->preference != b->record->preference)
        return a->record->preference < b->record->preference;
    return a->lot < b->lot;
}

// Inserts in order: 128 records at most, and mostly a handful.
static void keep(struct sieve *s, struct candidate c)
{
    uint32_t at = s->count++;
    for (; at > 0 && is_better(&c, &s->kept[at - 1]); at--)
        s->kept[at] = s->kept[at - 1];
    s->kept[at] = c;
}

static void sieve_names(struct sieve *s, const struct dns_answer *mx, const char *own_name,
                        uint64_t seed)
{
    uint32_t count = mx->count < DNS_RECORDS_MAX ? mx->count : DNS_RECORDS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct dns_record *r = &mx->records[i];
        struct slice name = slice_str(r->name);
        if (own_name && own_name[0] && same_name(name, slice_str(own_name))) {
            if (!s->has_own || r->preference < s->own_preference)
                s->own_preference = r->preference;
            s->has_own = true;
        } else if (is_usable(name)) {
            keep(s, (struct candidate){r, draw(&seed)});
        }
    }
}

static bool is_listed(const struct host_list *list, struct slice name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (slice_equal_nocase(slice_str(list->hosts[i].name), name))
            return true;
    return false;
}

static void list_add(struct host_list *list, struct slice name, uint16_t preference)
{
    name = without_final_dot(name);
    if (list->count == HOSTS_MAX || name.n >= sizeof list->hosts[0].name || is_listed(list, name))
        return;
    struct host *h = &list->hosts[list->count++];
    memcpy(h->name, name.p, name.n);
    h->name[name.n] = '\0';
    h->preference = preference;
}

static enum fp_err not_found(enum dns_fault fault, enum dns_fault *ret_fault)
{
    *ret_fault = fault;
    return FP_NOT_FOUND;
}

static enum fp_err from_records(const struct dns_answer *mx, const char *own_name, uint64_t seed,
                                struct host_list *ret, enum dns_fault *ret_fault)
{
    if (mx->count == 1 &&
        slice_equal(without_final_dot(slice_str(mx->records[0].name)), SLICE_LIT("")))
        return not_found(DNS_NULL_MX, ret_fault); // RFC 7505 3
    struct sieve s;
    s.count = 0;
    s.has_own = false;
    s.own_preference = 0;
    sieve_names(&s, mx, own_name, seed);
    ret->count = 0;
    for (uint32_t i = 0; i < s.count; i++) {
        const struct dns_record *r = s.kept[i].record;
        if (s.has_own && r->preference >= s.own_preference)
            break; // RFC 5321 5.1: our own preference and everything worse
        list_add(ret, slice_str(r->name), r->preference);
    }
    if (ret->count > 0)
        return FP_OK;
    return not_found(s.has_own ? DNS_LOOP : DNS_MX_UNUSABLE, ret_fault);
}

enum fp_err hosts_from_mx(const struct dns_answer *mx, struct slice domain, const char *own_name,
                          uint64_t seed, struct host_list *ret, enum dns_fault *ret_fault)
{
    switch (mx->result) {
    case DNS_ANSWER_NXDOMAIN:
        return not_found(DNS_NXDOMAIN, ret_fault);
    case DNS_ANSWER_SERVFAIL:
        return not_found(DNS_SERVFAIL, ret_fault);
    case DNS_ANSWER_TIMEOUT:
        return not_found(DNS_TIMEOUT, ret_fault);
    case DNS_ANSWER_BAD:
        return not_found(DNS_BAD_ANSWER, ret_fault);
    case DNS_ANSWER_ALIAS_LOOP:
        return not_found(DNS_ALIAS_LOOP, ret_fault);
    case DNS_ANSWER_NOBODY:
        return not_found(DNS_NO_RESOLVER, ret_fault);
    case DNS_ANSWER_OK:
        if (mx->count > 0)
            return from_records(mx, own_name, seed, ret, ret_fault);
        break;
    case DNS_ANSWER_NODATA:
        break;
    }
    if (is_localhost(domain) || domain.n >= sizeof ret->hosts[0].name)
        return not_found(DNS_MX_UNUSABLE, ret_fault);
    ret->count = 0;
    list_add(ret, domain, 0); // the implicit MX
    return FP_OK;
}
