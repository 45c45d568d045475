// SPDX-License-Identifier: BSD-2-Clause
// classify: failures that no next hop spoke of: names, sizes, ourselves. See classify.h.
#include "core/must.h"
#include "deliver/classify.h"

#include <stdio.h>
#include <string.h>

#define NAME_ERROR "Host or domain name not found. Name service error for name="

static const struct dns_row {
    bool is_permanent;
    const char *status;
    const char *before, *after; // the name stands between them
} dns_rows[] = {
    [DNS_NXDOMAIN] = {true, "5.1.2", NAME_ERROR, ": Host not found"},
    [DNS_NODATA] = {true, "5.1.2", NAME_ERROR, ": neither MX nor address record"},
    [DNS_NULL_MX] = {true, "5.1.10", "Domain ", " does not accept mail (null MX)"},
    [DNS_SERVFAIL] = {false, "4.4.3", NAME_ERROR, ": Host not found, try again"},
    [DNS_TIMEOUT] = {false, "4.4.3", NAME_ERROR, ": no name server answered"},
    [DNS_BAD_ANSWER] = {false, "4.4.3", NAME_ERROR, ": malformed answer"},
    [DNS_ALIAS_LOOP] = {false, "4.4.3", NAME_ERROR, ": its aliases (CNAME) loop"},
    [DNS_MX_UNUSABLE] = {true, "5.4.4", "unable to route mail for ", ": no usable MX host"},
    [DNS_LOOP] = {true, "5.4.6", "mail for ", " loops back to myself"},
    [DNS_NO_RESOLVER] = {false, "4.4.3", NAME_ERROR, ": Host not found, try again"},
};

void classify_dns(enum dns_fault fault, const char *name, struct outcome *ret)
{
    must((size_t)fault < sizeof dns_rows / sizeof dns_rows[0]);
    const struct dns_row *row = &dns_rows[fault];
    if (fault == DNS_NO_RESOLVER) {
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_LOCAL, CLASS_DNS, row->status, "%s%s%s",
                    row->before, name, row->after);
        ret->blocked = BLOCKED_RESOLVER;
    } else if (row->is_permanent)
        outcome_set(ret, OUTCOME_FAILED, SCOPE_RECIPIENT, CLASS_ADDRESS, row->status, "%s%s%s",
                    row->before, name, row->after);
    else
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_DNS, row->status, "%s%s%s",
                    row->before, name, row->after);
    ret->stage = STAGE_DNS;
}

void classify_relay_unknown(const char *name, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_DNS, "4.3.5",
                "Host or domain name not found. Next hop %s of the route has no address", name);
    ret->stage = STAGE_DNS;
}

void classify_route_error(const char *said, struct outcome *ret)
{
    const char *text = strchr(said, ' ');
    must(text && (said[0] == '4' || said[0] == '5'));
    bool is_temporary = said[0] == '4';
    outcome_set(ret, is_temporary ? OUTCOME_DEFERRED : OUTCOME_FAILED, SCOPE_RECIPIENT,
                CLASS_ADDRESS, "", "%s", text + 1);
    snprintf(ret->status, sizeof ret->status, "%.*s", (int)(text - said), said);
}

void classify_discarded(struct outcome *ret)
{
    outcome_set(ret, OUTCOME_DELIVERED, SCOPE_NONE, CLASS_NONE, "2.0.0", "discarded");
    ret->onward = ONWARD_FINAL;
}

void classify_no_folder(struct outcome *ret)
{
    outcome_set(ret, OUTCOME_FAILED, SCOPE_RECIPIENT, CLASS_ADDRESS, "5.1.3",
                "no mailbox can have this address as its name");
}

static void put_hop(struct outcome *o, const struct hop *hop)
{
    if (!hop || !hop->host)
        return;
    o->port = hop->port;
    snprintf(o->host, sizeof o->host, "%s", hop->host);
    snprintf(o->ip, sizeof o->ip, "%s", hop->ip);
    snprintf(o->tls, sizeof o->tls, "%s", hop->tls ? hop->tls : "");
}

void classify_no_tls(const struct reply_parser *refusal, const struct hop *hop, struct outcome *ret)
{
    if (refusal)
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_TLS, "4.7.5",
                    "TLS is required, but host %s[%s] refused to start it: %d %.*s", hop->host,
                    hop->ip, refusal->code, (int)strcspn(refusal->text, "\n"), refusal->text);
    else
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_TLS, "4.7.4",
                    "TLS is required, but was not offered by host %s[%s]", hop->host, hop->ip);
    ret->stage = STAGE_STARTTLS;
    put_hop(ret, hop);
}

void classify_tlsa_unknown(const char *host, uint16_t port, enum dns_fault fault,
                           struct outcome *ret)
{
    if (fault == DNS_NO_RESOLVER) {
        classify_dns(fault, host, ret);
        return;
    }
    outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_DNS, "4.7.5",
                "TLSA lookup error for %s:%u: %s", host, port,
                fault == DNS_TIMEOUT ? "no name server answered in time"
                                     : "the name servers give no valid answer");
    ret->stage = STAGE_DNS;
}

