# SPDX-License-Identifier: BSD-2-Clause
# The main job from end to end, with days made seconds: spooled, retried, warned about, given back,
# flushed, delivered; and a crash in between that nobody notices.
. "$(dirname "$0")/stage.sh"

start_sink anna
anna_port=$sink_port
late_port=$("$FP_SINK" --free-port)
gone_port=$("$FP_SINK" --free-port)
configure <<END
listen = ()
route = (
  { for = "here.example", to = [ "smtp://127.0.0.1:$anna_port" ] },
  { for = "late.example", to = [ "smtp://127.0.0.1:$late_port" ] },
  { for = "gone.example", to = [ "smtp://127.0.0.1:$gone_port" ] }
)
retry = (
  { for = "*",            schedule = "1s" },
  { for = "late.example", schedule = "1s 2s 60s", warn_after = [ "2s" ], expire_after = "1h" },
  { for = "gone.example", schedule = "1s 2s", warn_after = [], expire_after = "6s" }
)
END
start_daemon

printf 'Subject: late\n\n.Hello Bert.\n' | expect 0 '' sendmail -i -f anna@here.example bert@late.example
printf 'Subject: gone\n\nHello Carla?\n' | expect 0 '' sendmail -i -f anna@here.example carla@gone.example
printf 'Subject: null\n\nNobody is told.\n' | expect 0 '' sendmail -i -f '' dora@gone.example
await 10 '[ "$(mailq | grep -c "Connection refused")" = 3 ]'

# A crash, and everything is still there.
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
start_daemon
await 10 'mailq | grep "Total requests: 3"'

await 20 '[ "$(grep -c "to=<bert@late.example>.*status=deferred" log)" -ge 2 ]'
await 40 'grep "^Action: delayed" anna/*.eml'
await 60 'grep "^Action: failed" anna/*.eml'
await 20 'mailq | grep "Total requests: 1"'

start_sink late "$late_port"
expect 0 '' fermoposta flush to=bert@late.example
await 20 'grep "^\.Hello Bert\." late/*.eml'
await 10 'mailq | grep "^Mail queue is empty"'
sleep 1

expect_equal 'delivered once' "$(ls late | grep -c 'eml$')" 1
expect_equal 'one warning' "$(cat anna/*.eml | grep -c '^Action: delayed')" 1
expect_equal 'one bounce: none for the null sender' "$(cat anna/*.eml | grep -c '^Action: failed')" 1
expect_equal 'nothing else came back' "$(ls anna | grep -c 'eml$')" 2
expect_equal 'notices have the null sender' "$(cat anna/*.eml | grep -c '^Return-Path: <>')" 2
expect 0 '' grep 'status=sent' log
expect 0 '' grep ': removed$' log
expect 0 '' grep 'from=<anna@here.example>, status=expired, returned to sender' log
stop_daemon
expect 0 '' grep 'daemon stopped' log

[ $broken = 0 ]
