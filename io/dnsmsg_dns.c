// SPDX-License-Identifier: BSD-2-Clause
// dnsmsg: builds DNS questions and reads answers by libresolv. See dnsmsg_dns.h.
//
// (M1) Only what answers exactly our question is looked at; the rest is somebody guessing.
// (M2) "There is no such thing" makes mail bounce, so it is believed only where the packet says it
//      completely; every doubt becomes SERVFAIL or BAD, which are temporary.
#include "io/dnsmsg_dns.h"

#include "core/must.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    OPT_SIZE = 11,
    CNAMES_MAX = 16,
    FLAGS_HIGH = 2, // octet of the header: QR, opcode, AA, TC, RD
    FLAGS_LOW = 3,  // RA, Z, AD, CD, rcode
    FLAG_QR = 0x80,
    MASK_OPCODE = 0x78,
    FLAG_AA = 0x04,
    FLAG_TC = 0x02,
    FLAG_RA = 0x80,
    FLAG_AD = 0x20,
    MASK_RCODE = 0x0f,
    ARCOUNT_LOW = 11,
    SOA_SIZE_MIN = 22, // two root names and five numbers
};

// Names are compared in the one form that libresolv writes, so that escapes cannot hide a match.
struct reader {
    ns_msg msg;
    const unsigned char *packet, *end;
    enum dns_type type;
    char owner[NS_MAXDNAME]; // what the records belong to, after CNAMEs
    bool has_alias;          // it is another name than the one asked for
    bool has_loop;           // there is no such owner
    uint32_t ttl_s;
    bool has_ttl;
};

// Questions

enum fp_err dnsmsg_query(const char *name, enum dns_type type,
                         unsigned char packet[DNSMSG_QUERY_MAX], size_t *ret_n, uint16_t *ret_id)
{
    // Options are all that making a question needs: no file is read here.
    struct __res_state res;
    memset(&res, 0, sizeof res);
    res.options = RES_INIT | RES_RECURSE | RES_TRUSTAD;
    if (name[0] == '\0')
        return FP_INVALID;
    int n = res_nmkquery(&res, ns_o_query, name, ns_c_in, (int)type, NULL, 0, NULL, packet,
                         DNSMSG_QUERY_MAX - OPT_SIZE);
    if (n < DNSMSG_HEADER_SIZE)
        return FP_INVALID;

    // libresolv makes its id from the clock, which a forger knows too.
    uint16_t id;
    must(getrandom(&id, sizeof id, 0) == sizeof id);
    ns_put16(id, packet);

    unsigned char *opt = packet + n;
    memset(opt, 0, OPT_SIZE); // root name, no extended flags, no options
    ns_put16(ns_t_opt, opt + 1);
    ns_put16(DNSMSG_UDP_SIZE, opt + 3);
    packet[ARCOUNT_LOW] = 1;
    *ret_n = (size_t)n + OPT_SIZE;
    *ret_id = id;
    return FP_OK;
}

void dnsmsg_drop_opt(unsigned char *packet, size_t *n)
{
    must(*n > DNSMSG_HEADER_SIZE + OPT_SIZE && packet[ARCOUNT_LOW] == 1);
    packet[ARCOUNT_LOW] = 0;
    *n -= OPT_SIZE;
}

// Answers

static bool normalise_name(const char *name, char ret[NS_MAXDNAME])
{
    unsigned char wire[NS_MAXCDNAME];
    return ns_name_pton(name, wire, sizeof wire) >= 0 && ns_name_ntop(wire, ret, NS_MAXDNAME) >= 0;
}

// The root's "." and a final dot are dropped.
static struct dns_answer *new_answer(const char *canonical, enum dns_type type,
                                     enum dns_result result, uint32_t room)
{
    struct dns_answer *a = must_zalloc(sizeof *a + room * sizeof a->records[0]);
    a->type = type;
    a->result = result;
    size_t n = strnlen(canonical, sizeof a->canonical - 1);
    memcpy(a->canonical, canonical, n);
    if (n > 0 && a->canonical[n - 1] == '.')
        a->canonical[n - 1] = '\0';
    return a;
}

