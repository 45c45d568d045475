// SPDX-License-Identifier: BSD-2-Clause
// help: the texts of --help. See help.h; the manual pages in docs/ say more.
#include "command/help.h"

#include <string.h>

#define FILTERS                                                                                    \
    "\n"                                                                                           \
    "FILTER is a queue id, or terms that are all to hold:\n"                                       \
    "  from=PATTERN to=PATTERN domain=PATTERN     PATTERN knows *; from=<> is the null sender\n"   \
    "  state=queued|deferred|active|held\n"                                                        \
    "  age>4h size>1M attempts>=3 error~TEXT next<10m\n"

#define CHANGING                                                                                   \
    "  --all          every message: without a filter that must be said\n"                         \
    "  --dry-run      count and show a sample, change nothing\n"                                   \
    "  --reason TEXT  stands in the log\n"                                                         \
    "  -c FILE        the configuration file\n" FILTERS

static const char program_help[] =
    "usage: fermoposta VERB [-c FILE] ...\n"
    "\n"
    "  daemon            run the queue, in the foreground\n"
    "  check             read the configuration and say every problem\n"
    "  simulate          what would become of mail, if hosts were down\n"
    "  list [FILTER...]  the queue\n"
    "  show ID           one message\n"
    "  why ID|ADDRESS|DESTINATION\n"
    "                    why it waits, what was tried, and when the next try is\n"
    "  plan              what will be tried when, by destination\n"
    "  route ADDRESS...  which way mail to it would go, without sending any\n"
    "  stats             counts by state, destination and age\n"
    "  flush [FILTER...] try now; without a filter: everything\n"
    "  hold FILTER...    keep, without trying\n"
    "  release FILTER... end a hold\n"
    "  remove FILTER...  throw away; nobody is told\n"
    "  bounce FILTER...  give back to the sender now\n"
    "  requeue FILTER... forget attempts and rest; due now\n"
    "  suspend [WHAT]    no attempts until it is resumed; without WHAT: what is suspended\n"
    "  resume WHAT       end that\n"
    "\n"
    "  -c FILE           the configuration file (else FERMOPOSTA_CONF, else\n"
    "                    /etc/fermoposta/fermoposta.conf)\n"
    "  --help, --version fermoposta VERB --help says more\n"
    "\n"
    "Called as sendmail, mailq or postqueue it is that command.\n"
    "Exit status: 0, or one of sysexits.h (64 usage, 66 no such message, 75 later, 77 not\n"
    "permitted, 78 configuration).\n";

static const char sendmail_help[] =
    "usage: sendmail [OPTION...] [--] RECIPIENT...      a message on standard input\n"
    "\n"
    "  -t            take recipients from To, Cc and Bcc; arguments are added\n"
    "  -i, -oi       a line of one dot does not end the message\n"
    "  -f ADDRESS    the envelope sender; \"\" is the null sender (-r is the same)\n"
    "  -F NAME       the sender's full name\n"
    "  -B TYPE       7BIT or 8BITMIME\n"
    "  -N WHEN       which notices are wanted: never, or success,failure,delay\n"
    "  -R WHAT       what comes back with a failure: full or hdrs\n"
    "  -V ID         an id of yours that stands in notices\n"
    "  --require-tls over TLS on its whole way, or not at all\n"
    "  -C FILE       the configuration file\n"
    "  -bm           submit a message (default)\n"
    "  -bs           speak SMTP on standard input and output\n"
    "  -bp           list the queue, as mailq\n"
    "  -bd, -bD      run the daemon in the foreground\n"
    "  -q            try everything now; -qIID, -qRTEXT, -qSTEXT: one id, recipient, sender\n"
    "  --help, --version\n"
    "\n"
    "Taken without effect: -A -D -G -L -O -U -X -c -d -e -h -m -n -o -p -s -v -x.\n";

static const char mailq_help[] = "usage: mailq [-C FILE] [FILTER...]\n"
                                 "\n"
                                 "Lists the queue in Postfix's form.\n" FILTERS;

static const char postqueue_help[] = "usage: postqueue [-c FILE] -p | -j | -f | -i ID\n"
                                     "\n"
                                     "  -p     list the queue\n"
                                     "  -j     list the queue, one JSON object per line\n"
                                     "  -f     try everything now\n"
                                     "  -i ID  try one message now\n";

