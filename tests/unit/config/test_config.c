// SPDX-License-Identifier: BSD-2-Clause
// Reading the configuration: every problem has its file, its line and the right sentence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/config/config_file.h"

static const struct bad_case {
    const char *name, *text, *want;
} bad_cases[] = {
    {"unknown name with a near one", "hostnam = \"a.b\"\n",
     "c.conf:1: unknown setting \"hostnam\"; did you mean \"hostname\"?\n"},
    {"unknown name without a near one", "\n\ncolour = \"blue\"\n",
     "c.conf:3: unknown setting \"colour\"; there are: hostname, spool, socket, user, operators, "
     "mode, interactive_timeout, nameservers, trust_ad, smtp_port, eight_bit, chunking, "
     "pipe_timeout, "
     "postmaster, "
     "max_message_size, max_recipients, max_sessions, idle_connections, idle_time, log, listen, "
     "route, retry, limit, "
     "tls, credentials, notice, brake, history\n"},
    {"all problems are told, in order", "smtp_port = 0\nspool = \"x\"\nlog = \"stdout\"\n",
     "c.conf:1: smtp_port is 0, but must be from 1 to 65535\n"
     "c.conf:2: spool: \"x\" is no full path; it must begin with \"/\"\n"
     "c.conf:3: log is \"stdout\", but must be \"stderr\", \"syslog\" or the full path of a "
     "file\n"},
    {"a number for a string", "hostname = 7\n",
     "c.conf:1: hostname must be a string in double quotes: hostname = \"...\"\n"},
    {"a string for a number", "smtp_port = \"25\"\n",
     "c.conf:1: smtp_port must be a whole number (without quotes) from 1 to 65535\n"},
    {"a fraction for a number", "max_recipients = 1.5\n",
     "c.conf:1: max_recipients must be a whole number (without quotes) from 1 to 100000\n"},
    {"a word that is none of the words", "eight_bit = \"encode\"\n",
     "c.conf:1: eight_bit is \"encode\", but must be \"convert\", \"bounce\" or \"send\"\n"},
    {"a word for a flag", "chunking = \"true\"\n",
     "c.conf:1: chunking must be true or false (without quotes)\n"},
    {"a port beyond the last", "smtp_port = 65536\n",
     "c.conf:1: smtp_port is 65536, but must be from 1 to 65535\n"},
    {"an empty string", "spool = \"\"\n", "c.conf:1: spool must not be empty\n"},
    {"a bad host name", "hostname = \"mail_1 example\"\n",
     "c.conf:1: hostname: \"mail_1 example\" is no host name; write one such as "
     "\"mail.example.org\"\n"},
    {"a bad postmaster", "postmaster = \"post master\"\n",
     "c.conf:1: postmaster: \"post master\" is no address; write \"postmaster\" or "
     "\"postmaster@example.org\"\n"},
    {"a bad duration", "history = \"7x\"\n",
     "c.conf:1: history: \"7x\" is no duration; write \"90s\", \"30m\", \"4h\" or \"5d\"\n"},
    {"a duration without a unit", "history = 7\n",
     "c.conf:1: history must be a duration in double quotes, such as \"90s\" or \"4h\"\n"},
    {"a bad size", "max_message_size = \"50 meg\"\n",
     "c.conf:1: max_message_size: \"50 meg\" is no size; write \"512K\", \"10M\" or \"1G\"\n"},
    {"a size that is a number", "max_message_size = 1000000\n",
     "c.conf:1: max_message_size must be a size in double quotes, such as \"512K\" or \"10M\"\n"},
    {"a size just beyond the maximum", "max_message_size = \"1025M\"\n",
     "c.conf:1: max_message_size is \"1025M\", but must be from \"1K\" to \"1G\"\n"},
    {"control characters are shown harmless", "log = \"a\\x1bb\"\n",
     "c.conf:1: log is \"a\\x1bb\", but must be \"stderr\", \"syslog\" or the full path of a "
     "file\n"},
    {"a mode", "mode = \"relay\"\n",
     "c.conf:1: mode is \"relay\", but must be \"background\", \"interactive\" or "
     "\"queue\"\n"},
    {"no time for a program", "pipe_timeout = \"0s\"\n",
     "c.conf:1: pipe_timeout is \"0s\", but must be from \"1s\" to \"1h\"\n"},
    {"a wait that is too short", "interactive_timeout = \"0\"\n",
     "c.conf:1: interactive_timeout is \"0\", but must be from \"1s\" to \"10m\"\n"},
    {"a wait that is too long", "interactive_timeout = \"601s\"\n",
     "c.conf:1: interactive_timeout is \"601s\", but must be from \"1s\" to \"10m\"\n"},
    {"name servers", "nameservers = [ \"127.0.0.1:5300\",\n  \"dns.example.org\" ]\n",
     "c.conf:2: nameservers: \"dns.example.org\" is no name server; write \"192.0.2.53\", "
     "\"127.0.0.1:5300\" or \"[::1]:53\"\n"},
    {"a word where true or false must be", "trust_ad = \"yes\"\n",
     "c.conf:1: trust_ad must be true or false (without quotes)\n"},
    {"one name server as a string", "nameservers = \"127.0.0.1\"\n",
     "c.conf:1: nameservers must be a list of strings: nameservers = [ \"...\", \"...\" ]\n"},
    {"listen: a host name", "listen = ( { address = \"localhost:25\" } )\n",
     "c.conf:1: address: \"localhost:25\" is no address to listen on; write \"127.0.0.1:25\", "
     "\"[::1]:25\" or \"unix:/PATH\"\n"},
    {"listen: a protocol",
     "listen = (\n  { address = \"127.0.0.1:25\", protocol = \"smtps\" }\n)\n",
     "c.conf:2: protocol is \"smtps\", but must be \"smtp\"\n"},
    {"listen: a network",
     "listen = (\n  { address = \"127.0.0.1:25\", trusted = [ \"::1\",\n"
     "  \"192.0.2.0/33\" ] }\n)\n",
     "c.conf:3: trusted: \"192.0.2.0/33\" is no network; write \"192.0.2.0/24\", \"192.0.2.1\", "
     "\"2001:db8::/32\" or \"::1\"\n"},
    {"listen: no address", "listen = (\n  { protocol = \"smtp\" }\n)\n",
     "c.conf:2: this row of listen lacks address; a row is written { address = \"127.0.0.1:25\", "
     "protocol = \"smtp\" }\n"},
    {"listen: a slip in the name of the address", "listen = ( { adress = \"127.0.0.1:25\" } )\n",
     "c.conf:1: this row of listen lacks address; a row is written { address = \"127.0.0.1:25\", "
     "protocol = \"smtp\" }\n"
     "c.conf:1: unknown setting \"adress\" in listen; did you mean \"address\"?\n"},
    {"listen: the same address twice",
     "listen = (\n  { address = \"127.0.0.1:25\" },\n  { address = \"127.0.0.1:25\" }\n)\n",
     "c.conf:3: the row address = \"127.0.0.1:25\" stands twice in listen; keep one\n"},
    {"listen: no table", "listen = \"127.0.0.1:25\"\n",
     "c.conf:1: listen is a table of rows in round brackets: listen = ( { address = "
     "\"127.0.0.1:25\", protocol = \"smtp\" } )\n"},
    {"route: no target", "route = ( { for = \"*\" } )\n",
     "c.conf:1: this row of route lacks to; a row is written { for = \"*\", to = [ \"mx\" ] }\n"},
    {"route: an empty target", "route = ( { for = \"*\", to = [] } )\n",
     "c.conf:1: to is empty; name a next hop: to = [ \"mx\" ]\n"},
    {"route: a bad target", "route = ( { for = \"*\", to = [ \"relay.example\" ] } )\n",
     "c.conf:1: to: \"relay.example\" is no next hop: write \"mx\", \"smtp://HOST[:PORT]\" (an "
     "IPv6 address in brackets), \"smtps://HOST[:PORT]\", \"lmtp://HOST:PORT\" (not 25) or "
     "\"lmtp:///PATH\", "
     "\"maildir:///PATH/{user}\" (an absolute path, no \"..\"), "
     "\"pipe:///PROGRAM WORDS\" (an absolute path; no shell reads it), \"error:5.1.2 TEXT\" (4.x.x "
     "defers) or \"discard:\"\n"},
    {"route: a scheme that is nearly one",
     "route = ( { for = \"*\", to = [ \"lmpt://h:24\" ] } )\n",
     "c.conf:1: to: \"lmpt://h:24\" is no next hop: write \"lmtp://HOST:PORT\" (not 25) or "
     "\"lmtp:///PATH\"\n"},
    {"route: a relative folder", "route = ( { for = \"*\", to = [ \"maildir://mail\" ] } )\n",
     "c.conf:1: to: \"maildir://mail\" is no next hop: write \"maildir:///PATH/{user}\" (an "
     "absolute path, no \"..\")\n"},
    {"route: a relative program", "route = ( { for = \"*\", to = [ \"pipe://cat\" ] } )\n",
     "c.conf:1: to: \"pipe://cat\" is no next hop: write \"pipe:///PROGRAM WORDS\" (an absolute "
     "path; no shell reads it)\n"},
    {"route: a misspelled name", "route = ( { for = \"*\", to = [ \"maildir:///m/{usr}\" ] } )\n",
     "c.conf:1: to: \"maildir:///m/{usr}\": {usr} is unknown; did you mean {user}?\n"},
    {"route: behind the last word", "route = ( { for = \"*\", to = [ \"discard:\", \"mx\" ] } )\n",
     "c.conf:1: to: \"mx\" is never tried, the next hop before it decides; leave it out\n"},
    {"route: a bad pattern", "route = ( { for = \"*.example.com\", to = [ \"mx\" ] } )\n",
     "c.conf:1: for: \"*.example.com\" is no pattern; write \"user@example.com\", "
     "\"example.com\", \".example.com\" (everything below it), \"mx:HOST\" or \"*\"\n"},
    {"route: a star in a local part", "route = ( { for = \"a*@example.com\", to = [ \"mx\" ] } )\n",
     "c.conf:1: for: \"a*@example.com\" is no pattern; write \"user@example.com\", "
     "\"example.com\", \".example.com\" (everything below it), \"mx:HOST\" or \"*\"\n"},
    {"route: the same row twice, in other letters",
     "route = (\n  { for = \"a.example\", to = [ \"mx\" ] },\n"
     "  { for = \"A.EXAMPLE\", to = [ \"mx\" ] }\n)\n",
     "c.conf:3: the row for = \"a.example\" stands twice in route; keep one\n"},
    {"route: the same row twice for some senders",
     "route = ( { for = \"*\", from = \"a@b\", to = [ \"mx\" ] },\n{ for = \"*\", to = [ \"mx\" ] "
     "},\n"
     "{ from = \"A@b\", for = \"*\", to = [ \"mx\" ] },\n"
     "{ for = \"*\", from = \"*\", to = [ \"mx\" ] } )\n",
     "c.conf:3: the row for = \"*\", from = \"A@b\" stands twice in route; keep one\n"
     "c.conf:4: the row for = \"*\" stands twice in route; keep one\n"},
    {"route: no pattern of senders",
     "route = ( { for = \"*\", from = \"mx:a.example\", to = [ \"mx\" ] } )\n",
     "c.conf:1: from: \"mx:a.example\" is no pattern of senders; write \"user@example.com\", "
     "\"example.com\", \".example.com\" (everything below it), \"<>\" (notices) or \"*\"\n"},
    {"route: the same but for case and the root",
     "route = (\n  { for = \"a.example\", to = [ \"mx\" ] },\n"
     "  { for = \"A.Example.\", to = [ \"mx\" ] } )\n",
     "c.conf:3: the row for = \"a.example\" stands twice in route; keep one\n"},
    {"retry: a near name", "retry = ( { for = \"*\",\n shedule = \"5m\" } )\n",
     "c.conf:2: unknown setting \"shedule\" in retry; did you mean \"schedule\"?\n"},
    {"retry: a wait behind what never ends",
     "retry = ( { for = \"*\", schedule = \"5m x1.5<=4h 5h\" } )\n",
     "c.conf:1: schedule: \"5h\" stands behind a growth, which never ends; write it before\n"},
    {"retry: a bad wait", "retry = ( { for = \"*\", schedule = \"5m soon\" } )\n",
     "c.conf:1: schedule: \"soon\" is no wait of a second or more; write waits one after the "
     "other: \"5m 15m 30m\"\n"},
    {"retry: no wait", "retry = ( { for = \"*\", schedule = \" \" } )\n",
     "c.conf:1: schedule is empty; write waits one after the other: \"5m 15m 30m\"\n"},
    {"retry: a warning without a unit", "retry = ( { for = \"*\", warn_after = [ \"4\" ] } )\n",
     "c.conf:1: warn_after: \"4\" is no duration; write \"90s\", \"30m\", \"4h\" or \"5d\"\n"},
    {"retry: warnings that do not grow",
     "retry = ( { for = \"*\", warn_after = [ \"4h\", \"240m\" ] } )\n",
     "c.conf:1: warn_after must grow: \"240m\" is not later than the one before\n"},
    {"retry: too many warnings",
     "retry = ( { for = \"*\", warn_after = [\"1s\",\"2s\",\"3s\",\"4s\",\"5s\",\"6s\",\"7s\","
     "\"8s\",\"9s\"] } )\n",
     "c.conf:1: warn_after has 9 values, but must have at most 8\n"},
    {"retry: an end at once", "retry = ( { for = \"*\", expire_after = \"0\" } )\n",
     "c.conf:1: expire_after is \"0\", but must be from \"1s\" to \"365d\"\n"},
    {"retry: a sender that is none",
     "retry = ( { for = \"*\", from = \"mx:a.b\", warn_after = [] } )\n",
     "c.conf:1: from: \"mx:a.b\" is no pattern of senders; write \"user@example.com\", "
     "\"example.com\", \".example.com\" (everything below it), \"<>\" (notices) or \"*\"\n"},
    {"retry: a class that is never tried again",
     "retry = ( { for = \"*\", on = \"refused\", warn_after = [] } )\n",
     "c.conf:1: on is \"refused\", but must be \"any\", \"host\", \"tls\", \"auth\", \"dns\", "
     "\"greylist\", \"mailbox-full\", \"rate\" or \"message\"\n"},
    {"retry: no attempt", "retry = ( { for = \"*\", max_attempts = 0 } )\n",
     "c.conf:1: max_attempts is 0, but must be from 1 to 100000\n"},
    {"retry: more than half of a wait", "retry = ( { for = \"*\", jitter = \"51%\" } )\n",
     "c.conf:1: jitter: \"51%\" is no share of a wait; write \"0%\" to \"50%\"\n"},
    {"retry: a share of what", "retry = ( { for = \"*\", jitter = \"5\" } )\n",
     "c.conf:1: jitter: \"5\" is no share of a wait; write \"0%\" to \"50%\"\n"},
    {"retry: one bound", "retry = ( { for = \"*\", retry_after = [ \"5m\" ] } )\n",
     "c.conf:1: retry_after is the shortest and the longest wait that a reply may ask for: "
     "[ \"30s\", \"2h\" ]; [] does not listen to replies\n"},
    {"retry: turned bounds", "retry = ( { for = \"*\", retry_after = [ \"5m\", \"4m\" ] } )\n",
     "c.conf:1: retry_after: the longest wait is shorter than the shortest\n"},
    {"retry: the same row twice",
     "retry = ( { for = \"*\", from = \"a@b\", on = \"dns\", max_attempts = 1 },\n"
     " { for = \"*\", from = \"A@B\", on = \"dns\", max_attempts = 2 } )\n",
     "c.conf:2: the row for = \"*\", from = \"A@B\", on = \"dns\" stands twice in retry; keep "
     "one\n"},
    {"retry: what is wrong is not the same row",
     "retry = ( { for = \"*\", on = \"slow\", max_attempts = 1 },\n"
     " { for = \"*\", max_attempts = 2 } )\n",
     "c.conf:1: on is \"slow\", but must be \"any\", \"host\", \"tls\", \"auth\", \"dns\", "
     "\"greylist\", \"mailbox-full\", \"rate\" or \"message\"\n"},
    {"retry: a growth that is none", "retry = ( { for = \"*\", schedule = \"5m x0.5<=4h\" } )\n",
     "c.conf:1: schedule: \"x0.5<=4h\" is no growth; write a factor above 1 and the longest wait, "
     "last: \"5m 15m x1.5<=4h\"\n"},
    {"max_sessions: none at all", "max_sessions = 0\n",
     "c.conf:1: max_sessions is 0, but must be from 1 to 5000\n"},
    {"idle connections: too many", "idle_connections = 201\nidle_time = \"6m\"\n",
     "c.conf:1: idle_connections is 201, but must be from 0 to 200\n"
     "c.conf:2: idle_time is \"6m\", but must be from \"0s\" to \"5m\"\n"},
    {"limit: no rate", "limit = ( { for = \"*\", rate = \"0/1m\" } )\n",
     "c.conf:1: rate: \"0/1m\" is no rate; write messages and a time of one second to one day: "
     "\"100/1m\"\n"},
    {"limit: a rate without a time", "limit = ( { for = \"*\", rate = \"5\" } )\n",
     "c.conf:1: rate: \"5\" is no rate; write messages and a time of one second to one day: "
     "\"100/1m\"\n"},
    {"limit: a rate by the week", "limit = ( { for = \"*\", rate = \"5/7d\" } )\n",
     "c.conf:1: rate: \"5/7d\" is no rate; write messages and a time of one second to one day: "
     "\"100/1m\"\n"},
    {"retry: a number as a row", "retry = ( 5 )\n",
     "c.conf:1: a row of retry is written { for = \"*\", schedule = \"5m 15m 30m\" }\n"},
    {"limit: none at all", "limit = ( { for = \"*\", connections = 0 } )\n",
     "c.conf:1: connections is 0, but must be from 1 to 1000\n"},
    {"limit: too many", "limit = ( { for = \"*\", connections = 1001 } )\n",
     "c.conf:1: connections is 1001, but must be from 1 to 1000\n"},
    {"tls: a policy", "tls = ( { for = \"*\", policy = \"must\" } )\n",
     "c.conf:1: policy is \"must\", but must be \"none\", \"may\", \"encrypt\", \"verify\", "
     "\"dane\" or \"dane-only\"\n"},
    {"tls: an address", "tls = ( { for = \"a@example.com\", policy = \"may\" } )\n",
     "c.conf:1: for: \"a@example.com\" is an address, but tls is about next hops: write a domain, "
     "\"mx:HOST\", the name of a relay, or \"*\"\n"},
    {"tls: names without verify", "tls = ( { for = \"*\", names = [ \"a.example\" ] } )\n",
     "c.conf:1: names counts only with policy = \"verify\"; no certificate is looked at with "
     "\"may\"\n"},
    {"tls: names with dane",
     "nameservers = [ \"::1\" ]\n"
     "tls = ( { for = \"*\", policy = \"dane\", names = [ \"a\" ] } )\n",
     "c.conf:2: names counts only with policy = \"verify\"; with \"dane\" the DNS says what "
     "certificates are right\n"},
    {"tls: dane that can do nothing",
     "nameservers = [ \"192.0.2.1\" ]\nlog = \"x\"\n"
     "tls = ( { for = \"*\", policy = \"dane-only\" },\n"
     "        { for = \"192.0.2.2\", policy = \"dane\" } )\n",
     "c.conf:2: log is \"x\", but must be \"stderr\", \"syslog\" or the full path of a file\n"
     "c.conf:3: warning: policy: \"dane-only\" needs a name server that validates (DNSSEC) and is "
     "trusted, and there is none: nothing is sent; run one on this machine, or write "
     "trust_ad = true\n"
     "c.conf:4: warning: policy: an IP address has no TLSA records: it means \"may\" here\n"},
    {"tls: a bad name, and none",
     "tls = ( { for = \"a.example\", policy = \"verify\", names = [ \"*.example\" ] },\n"
     "        { for = \"b.example\", policy = \"verify\", names = [] } )\n",
     "c.conf:1: names: \"*.example\" is no name of a certificate; write \"mx.example.com\" or "
     "\".example.com\" (everything below it)\n"
     "c.conf:2: names is empty; write whom the certificate must be for, or no names\n"},
    {"tls: mta_sts", "tls = ( { for = \"*\", policy = \"may\", mta_sts = \"yes\" } )\n",
     "c.conf:1: mta_sts must be true or false, without quotes\n"},
    {"tls: mta_sts with encrypt",
     "tls = ( { for = \"*\", policy = \"encrypt\", mta_sts = true } )\n",
     "c.conf:1: mta_sts counts only with policy = \"may\" or \"dane\"; with \"encrypt\" a domain's "
     "policy changes nothing\n"},
    {"tls: ca_file without mta_sts",
     "tls = ( { for = \"*\", policy = \"may\", mta_sts = false, ca_file = \"/ca\" } )\n",
     "c.conf:1: ca_file counts only with policy = \"verify\"; no certificate is looked at with "
     "\"may\"\n"},
    {"tls: a path", "tls = ( { for = \"*\", policy = \"verify\", ca_file = \"ca.pem\" } )\n",
     "c.conf:1: ca_file: \"ca.pem\" is no full path; it must begin with \"/\"\n"},
    {"tls: a key without its certificate", "tls = ( { for = \"*\", key_file = \"/k\" } )\n",
     "c.conf:1: key_file is the key of a certificate; write cert_file, too\n"},
    {"tls: a pin", "tls = ( { for = \"*\", policy = \"verify\", pins = [ \"00:11\" ] } )\n",
     "c.conf:1: pins: \"00:11\" is no SHA-256 of a key; write 64 hexadecimal digits\n"},
    {"tls: pins and names",
     "tls = ( { for = \"*\", policy = \"verify\", names = [ \"a.b\" ], pins = [ \"" PIN
     "\" ] } )\n",
     "c.conf:1: with pins the key alone decides; leave out names and ca_file, or pins\n"},
    {"limit: an address", "limit = ( { for = \"a@example.com\", connections = 1 } )\n",
     "c.conf:1: for: \"a@example.com\" is an address, but limit counts by destination: write a "
     "domain, \"mx:HOST\", a next hop as route names it, or \"*\"\n"},
    {"notice", "notice = { return = \"all\", language = \"it\" }\n",
     "c.conf:1: return is \"all\", but must be \"headers\", \"full\" or \"none\"\n"
     "c.conf:1: language is \"it\", but must be \"en\"\n"},
    {"brake out of range", "brake = { failures = 1001, senders = 0, within = \"25h\", k = 1 }\n",
     "c.conf:1: failures is 1001, but must be from 0 to 1000\n"
     "c.conf:1: senders is 0, but must be from 1 to 100\n"
     "c.conf:1: within is \"25h\", but must be from \"1s\" to \"1d\"\n"
     "c.conf:1: unknown setting \"k\" in brake; there are: failures, senders, within\n"},
    {"brake: no group", "brake = 20\n",
     "c.conf:1: brake is written brake = { failures = 20, senders = 3, within = \"10m\" }\n"},
    {"brake that never closes", "brake = { failures = 2 }\n",
     "c.conf:1: brake: 2 failures are never those of 3 senders; senders must be at most "
     "failures\n"},
    {"notice: no group", "notice = \"full\"\n",
     "c.conf:1: notice is written notice = { return = \"headers\" }\n"},
    {"a setting twice", "smtp_port = 25\nspool = \"/a\"\nsmtp_port = 26\n",
     "c.conf:3: this setting stands twice in one place; keep one of the two\n"},
    {"a syntax error, and what stands before it", "smtp_port = 0\nspool = /var/spool\nlog = 5\n",
     "c.conf:1: smtp_port is 0, but must be from 1 to 65535\n"
     "c.conf:2: syntax error; here or on the line before, a quote, comma, bracket or \"=\" is "
     "missing or too much\n"},
    {"a half table is not complained about",
     "route = (\n  { for = \"*\",\n    to [ \"mx\" ] }\n)\n",
     "c.conf:3: syntax error; here or on the line before, a quote, comma, bracket or \"=\" is "
     "missing or too much\n"},
    {"values of two kinds", "nameservers = [ \"127.0.0.1\", 53 ]\n",
     "c.conf:1: values of different kinds stand between [ and ]; write all as strings\n"},
    {"an include that is not there", HOST "@include \"none.conf\"\n",
     "c.conf:2: @include none.conf: no such file\n"},
    {"an include of itself", "@include \"c.conf\"\n",
     "c.conf:1: @include c.conf: included too deeply (does it include itself?)\n"},
    {"an include of a folder", "\n@include \"/\"\n", "c.conf:2: @include /: not a regular file\n"},
    {"an include without quotes", "@include more.conf\n",
     "c.conf:1: write @include \"PATH\", alone on its line\n"},
};