struct dns_answer *dnsmsg_no_answer(const char *name, enum dns_type type, enum dns_result result)
{
    return new_answer(name, type, result, 0);
}

bool dnsmsg_dislikes_opt(struct slice packet)
{
    if (packet.n < DNSMSG_HEADER_SIZE)
        return false;
    int rcode = (unsigned char)packet.p[FLAGS_LOW] & MASK_RCODE;
    return rcode == ns_r_formerr || rcode == ns_r_notimpl;
}

// Is the question section ours, and complete? A server that could not read the question may leave
// it out, which is enough for believing in its failure and for nothing else.
static bool has_question(const unsigned char *p, size_t n, const char *name, enum dns_type type)
{
    unsigned questions = ns_get16(p + 4);
    int rcode = p[FLAGS_LOW] & MASK_RCODE;
    if (questions == 0)
        return rcode != ns_r_noerror && rcode != ns_r_nxdomain;
    if (questions != 1)
        return false;
    char asked[NS_MAXDNAME];
    const unsigned char *at = p + DNSMSG_HEADER_SIZE;
    int used = ns_name_uncompress(p, p + n, at, asked, sizeof asked);
    if (used < 0 || (size_t)used + 4 > n - DNSMSG_HEADER_SIZE)
        return false;
    at += used;
    return strcasecmp(asked, name) == 0 && ns_get16(at) == type && ns_get16(at + 2) == ns_c_in;
}

// RFC 2181 8: a TTL with its highest bit set is zero.
static void note_ttl(struct reader *r, uint32_t ttl_s)
{
    if (ttl_s > INT32_MAX)
        ttl_s = 0;
    if (!r->has_ttl || ttl_s < r->ttl_s)
        r->ttl_s = ttl_s;
    r->has_ttl = true;
}

struct cname {
    char owner[NS_MAXDNAME];
    char target[NS_MAXDNAME];
    uint32_t ttl_s;
};

// A name that is a record's whole data, or its end.
static bool read_name(const struct reader *r, const unsigned char *at, size_t n,
                      char text[NS_MAXDNAME])
{
    int used = ns_name_uncompress(r->packet, r->end, at, text, NS_MAXDNAME);
    return used >= 0 && (size_t)used == n;
}

static bool read_cnames(struct reader *r, struct cname *cnames, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (int i = 0; i < ns_msg_count(r->msg, ns_s_an); i++) {
        ns_rr rr;
        if (ns_parserr(&r->msg, ns_s_an, i, &rr) < 0)
            return false;
        if (ns_rr_type(rr) != ns_t_cname || ns_rr_class(rr) != ns_c_in)
            continue;
        if (count == CNAMES_MAX ||
            !read_name(r, ns_rr_rdata(rr), ns_rr_rdlen(rr), cnames[count].target))
            return false;
        // Not memcpy: the root's name is a literal of two octets.
        snprintf(cnames[count].owner, sizeof cnames[count].owner, "%s", ns_rr_name(rr));
        cnames[count++].ttl_s = ns_rr_ttl(rr);
    }
    *ret_count = count;
    return true;
}

// Goes from the name asked for to the owner of the records, in whatever order the CNAMEs stand.
// False for what leads nowhere: a loop, or more of them than anybody needs.
static bool follow_cnames(struct reader *r)
{
    struct cname *cnames = must_alloc(CNAMES_MAX * sizeof *cnames);
    uint32_t count = 0, hops = 0;
    bool is_good = read_cnames(r, cnames, &count);
    for (uint32_t i = 0; is_good && i < count; i++) {
        if (strcasecmp(cnames[i].owner, r->owner) != 0)
            continue;
        memcpy(r->owner, cnames[i].target, sizeof r->owner);
        note_ttl(r, cnames[i].ttl_s);
        r->has_alias = true;
        r->has_loop = ++hops > count; // used more than once
        is_good = !r->has_loop;
        i = UINT32_MAX; // from the first again
    }
    free(cnames);
    return is_good;
}

