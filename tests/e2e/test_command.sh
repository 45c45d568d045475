# SPDX-License-Identifier: BSD-2-Clause
# The commands as people and programs call them: exit statuses, what they say, what stands in the queue.
. "$(dirname "$0")/stage.sh"

message='Subject: a test\n\nbody\n'
configure <<'END'
listen = ()
max_message_size = "1M"
route = ( { for = "*", to = [ "smtp://127.0.0.1:9" ] } )
retry = ( { for = "*", schedule = "1h" } )
END

# ---- without a daemon ----------------------------------------------------------------------------

expect 0 '^usage: fermoposta' fermoposta --help
expect 0 '^fermoposta [0-9]' fermoposta --version
expect 0 '^usage: fermoposta hold' fermoposta hold --help
expect 0 '^usage: sendmail' sendmail --help
expect 0 '^fermoposta [0-9]' mailq --version
expect 0 '^usage: postqueue' postqueue --help
expect 64 'a verb is missing' fermoposta
expect 64 'did you mean "list"' fermoposta lsit
expect 64 'unknown option "-Z"' sendmail -Z
expect 64 'did you mean' fermoposta list --fromat=csv
expect 78 "^$stage/none.conf:1: no such file" fermoposta list -c "$stage/none.conf"
printf 'smtp_prot = 25\nlog = 5\n' >bad.conf
expect 78 '^bad.conf:1: .*did you mean "smtp_port"' fermoposta check -c bad.conf
expect 78 '^bad.conf:2: log must be' sendmail -C bad.conf a@b.example </dev/null
printf 'listen = ()\nuser = "nobody-of-that-name"\n' >bad.conf
expect 78 '^bad.conf:2: user = "nobody-of-that-name": there is no such user' fermoposta check -c bad.conf
expect 64 'check takes --explain' fermoposta check more
expect 64 'check takes --explain' fermoposta check --explain
expect 64 'explain needs an address' fermoposta check --explain nobody
expect 64 'from and --mx go with --explain' fermoposta check --from a@b.example
printf 'retry = ( { for = "b.example", schedule = "7m" } )\n' >explain.conf
expect 0 'schedule  *7m  *retry "b.example", explain.conf:1' fermoposta check -c explain.conf --explain a@b.example
expect 0 '' fermoposta check

printf "$message" | expect 75 'the daemon is not running' sendmail a@b.example
expect 75 'the daemon is not running' fermoposta hold --all
expect 75 'the daemon is not running' postqueue -f
expect 75 '^421 4.3.2 mail.example.org' sendmail -bs </dev/null

# ---- submitting ----------------------------------------------------------------------------------

start_daemon
expect 0 '^Mail queue is empty$' mailq
printf "$message" | expect 0 '' sendmail -f one@s.example a@b.example
printf "$message" | expect 0 '' sendmail -f '' 'a@b.example, Somebody <c@d.example>,e' a@b.example
printf 'To: a@b.example\nBcc: z@b.example\nSubject: x\n\nbody\n' | expect 0 '' sendmail -ti -f two@s.example y@b.example
printf 'one\n.\ntwo\n' | expect 0 '' sendmail -f dot@s.example a@b.example
printf 'one\n.\ntwo\n' | expect 0 '' sendmail -oi -f nodot@s.example a@b.example
expect 0 '' sendmail -f empty@s.example a@b.example </dev/null
expect 74 'cannot read the message' sendmail -f closed@s.example a@b.example <&-
expect 0 'empty@s.example' mailq <&-
printf 'EHLO x\r\nMAIL FROM:<bs@s.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: s\r\n\r\nhi\r\n.\r\nQUIT\r\n' |
    expect 0 '^250 2.0.0 Ok: queued as [0-9A-F]\{12\}' sendmail -bs

# What stands in the queue of one sender: its recipients, or its text.
recipients_of() { fermoposta list --format=jsonl "from=$1" | grep -o '"address": "[^"]*"' | cut -d'"' -f4 | sort | tr '\n' ' '; }
text_of() { fermoposta show "$(fermoposta list --format=jsonl "from=$1" | sed 's/.*"queue_id": "\([0-9A-F]*\)".*/\1/')" --body; }

expect_equal 'one recipient' "$(recipients_of one@s.example)" 'a@b.example '
expect_equal 'a list, each once, made whole' "$(recipients_of '<>')" 'a@b.example c@d.example e@mail.example.org '
expect_equal '-t adds to the arguments' "$(recipients_of two@s.example)" 'a@b.example y@b.example z@b.example '
expect_equal 'a lone dot ends' "$(text_of dot@s.example | tr -d '\r')" 'one'
expect_equal 'a lone dot is text with -oi' "$(text_of nodot@s.example | tr -d '\r')" $'one\n.\ntwo'
expect_equal 'SMTP through -bs' "$(recipients_of bs@s.example)" 'c@d.example '
expect_equal 'no Bcc leaves' "$(fermoposta show "$(fermoposta list --format=jsonl from=two@s.example | sed 's/.*"queue_id": "\([0-9A-F]*\)".*/\1/')" --headers | grep -ci '^bcc')" 0

count=$(fermoposta list --format=jsonl | wc -l)
printf "$message" | expect 64 'recipients must be named' sendmail
printf "$message" | expect 64 'names no recipient' sendmail -t
printf 'To: a@@b\n\nx\n' | expect 65 'bad address' sendmail -t
printf "$message" | expect 65 'bad sender address' sendmail -f 'a@b@c' a@b.example
printf "$message" | expect 65 'bad recipient address' sendmail 'a b@c d'
expect 74 'cannot read the message' sendmail a@b.example </
expect 74 '' sendmail a@b.example <&-
head -c 2000000 /dev/zero | tr '\0' x | fold -w 70 | expect 65 'too big' sendmail a@b.example
expect_equal 'what failed left nothing' "$(fermoposta list --format=jsonl | wc -l)" "$count"

# ---- the queue -----------------------------------------------------------------------------------

expect 0 '^-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------$' mailq
expect 0 "Total requests: $count\$" sendmail -bp
expect 0 "^-- [0-9]* Kbytes in $count Requests.\$" postqueue -p
expect 0 '^{"queue_name": ' postqueue -j
expect 64 'write one of' postqueue -x
expect 66 '' postqueue -i 000000000000
expect 66 '' fermoposta show 000000000000
expect 64 '--all' fermoposta remove
expect 0 'would' fermoposta hold --dry-run from=one@s.example
expect_equal 'a dry run changes nothing' "$(fermoposta list --format=jsonl state=held | wc -l)" 0
expect 0 '' fermoposta hold from=one@s.example
expect_equal 'held' "$(fermoposta list --format=jsonl state=held | wc -l)" 1
expect 0 '' sendmail -q
stop_daemon
expect 0 '^-Queue ID-' mailq
expect_equal 'the queue without a daemon' "$(fermoposta list --format=jsonl | wc -l)" "$count"

# ---- a daemon that dies while it is spoken to ----------------------------------------------------

start_daemon
{
    printf 'Subject: half\n\nhalf a message'
    sleep 1
    kill -KILL "$daemon"
    head -c 300000 /dev/zero | tr '\0' x | fold -w 70
} | expect 75 '' sendmail -f half@s.example a@b.example
wait "$daemon" 2>/dev/null || true
start_daemon
expect_equal 'half a message is none' "$(fermoposta list --format=jsonl from=half@s.example | wc -l)" 0
expect 0 '' fermoposta remove --all
expect 0 '^Mail queue is empty$' mailq
stop_daemon

[ $broken = 0 ]