static void says_what_is_wrong(void **state)
{
    const struct bad_case *c = *state;
    struct config config;
    char problems[4096];
    write_file("c.conf", c->text);
    assert_int_equal(load(&config, problems, sizeof(problems)), FP_INVALID);
    assert_string_equal(problems, c->want);
}

static const struct warning_case {
    const char *name, *text, *want;
} warning_cases[] = {
    {"nothing to say", HOST, ""},
    {"a warning after the end",
     HOST
     "retry = (\n  { for = \"*\",\n    warn_after = [ \"4h\" ],\n    expire_after = \"1h\" }\n)\n",
     "c.conf:4: warning: warn_after is not before expire_after: that warning is never sent\n"},
    {"one attempt only",
     HOST "retry = ( { for = \"*\", schedule = \"1h\", expire_after = \"1h\" } )\n",
     "c.conf:2: warning: expire_after is not behind the default warn_after, \"4h\": nobody is "
     "warned; write warn_after, too, or warn_after = []\n"
     "c.conf:2: warning: the first wait of schedule is not shorter than expire_after: there is no "
     "second attempt\n"},
    {"a row without a setting", HOST "retry = ( { for = \"a.example\", on = \"dns\" } )\n",
     "c.conf:2: warning: this row of retry sets nothing\n"},
    {"an end before another row's warning",
     HOST "retry = ( { for = \"*\", warn_after = [ \"2h\" ] },\n"
          " { for = \"a.example\", expire_after = \"1h\" } )\n",
     "c.conf:3: warning: warn_after is not before expire_after: that warning is never sent\n"},
    {"a warning after the end, of some senders' mail",
     HOST "retry = ( { for = \"*\", from = \"a.test\", warn_after = [ \"2h\" ] },\n"
          " { for = \"*\", from = \".a.test\", warn_after = [ \"2h\" ] },\n"
          " { for = \"*\", expire_after = \"2h\", warn_after = [] } )\n",
     "c.conf:2: warning: warn_after is not before expire_after: that warning is never sent\n"
     "c.conf:3: warning: warn_after is not before expire_after: that warning is never sent\n"},
    {"an end before the default warning",
     HOST "retry = ( { for = \"a.test\", expire_after = \"4h\" },\n"
          " { for = \"b.test\", expire_after = \"5h\" },\n"
          " { for = \"c.test\", expire_after = \"1h\", warn_after = [] },\n"
          " { for = \"*\", from = \"<>\", expire_after = \"1h\" } )\n",
     "c.conf:2: warning: expire_after is not behind the default warn_after, \"4h\": nobody is "
     "warned; write warn_after, too, or warn_after = []\n"},
    {"a schedule of one attempt",
     HOST "retry = ( { for = \"a.test\", schedule = \"5m\", max_attempts = 1 },\n"
          " { for = \"b.test\", schedule = \"5m\", max_attempts = 2 },\n"
          " { for = \"c.test\", max_attempts = 1 },\n"
          " { for = \"c.test\", on = \"host\", schedule = \"1m\" } )\n",
     "c.conf:2: warning: schedule does not count with max_attempts = 1: there is no second "
     "attempt\n"
     "c.conf:5: warning: schedule does not count with max_attempts = 1: there is no second "
     "attempt\n"},
    {"a schedule that goes on behind the end",
     HOST "retry = ( { for = \"a.test\", schedule = \"5m 6d\" },\n"
          " { for = \"b.test\", schedule = \"1d 2d 3d 1h\" },\n"
          " { for = \"c.test\", schedule = \"1d*2 2d\" },\n"
          " { for = \"c.test\", from = \"<>\", expire_after = \"1d12h\" } )\n",
     "c.conf:2: warning: schedule goes on behind expire_after: mail is given back before the wait "
     "of 6d is over\n"
     "c.conf:3: warning: schedule goes on behind expire_after: mail is given back before the wait "
     "of 1h is over\n"
     "c.conf:5: warning: schedule goes on behind expire_after: mail is given back before the wait "
     "of 2d is over\n"},
    {"a row for everybody's mail",
     HOST "retry = ( { for = \"a.test\", from = \"*\", schedule = \"5m\" } )\n", ""},
    {"a row for each kind of failure",
     HOST "retry = ( { for = \"a.test\", schedule = \"5m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"host\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"tls\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"auth\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"dns\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"greylist\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"mailbox-full\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"rate\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", on = \"message\", schedule = \"1m\", jitter = \"0%\" },\n"
          " { for = \"a.test\", from = \"<>\", schedule = \"1m\" } )\n",
     "c.conf:2: warning: this row of retry never counts: there is a row for each kind of failure "
     "(on), and these give all that it sets\n"},
    {"rows for hosts that nobody looks up",
     HOST "route = ( { for = \"*\", to = [ \"smtp://relay.example\" ] } )\n"
          "retry = ( { for = \"mx:a.example\", max_attempts = 3 } )\n"
          "limit = ( { for = \"MX:a.example\", connections = 3 } )\n",
     "c.conf:3: warning: this row of retry never fits: no row of route goes by \"mx\", so nobody "
     "looks for \"mx:a.example\"\n"
     "c.conf:4: warning: this row of limit never fits: no row of route goes by \"mx\", so nobody "
     "looks for \"MX:a.example\"\n"},
    {"rows for hosts, and one domain by mx",
     HOST "route = ( { for = \"*\", to = [ \"smtp://relay.example\" ] },\n"
          " { for = \"b.example\", to = [ \"mx\" ] } )\n"
          "retry = ( { for = \"mx:a.example\", max_attempts = 3 } )\n",
     ""},
    {"warnings to nobody",
     HOST "retry = ( { for = \"*\", from = \"<>\", warn_after = [ \"1h\" ] } )\n",
     "c.conf:2: warning: warn_after: nobody is warned about notices\n"},
    {"few recipients", HOST "max_recipients = 99\n",
     "c.conf:2: warning: max_recipients is below 100, which every server is to accept (RFC 5321 "
     "4.5.3.1.8)\n"},
    {"just enough recipients", HOST "max_recipients = 100\n", ""},
    {"ourselves as the next hop",
     HOST "listen = ( { address = \"127.0.0.1:25\" }, { address = \"[::1]:2525\" } )\n"
          "route = ( { for = \"a.example\", to = [ \"smtp://127.0.0.1\" ] },\n"
          " { for = \"b.example\", to = [ \"smtp://127.0.0.1:26\", \"smtps://[::1]:25\" ] },\n"
          " { for = \"c.example\", to = [ \"smtp://[::1]:2525\" ] } )\n",
     "c.conf:3: warning: to: at 127.0.0.1 port 25 this daemon itself listens: such mail is given "
     "back as a loop\n"
     "c.conf:5: warning: to: at ::1 port 2525 this daemon itself listens: such mail is given "
     "back as a loop\n"},
    {"a link-local next hop",
     HOST "route = ( { for = \"a.example\", to = [ \"smtp://[fe80::1]\" ] },\n"
          " { for = \"b.example\", to = [ \"smtp://[fd00::1]\", \"lmtp://[FEBF::2]:24\" ] },\n"
          " { for = \"c.example\", to = [ \"smtp://[fec0::1]\", \"smtp://169.254.1.1\" ] } )\n",
     "c.conf:2: warning: to: fe80::1 is a link-local address, and cannot be reached: which "
     "interface leads there cannot be written; write another address of the host, or its name\n"
     "c.conf:3: warning: to: FEBF::2 is a link-local address, and cannot be reached: which "
     "interface leads there cannot be written; write another address of the host, or its name\n"},
    {"files of tls that are not there",
     HOST "tls = ( { for = \"*\", policy = \"verify\", ca_file = \"/nowhere/ca\" },\n"
          " { for = \"a.example\", policy = \"encrypt\", cert_file = \"/etc/passwd\",\n"
          "   key_file = \"/\" },\n"
          " { for = \"b.example\", policy = \"encrypt\", cert_file = \"/etc/passwd\" } )\n",
     "c.conf:2: warning: ca_file: /nowhere/ca is not there\n"
     "c.conf:3: warning: key_file: / is a folder; write the file that holds the secret\n"
     "c.conf:5: warning: cert_file: /etc/passwd can be read by everybody on this machine; take "
     "that right away (chmod o= FILE)\n"},
    {"a program that is not there",
     HOST "route = ( { for = \"*\", to = [ \"pipe:///nowhere/prog {user}\" ] },\n"
          " { for = \"b.example\", to = [ \"pipe:///bin/sh\" ] } )\n",
     "c.conf:2: warning: to: there is no program to run at \"/nowhere/prog\"\n"},
    {"limits of those who share a next hop",
     HOST "route = ( { for = \".example\", to = [ \"smtp://Relay.test:26\" ] },\n"
          " { for = \"a.test\", to = [ \"lmtp:///run/x\" ] },\n"
          " { for = \"b.test\", to = [ \"lmtp:///run/x\", \"mx\" ] },\n"
          " { for = \"c.test\", to = [ \"lmtp:///run/x\" ] } )\n"
          "limit = ( { for = \"one.example\", connections = 1 },\n"
          " { for = \".example\", rate = \"1/1s\" },\n" // the relay's only mail
          " { for = \"two.example\", connections = 20, rate = \"1/1s\" },\n"
          " { for = \"three.example\", rate = \"1/2s\" },\n"
          " { for = \"a.test\", connections = 2 },\n"
          " { for = \"b.test\", connections = 2 },\n"
          " { for = \"d.test\", connections = 2 } )\n",
     "c.conf:6: warning: this row of limit does not count: mail for \"one.example\" goes to the "
     "same "
     "next hop as other mail, which has one set of limits for all of it; write for = "
     "\"Relay.test\"\n"
     "c.conf:9: warning: this row of limit does not count: mail for \"three.example\" goes to the "
     "same next hop as other mail, which has one set of limits for all of it; write for = "
     "\"Relay.test\"\n"
     "c.conf:10: warning: this row of limit does not count: mail for \"a.test\" goes to the same "
     "next hop as other mail, which has one set of limits for all of it; write for = "
     "\"lmtp:///run/x\"\n"},
    {"limits by the next hop's name",
     HOST "route = ( { for = \"*\", to = [ \"smtp://Relay.test\", \"smtp://192.0.2.1\" ] },\n"
          " { for = \"a.test\", to = [ \"smtp://[2001:db8::1]:26\" ] } )\n"
          "limit = ( { for = \"smtp://relay.TEST\", connections = 1 },\n"
          " { for = \"Relay.test\", rate = \"1/1s\" },\n"
          " { for = \"2001:DB8::1\", connections = 2 },\n"
          " { for = \"smtp://[2001:db8::1]:26\", rate = \"1/1s\" },\n"
          " { for = \"192.0.2.1\", connections = 2 },\n"
          " { for = \"smtp://relay.test:26\", connections = 2 } )\n",
     "c.conf:8: warning: this row of limit never fits: no row of route goes to \"192.0.2.1\", or "
     "not first\n"
     "c.conf:9: warning: this row of limit never fits: no row of route goes to "
     "\"smtp://relay.test:26\", or not first\n"},
    {"rows about mail that goes nowhere",
     HOST
     "route = ( { for = \"a.test\", to = [ \"discard:\" ] },\n"
     " { for = \"b.test\", to = [ \"error:5.1.2 no\" ] },\n"
     " { for = \"c.test\", to = [ \"error:4.1.2 later\" ] },\n"
     " { for = \"d.test\", to = [ \"discard:\" ] },\n"
     " { for = \"x@d.test\", to = [ \"mx\" ] } )\n"
     "retry = ( { for = \"a.test\", max_attempts = 3 },\n"
     " { for = \"u@b.test\", max_attempts = 3 },\n"
     " { for = \"c.test\", max_attempts = 3 },\n"
     " { for = \"d.test\", max_attempts = 3 } )\n"
     "limit = ( { for = \"c.test\", connections = 3 }, { for = \"d.test\", rate = \"1/1s\" } )\n"
     "tls = ( { for = \"a.test\", policy = \"none\" } )\n",
     "c.conf:7: warning: this row of retry never counts: mail for \"a.test\" goes to discard:, and "
     "is not tried again\n"
     "c.conf:8: warning: this row of retry never counts: mail for \"u@b.test\" goes to error:5.1.2 "
     "no, and is not tried again\n"
     "c.conf:11: warning: this row of limit never counts: mail for \"c.test\" goes to error:4.1.2 "
     "later, and nobody is asked\n"
     "c.conf:12: warning: this row of tls never fits: mail for \"a.test\" goes to discard:, where "
     "there is no TLS\n"},
    {"failures that do not happen",
     HOST
     "route = ( { for = \"*\", to = [ \"smtp://192.0.2.1\" ] },\n"
     " { for = \"a.test\", to = [ \"smtp://relay.test\" ] },\n"
     " { for = \"b.test\", to = [ \"mx\" ] } )\n"
     "retry = ( { for = \"*\", on = \"dns\", max_attempts = 3 },\n"
     " { for = \"c.test\", on = \"dns\", max_attempts = 3 },\n"
     " { for = \"a.test\", on = \"tls\", max_attempts = 3 },\n"
     " { for = \"b.test\", on = \"tls\", max_attempts = 3 },\n"
     " { for = \"c.test\", on = \"tls\", max_attempts = 3 } )\n"
     "tls = ( { for = \"*\", policy = \"none\" }, { for = \"192.0.2.1\", policy = \"may\" } )\n",
     "c.conf:6: warning: this row of retry never counts: no name is looked up for mail for "
     "\"c.test\", so on = \"dns\" does not happen\n"
     "c.conf:7: warning: this row of retry hardly counts: mail for \"a.test\" goes without TLS, so "
     "on = \"tls\" happens only where a relay wants it\n"
     "c.conf:8: warning: this row of retry hardly counts: mail for \"b.test\" goes without TLS, so "
     "on = \"tls\" happens only where a relay wants it\n"},
    {"tls of those who go to a next hop",
     HOST "route = ( { for = \"a.test\", to = [ \"smtp://relay.test\", \"smtp://192.0.2.1\" ] } )\n"
          "tls = ( { for = \"a.test\", policy = \"encrypt\" }, { for = \"192.0.2.1\" },\n"
          " { for = \"b.test\", policy = \"none\" }, { for = \"192.0.2.2\" } )\n",
     "c.conf:3: warning: this row of tls never fits: what mail for \"a.test\" goes to is found by "
     "its own name; write for = \"relay.test\"\n"
     "c.conf:4: warning: this row of tls never fits: no row of route goes to \"192.0.2.2\"\n"},
    {"a client's patience", HOST "interactive_timeout = \"301s\"\n",
     "c.conf:2: warning: interactive_timeout is above \"5m\", but senders wait for 10 minutes at "
     "most (RFC 5321 4.5.3.2.6) and send again then\n"},
    {"half a client's patience", HOST "interactive_timeout = \"5m\"\n", ""},
};

static void warns_and_goes_on(void **state)
{
    const struct warning_case *c = *state;
    struct config config;
    char problems[4096];
    write_file("c.conf", c->text);
    assert_int_equal(load(&config, problems, sizeof(problems)), FP_OK);
    assert_string_equal(problems, c->want);
    config_close(&config);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(bad_cases) + COUNT_OF(warning_cases)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++)
        tests[n++] = (struct CMUnitTest){bad_cases[i].name, says_what_is_wrong, enter_folder,
                                         leave_folder, (void *)&bad_cases[i]};
    for (size_t i = 0; i < COUNT_OF(warning_cases); i++)
        tests[n++] = (struct CMUnitTest){warning_cases[i].name, warns_and_goes_on, enter_folder,
                                         leave_folder, (void *)&warning_cases[i]};
    return _cmocka_run_group_tests("config", tests, n, NULL, NULL);
}