static void put_name(char to[256], const char *text)
{
    size_t n = strlen(text);
    if (n == 1 && text[0] == '.')
        n = 0; // the root: null MX, RFC 7505
    if (n < 256) {
        memcpy(to, text, n);
        to[n] = '\0';
        return;
    }
    // Only escapes make a name that long. It stays visible, but must never look like a host name.
    snprintf(to, 256, "\\%.254s", text);
}

static bool read_tlsa(const unsigned char *data, size_t n, struct dns_tlsa *ret)
{
    if (n < 3)
        return false;
    *ret = (struct dns_tlsa){.usage = data[0], .selector = data[1], .matching = data[2]};
    ret->size = n - 3 <= DNS_TLSA_MAX ? (uint16_t)(n - 3) : 0;
    memcpy(ret->data, data + 3, ret->size);
    return true;
}

// Strings, each behind its length (RFC 1035 3.3.14); together they are one text.
static bool read_text(const unsigned char *data, size_t n, char to[256])
{
    size_t used = 0;
    for (size_t at = 0; at < n; at += 1U + data[at]) {
        if (data[at] > n - at - 1)
            return false;
        for (size_t i = 1; i <= data[at] && used < 255; i++) {
            unsigned char c = data[at + i];
            to[used++] = c >= ' ' && c < 0x7f ? (char)c : '?';
        }
    }
    to[used] = '\0';
    return true;
}

static bool read_record(const struct reader *r, const ns_rr *rr, struct dns_record *ret)
{
    const unsigned char *data = ns_rr_rdata(*rr);
    size_t n = ns_rr_rdlen(*rr);
    char name[NS_MAXDNAME];
    switch (r->type) {
    case DNS_TYPE_A:
        return n == 4 && inet_ntop(AF_INET, data, ret->ip, sizeof ret->ip);
    case DNS_TYPE_AAAA:
        return n == 16 && inet_ntop(AF_INET6, data, ret->ip, sizeof ret->ip);
    case DNS_TYPE_MX:
        if (n < 3 || !read_name(r, data + 2, n - 2, name))
            return false;
        ret->preference = (uint16_t)ns_get16(data);
        put_name(ret->name, name);
        return true;
    case DNS_TYPE_TLSA:
        return read_tlsa(data, n, &ret->tlsa);
    case DNS_TYPE_TXT:
        return read_text(data, n, ret->name);
    }
    return false;
}

static bool is_wanted(const struct reader *r, const ns_rr *rr)
{
    return (int)ns_rr_type(*rr) == (int)r->type && ns_rr_class(*rr) == ns_c_in &&
           strcasecmp(ns_rr_name(*rr), r->owner) == 0;
}

static bool read_records(struct reader *r, struct dns_answer *to)
{
    for (int i = 0; i < ns_msg_count(r->msg, ns_s_an) && to->count < DNS_RECORDS_MAX; i++) {
        ns_rr rr;
        if (ns_parserr(&r->msg, ns_s_an, i, &rr) < 0)
            return false;
        if (!is_wanted(r, &rr))
            continue;
        if (!read_record(r, &rr, &to->records[to->count]))
            return false;
        to->count++;
        note_ttl(r, ns_rr_ttl(rr));
    }
    return true;
}

struct authority {
    bool has_soa, has_ns;
    uint32_t ttl_s; // how long the negative answer holds: RFC 2308 5
};