void classify_no_tlsa(const char *host, uint16_t port, bool is_secure, struct outcome *ret)
{
    if (is_secure)
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_TLS, "4.7.5",
                    "DANE is required, but %s:%u has no TLSA records that can be used", host, port);
    else
        outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_TLS, "4.7.5",
                    "DANE is required, but what the DNS says of %s:%u is not secured by DNSSEC",
                    host, port);
    ret->stage = STAGE_DNS;
}

void classify_sts_host(const char *domain, const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_DEFERRED, SCOPE_HOST, CLASS_TLS, "4.7.5",
                "the MTA-STS policy of %s does not name host %s", domain, hop->host);
    ret->stage = STAGE_CONNECT;
    put_hop(ret, hop);
}

void classify_too_big(uint64_t size, uint64_t size_max, const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_FAILED, SCOPE_MESSAGE, CLASS_REFUSED, "5.3.4",
                "message size %llu exceeds size limit %llu of server %s[%s]",
                (unsigned long long)size, (unsigned long long)size_max, hop->host, hop->ip);
    put_hop(ret, hop);
}

void classify_no_8bit(const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_FAILED, SCOPE_MESSAGE, CLASS_REFUSED, "5.6.3",
                "the message has 8-bit content, which server %s[%s] does not offer to take "
                "(8BITMIME)",
                hop->host, hop->ip);
    put_hop(ret, hop);
}

void classify_no_utf8(enum classify_utf8 what, const struct hop *hop, struct outcome *ret)
{
    static const char *const names[] = {[UTF8_SENDER] = "the sender's address",
                                        [UTF8_RECIPIENT] = "the recipient's address",
                                        [UTF8_HEADER] = "the message's header"};
    outcome_set(ret, OUTCOME_FAILED, what == UTF8_RECIPIENT ? SCOPE_RECIPIENT : SCOPE_MESSAGE,
                what == UTF8_HEADER ? CLASS_REFUSED : CLASS_ADDRESS,
                what == UTF8_HEADER ? "5.6.9" : "5.6.7",
                "%s is beyond ASCII, which server %s[%s] does not offer to take (SMTPUTF8)",
                names[what], hop->host, hop->ip);
    put_hop(ret, hop);
}

void classify_overdue(const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_FAILED, SCOPE_MESSAGE, CLASS_EXPIRED, "5.4.7",
                "the time that its sender set for delivery (DELIVERBY) is over");
    put_hop(ret, hop);
}

void classify_no_deadline(const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_FAILED, SCOPE_MESSAGE, CLASS_REFUSED, "5.3.3",
                "the message is to be given back where it is late, which server %s[%s] does not "
                "offer (DELIVERBY)",
                hop->host, hop->ip);
    put_hop(ret, hop);
}

void classify_no_requiretls(const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_FAILED, SCOPE_MESSAGE, CLASS_TLS, "5.7.30",
                "the message is to be protected on its whole way (REQUIRETLS), which server %s[%s] "
                "does not offer",
                hop->host, hop->ip);
    put_hop(ret, hop);
}

void classify_unspeakable(bool is_sender, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_FAILED, is_sender ? SCOPE_MESSAGE : SCOPE_RECIPIENT, CLASS_ADDRESS,
                is_sender ? "5.1.7" : "5.1.3", "%s address cannot be said in SMTP",
                is_sender ? "sender" : "recipient");
}

void classify_tls_set_up(const char *why, const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_DEFERRED, SCOPE_LOCAL, CLASS_TLS, "4.7.5", "%s", why);
    ret->stage = STAGE_STARTTLS;
    ret->blocked = BLOCKED_TLS;
    put_hop(ret, hop);
}

void classify_no_auth(const char *why, const struct hop *hop, struct outcome *ret)
{
    outcome_set(ret, OUTCOME_DEFERRED, SCOPE_LOCAL, CLASS_AUTH, "4.7.0", "%s[%s]: %s", hop->host,
                hop->ip, why);
    ret->stage = STAGE_AUTH;
    ret->blocked = BLOCKED_SECRET;
    put_hop(ret, hop);
}

void classify_local(enum outcome_stage stage, const char *why, const struct hop *hop,
                    struct outcome *ret)
{
    outcome_set(ret, OUTCOME_DEFERRED, SCOPE_LOCAL, CLASS_MESSAGE, "4.3.0", "%s%s", why,
                stage == STAGE_DOT ? " -- message may have been delivered" : "");
    ret->in_doubt = stage == STAGE_DOT;
    ret->stage = (uint8_t)stage;
    put_hop(ret, hop);
    if (ret->in_doubt)
        snprintf(ret->status, sizeof ret->status, "4.4.2");
}