static const struct verb_help {
    const char *verb, *text;
} verbs[] = {
    {"daemon", "usage: fermoposta daemon [-c FILE]\n\nRuns in the foreground. SIGTERM ends it "
               "cleanly, SIGHUP reads the configuration again.\n"},
    {"check",
     "usage: fermoposta check [--explain ADDRESS [--from SENDER] [--mx HOST]] [-c FILE]\n\n"
     "Says every problem as FILE:LINE: ...; exit status 78 if there is any. With an address: which "
     "row\ngives each value for mail to it.\n"},
    {"simulate",
     "usage: fermoposta simulate [OPTION...] [-c FILE]\n\n"
     "Prints what would become of mail under this configuration. Needs no daemon and touches no\n"
     "spool, socket or network.\n\n"
     "  --messages N          how many (100), one recipient each\n"
     "  --over TIME           evenly spread over so long (all at once)\n"
     "  --from ADDRESS,...    their senders, in turns (user@example.org)\n"
     "  --to DOMAIN,...       where they go, in turns (what the weather names, else example.com)\n"
     "  --mx DOMAIN=HOST      the host that takes the domain's mail (mx.DOMAIN)\n"
     "  --down NAME=TIME      nobody listens\n"
     "  --busy NAME=TIME      421 to everybody\n"
     "  --greylist NAME=TIME  450 for so long since a recipient's first attempt\n"
     "  --full NAME=TIME      452 to each recipient\n"
     "  --reject NAME=TIME    550 5.1.1 to each recipient: no such user\n"
     "  --refuse NAME=TIME    550 5.7.1 to each recipient: not from you\n"
     "  --slow NAME=TIME      takes so long for an answer\n"
     "  --for TIME            how long at most (until the queue is empty, 30d)\n"
     "  --seed N              another course of chance (1)\n"
     "  --format=text|json\n\n"
     "NAME is a domain, a host, HOST:PORT or any other next hop of the configuration, or * (all\n"
     "hosts). TIME@START: from then on, 6h@30m.\n"},
    {"list", "usage: fermoposta list [FILTER...] [--format=FORMAT] [-c FILE]\n\n"
             "  --format=table|postfix|sendmail|json|jsonl|csv\n" FILTERS},
    {"show", "usage: fermoposta show ID [--headers|--body|--envelope] [-c FILE]\n"},
    {"stats", "usage: fermoposta stats [--format=table|json] [-c FILE]\n"},
    {"suspend",
     "usage: fermoposta suspend DESTINATION|from=PATTERN|--all [OPTION...]\n"
     "       fermoposta suspend [--format=table|json|jsonl]\n\n"
     "No attempts are made until it is resumed, by hand or at its end. A destination is\n"
     "a domain or a next hop as stats shows it. Without one: what is suspended.\n\n"
     "  --for TIME     until then: 2h, 1d12h; else until it is resumed\n"
     "  --reason TEXT  stands in the log and in every listing\n"
     "  --force        also when nothing here knows that destination\n"
     "  --dry-run      only say what would be suspended\n"
     "  -c FILE        the configuration file\n"},
    {"resume", "usage: fermoposta resume DESTINATION|from=PATTERN|--all [OPTION...]\n\n"
               "Ends a suspension; its mail goes at once.\n\n"
               "  --reason TEXT  stands in the log\n"
               "  --dry-run      only say what would be resumed\n"
               "  -c FILE        the configuration file\n"},
    {"why",
     "usage: fermoposta why ID|ADDRESS|DESTINATION [--format=text|json] [-c FILE]\n\n"
     "ID is a queue id; of mail that has left the queue, too, as long as history is kept.\n"
     "ADDRESS is a recipient's. DESTINATION is a domain, or a next hop as stats names it.\n"},
    {"plan", "usage: fermoposta plan [--for DURATION] [--format=table|json] [-c FILE]\n\n"
             "What will be tried within that time (default 1h), by destination.\n"},
    {"route",
     "usage: fermoposta route ADDRESS... [--from SENDER] [--format=text|json] [-c FILE]\n\n"
     "Which row of route fits, what the DNS says, and what would be tried in which order; nothing\n"
     "is sent and nobody connected to. A local user's name and a domain will do, too.\n\n"
     "  --from SENDER  of mail from this sender; <> for notices\n"
     "  --json         the same as --format=json: one object a line\n"
     "  -c FILE        the configuration file\n\n"
     "Exit status: 0 when somebody would be tried, 69 when it would be given back, 75 when it\n"
     "would wait, 78 when no row fits, 65 when that is no address.\n"},
    {"flush", "usage: fermoposta flush [FILTER...] [OPTION...]\n\nTries now, resting destinations "
              "included. Without a filter: everything.\n\n" CHANGING},
    {"hold", "usage: fermoposta hold FILTER... [OPTION...]\n\n" CHANGING},
    {"release", "usage: fermoposta release FILTER... [OPTION...]\n\n" CHANGING},
    {"remove", "usage: fermoposta remove FILTER... [OPTION...]\n\nThrows mail away; nobody is "
               "told. During an attempt it wins after it.\n\n" CHANGING},
    {"bounce", "usage: fermoposta bounce FILTER... [OPTION...]\n\n" CHANGING},
    {"requeue", "usage: fermoposta requeue FILTER... [OPTION...]\n\nForgets attempts and rest; due "
                "now, with the same id.\n\n" CHANGING},
};

const char *help_text(const char *program, const char *verb)
{
    if (strcmp(program, "sendmail") == 0)
        return sendmail_help;
    if (strcmp(program, "mailq") == 0)
        return mailq_help;
    if (strcmp(program, "postqueue") == 0)
        return postqueue_help;
    for (size_t i = 0; verb && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            return verbs[i].text;
    return program_help;
}