static bool read_authority(struct reader *r, struct authority *ret)
{
    for (int i = 0; i < ns_msg_count(r->msg, ns_s_ns); i++) {
        ns_rr rr;
        if (ns_parserr(&r->msg, ns_s_ns, i, &rr) < 0)
            return false;
        if (ns_rr_type(rr) == ns_t_ns)
            ret->has_ns = true;
        if (ns_rr_type(rr) != ns_t_soa || ret->has_soa || ns_rr_rdlen(rr) < SOA_SIZE_MIN)
            continue;
        ret->has_soa = true;
        uint32_t minimum = (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
        uint32_t own = ns_rr_ttl(rr);
        ret->ttl_s = own < minimum ? own : minimum;
    }
    return true;
}

// RFC 6891 6.1.3: the upper bits of the response code stand in OPT. Without them, BADVERS looks
// like "no error, no records".
static bool has_extended_rcode(struct reader *r)
{
    for (int i = 0; i < ns_msg_count(r->msg, ns_s_ar); i++) {
        ns_rr rr;
        if (ns_parserr(&r->msg, ns_s_ar, i, &rr) < 0)
            return true;
        if (ns_rr_type(rr) == ns_t_opt && ns_rr_ttl(rr) >> 24 != 0)
            return true;
    }
    return false;
}

// What an answer without a record of the type means (M2).
static enum dns_result read_negative(struct reader *r, int rcode)
{
    struct authority a = {0};
    if (!read_authority(r, &a))
        return DNS_ANSWER_BAD;
    if (a.has_soa)
        note_ttl(r, a.ttl_s);
    else
        r->ttl_s = 0; // nobody says how long it holds: do not keep it
    bool is_lame = !(r->packet[FLAGS_HIGH] & FLAG_AA) && !(r->packet[FLAGS_LOW] & FLAG_RA);
    bool is_referral = rcode == ns_r_noerror && a.has_ns && !a.has_soa; // RFC 2308 2.2
    if (is_lame || is_referral)
        return DNS_ANSWER_SERVFAIL;
    return rcode == ns_r_nxdomain ? DNS_ANSWER_NXDOMAIN : DNS_ANSWER_NODATA;
}

static enum dns_result read_answer(struct reader *r, struct dns_answer *to)
{
    int rcode = r->packet[FLAGS_LOW] & MASK_RCODE;
    if (rcode != ns_r_noerror && rcode != ns_r_nxdomain)
        return DNS_ANSWER_SERVFAIL;
    if (ns_initparse(r->packet, (int)(r->end - r->packet), &r->msg) < 0)
        return DNS_ANSWER_BAD;
    if (has_extended_rcode(r))
        return DNS_ANSWER_SERVFAIL;
    if (!follow_cnames(r))
        return r->has_loop ? DNS_ANSWER_ALIAS_LOOP : DNS_ANSWER_BAD;
    if (rcode == ns_r_noerror && !read_records(r, to))
        return DNS_ANSWER_BAD;
    if (to->count > 0)
        return DNS_ANSWER_OK;
    // "No such record" has an empty answer section (RFC 2308 2.2), or aliases in it. One that
    // speaks of something else answers another question than ours.
    bool is_unrelated = ns_msg_count(r->msg, ns_s_an) > 0 && !r->has_alias;
    if (rcode == ns_r_noerror && is_unrelated)
        return DNS_ANSWER_BAD;
    return read_negative(r, rcode);
}

enum fp_err dnsmsg_parse(struct slice packet, uint16_t id, const char *name, enum dns_type type,
                         bool trusts_ad, struct dns_answer **ret)
{
    const unsigned char *p = (const unsigned char *)packet.p;
    struct reader r = {.packet = p, .end = p + packet.n, .type = type};
    if (packet.n < DNSMSG_HEADER_SIZE || packet.n > NS_MAXMSG || ns_get16(p) != id ||
        !(p[FLAGS_HIGH] & FLAG_QR) || (p[FLAGS_HIGH] & MASK_OPCODE) != 0 ||
        !normalise_name(name, r.owner) || !has_question(p, packet.n, r.owner, type))
        return FP_INVALID; // (M1)
    if (p[FLAGS_HIGH] & FLAG_TC)
        return FP_AGAIN; // before anything else is read: the cut may be anywhere

    struct dns_answer *full = new_answer("", type, DNS_ANSWER_BAD, DNS_RECORDS_MAX);
    enum dns_result result = read_answer(&r, full);
    uint32_t count = result == DNS_ANSWER_OK ? full->count : 0;

    char canonical[256];
    put_name(canonical, r.owner);
    struct dns_answer *a = new_answer(canonical, type, result, count);
    a->count = count;
    memcpy(a->records, full->records, count * sizeof a->records[0]);
    free(full);
    if (result == DNS_ANSWER_OK || result == DNS_ANSWER_NODATA || result == DNS_ANSWER_NXDOMAIN) {
        a->ttl_s = r.ttl_s;
        a->is_secure = trusts_ad && (p[FLAGS_LOW] & FLAG_AD);
    }
    *ret = a;
    return FP_OK;
}
