// SPDX-License-Identifier: BSD-2-Clause
// request: what one operator's command asks of the daemon, as a value; and who may ask it. Pure.
//
// On the socket a request is one JSON object per line (control/wire_json.h):
//   {"verb": "list", "words": ["from=a@b", "--format=postfix"]}
// (the words as they were typed: the daemon reads them with its own version of the language).
// Answers, one JSON object per line: {"text": "..."} any number (to be printed as it stands),
// {"error": "..."} any number (for standard error), and last {"exit": N}.
//
// Text is JSON for whoever asks so. A listing of a million messages would spend most of its time in
// escaping it and taking it apart again, so a request may have the member "stream": true; then text
// comes as {"bytes": N} and a line end, followed by N octets as they stand, any number of times. N
// is from 1 to WIRE_BYTES_MAX. The other answers are the same.
#ifndef FP_CONTROL_REQUEST_H
#define FP_CONTROL_REQUEST_H

#include "control/filter.h"
#include "control/listing.h"
#include "core/suspension.h"

enum request_verb {
    VERB_LIST,
    VERB_SHOW,
    VERB_FLUSH,
    VERB_HOLD,
    VERB_RELEASE,
    VERB_REMOVE,
    VERB_BOUNCE,
    VERB_REQUEUE,
    VERB_STATS,
    VERB_SUSPEND,
    VERB_RESUME,
    VERB_WHY,
    VERB_PLAN,
    VERB_ROUTE,
    VERB_COUNT
};
enum { REQUEST_PLAN_MS = 60 * 60 * 1000 }; // how far a plan looks where --for does not say
enum { REQUEST_SUBJECT_MAX = 2000 };
enum request_part { SHOW_ALL, SHOW_HEADERS, SHOW_BODY, SHOW_ENVELOPE };

// What suspend and resume are about.
struct request_target {
    bool is_given; // else --all, or the listing of what is suspended
    enum suspension_kind kind;
    char name[SUSPENSION_NAME_MAX + 1];
    int64_t for_ms; // 0: until it is resumed
    bool is_forced; // unknown as it may be
};

struct request {
    enum request_verb verb;
    struct filter filter;
    struct request_target target; // SUSPEND, RESUME
    enum listing_format format; // LIST; of STATS, SUSPEND, PLAN some; WHY: json, or table for text
    enum request_part part;     // SHOW
    bool all;                   // --all
    bool dry_run;
    char reason[256];
    // WHY: an id, an address or a destination, as it was typed; ROUTE: addresses, a line end
    // between two of them
    char subject[REQUEST_SUBJECT_MAX + 1];
    bool has_sender; // ROUTE: --from
    char sender[FILTER_TEXT_MAX + 1];
    int64_t for_ms;   // PLAN: --for; 0: not given
    bool is_streamed; // how the answer's text is to come; not a word, but the wire's
};

const char *request_verb_name(enum request_verb verb);
bool request_verb_parse(const char *name, enum request_verb *ret);
static inline bool request_changes(enum request_verb v)
{
    return v == VERB_FLUSH || v == VERB_HOLD || v == VERB_RELEASE || v == VERB_REMOVE ||
           v == VERB_BOUNCE || v == VERB_REQUEUE || v == VERB_SUSPEND || v == VERB_RESUME;
}

// Does this one? Suspend without a destination only lists what is suspended.
bool request_does_change(const struct request *r);

// Is the request complete and sensible? FP_INVALID with a sentence (exit 64): hold, release,
// remove, bounce and requeue without a filter and without --all; show without exactly one id;
// --dry-run with a verb that changes nothing.
enum fp_err request_check(const struct request *r, struct buf *why);

// Reads the words of a command line (behind the verb): filters and options. r->verb is set by the
// caller, the rest is set here; r is untouched on failure. FP_INVALID or FP_TOO_BIG with a
// sentence. Options: --format=F --all --dry-run --reason=TEXT --headers --body --envelope
// --for=DURATION (plan); "--" ends them. Suspend and resume take a destination or from=PATTERN
// instead of filters, and suspend --for=DURATION and --force.
enum fp_err request_parse_words(struct request *r, const char *const *words, size_t count,
                                struct buf *why);

// What a caller may do: everything (root, service user, operators), or only with mail of their own.
struct request_caller {
    int64_t uid;
    bool is_operator;
};
// uid to restrict ops to: -1 for operators.
int64_t request_scope_uid(const struct request_caller *c);

#endif
