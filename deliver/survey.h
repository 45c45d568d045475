// SPDX-License-Identifier: BSD-2-Clause
// survey: which hosts and addresses mail for one address would be tried at, and in which order.
// Pure; it walks the same plan (deliver/plan.h) as a session, asks the same questions, and connects
// to nobody.
//
//     s = survey_new(&settings, &mail);
//     while (survey_pull_question(s, &name, &type)) ask; then survey_answer(s, ...), until
//     survey_is_over(s): steps in the order in which they came
#ifndef FP_DELIVER_SURVEY_H
#define FP_DELIVER_SURVEY_H

#include "core/dns_answer.h"
#include "core/outcome.h"
#include "deliver/session.h"

enum survey_kind {
    SURVEY_ANSWER, // of the DNS
    SURVEY_TRY,    // this address would be tried
    SURVEY_NOTE,   // why it is not tried any further here
};

// What becomes of a record of an MX answer (RFC 5321 5.1).
enum survey_use {
    SURVEY_USED,
    SURVEY_OWN,        // this host itself
    SURVEY_NOT_BETTER, // than this host
    SURVEY_UNUSABLE,   // no name of a host that may be asked, or beyond what is looked at
};

struct survey_step {
    enum survey_kind kind;
    uint32_t target; // which of them
    // ANSWER
    char *name;                // owned
    struct dns_answer *answer; // owned
    uint8_t *uses;             // enum survey_use by record, of an MX answer; owned
    bool is_cached;
    // TRY; texts owned
    char *host, *ip, *path; // ip "" of a Unix socket, a folder or a program; path NULL but of these
    uint16_t port;
    bool by_mx;
    enum protect_policy by_dns; // what policy "dane" comes to there
    bool is_command;            // path is a program's and its words, each with a blank behind it
    bool asks_policy;           // the domain's MTA-STS policy counts, too, and was not asked for
    // NOTE: owned
    struct outcome *note;
};

struct survey_mail {
    const char *domain;           // key of the recipient's
    const char *sender, *rcpt;    // sender: "" is <>
    const struct target *targets; // copied
    uint32_t target_count;
    uint32_t last; // bits of targets that are tried last (session_batch)
    uint64_t seed; // decides between hosts of equal preference
};

struct survey;
// settings: borrowed; their names, addresses, port, and rows of `tls` decide.
struct survey *survey_new(const struct session_settings *settings, const struct survey_mail *mail);
void survey_free(struct survey *s); // NULL is fine

// True: ret_name and ret_type are to be looked up; the name lives until the next call.
bool survey_pull_question(struct survey *s, const char **ret_name, enum dns_type *ret_type);
void survey_answer(struct survey *s, const char *name, const struct dns_answer *answer,
                   bool is_cached);
bool survey_is_over(const struct survey *s);

const struct survey_step *survey_steps(const struct survey *s, uint32_t *ret_count);
// How many addresses would be tried; there are more, but these are the most for one attempt.
uint32_t survey_tries(const struct survey *s);
bool survey_is_cut(const struct survey *s);
// What becomes of the mail if all of them fail, or at once where there are none; NULL: it is tried
// again, and nothing more is known.
const struct outcome *survey_end(const struct survey *s);

#endif
