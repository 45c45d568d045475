// SPDX-License-Identifier: BSD-2-Clause
// parse: SMTP command lines as values. Pure. RFC 5321 4.1.1, 4.1.2; RFC 1870 6; RFC 2852 4; RFC
// 3461 4; RFC 6152 3; RFC 6531 3.
//
// A command is a verb and what follows it; MAIL and RCPT have a path and parameters. Says what is
// there and answers nothing, except that a fault comes as the reply that names it.
#ifndef FP_RECEIVE_PARSE_H
#define FP_RECEIVE_PARSE_H

#include "core/buf.h"
#include "core/deliver_by.h"
#include "core/dsn.h"
#include "core/message.h"

#include <stdbool.h>
#include <stdint.h>

enum verb {
    VERB_UNKNOWN,
    VERB_ABSENT, // a command that RFCs know and this server does not have
    VERB_HELO,
    VERB_EHLO,
    VERB_MAIL,
    VERB_RCPT,
    VERB_DATA,
    VERB_BDAT,
    VERB_RSET,
    VERB_NOOP,
    VERB_VRFY,
    VERB_EXPN,
    VERB_HELP,
    VERB_QUIT,
    VERB_COUNT
};

// The verb at the start of a line (without its end) in any case; ret_rest is what follows it, outer
// blanks dropped.
enum verb parse_verb(struct slice line, struct slice *ret_rest);

struct parse_path_options {
    bool is_rcpt;         // "TO:", <postmaster>, no null path; else "FROM:" with the null path
    bool may_lack_domain; // <user> without a domain is a user of this host
    const char *hostname; // the domain that is then added
    bool has_utf8;        // of a recipient: SMTPUTF8 stood with MAIL
    bool takes_idn;       // a domain beyond ASCII does not need it
    bool is_private;      // nobody listens in: REQUIRETLS may be said
};

struct parse_command {
    struct buf address; // "" is the null path; its domain in A-labels. Init it with ADDRESS_MAX
    bool needs_utf8;    // as it was given, SMTPUTF8 must be said of it
    uint8_t traits;     // of enum message_trait, what MAIL asks for
    bool has_size;      // SIZE= was given
    uint64_t size;      // saturated
    bool is_8bit;       // BODY=8BITMIME
    bool has_priority;  // MT-PRIORITY= was given
    int8_t priority;    // -9 to 9
    bool has_by;        // BY= was given
    struct deliver_by by;
    enum dsn_ret ret;          // RET
    uint8_t notify;            // NOTIFY, flags of core/dsn.h
    struct slice envid, orcpt; // ENVID, ORCPT; empty: not given; borrowed from the line
};

void parse_command_init(struct parse_command *c);
void parse_command_close(struct parse_command *c);

// Reads what follows MAIL or RCPT. NULL when it is right, else the reply ("501 5.5.4 ...").
const char *parse_mail_or_rcpt(struct slice rest, const struct parse_path_options *options,
                               struct parse_command *ret);

struct parse_bdat {
    uint64_t size;
    bool is_last;
};
// What follows BDAT (RFC 3030 2). False: that cannot be read.
bool parse_bdat(struct slice rest, struct parse_bdat *ret);

#endif
