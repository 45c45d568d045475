# SPDX-License-Identifier: BSD-2-Clause
# What every story of tests/e2e begins with: a scratch folder, the commands by their names, and a few
# words to tell it with. To be sourced; a story that breaks off says where, and shows the log.
set -eu
# "... | expect" counts in this shell; and a writer whose reader has had enough is no failure.
shopt -s lastpipe

stage=$(mktemp -d "${TMPDIR:-/tmp}/fermoposta-e2e.XXXXXX")
children=()
told=0
broken=0

leave() {
    local code=$?
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [ $code = 77 ]; then
        echo "skipped"
    elif [ $code != 0 ] || [ $broken != 0 ]; then
        echo "---- log"
        tail -n 40 "$stage/log" 2>/dev/null || true
        echo "---- $broken of $told expectations were not met"
        code=1
    else
        echo "$told expectations were met"
    fi
    rm -rf "$stage"
    exit $code
}
trap leave EXIT

mkdir "$stage/bin"
ln -s "$FP_BUILD/fermoposta" "$stage/bin/fermoposta"
for name in sendmail mailq postqueue; do ln -s "$FP_BUILD/fermoposta" "$stage/bin/$name"; done
export PATH=$stage/bin:$PATH FERMOPOSTA_CONF=$stage/fermoposta.conf
cd "$stage"

# start_sink NAME [PORT]: a next hop that keeps what it takes in the folder NAME; sets sink_port.
start_sink() {
    mkdir -p "$1"
    "$FP_SINK" "$stage/$1" "${2:-0}" >"$1.port" &
    children+=($!)
    await 5 "[ -s $1.port ]"
    sink_port=$(cat "$1.port")
}

# The part of a configuration that every story has; more comes from standard input.
configure() {
    {
        printf 'hostname = "mail.example.org"\nuser = ""\n'
        printf 'spool = "%s/spool.db"\nsocket = "%s/socket"\nlog = "%s/log"\n' "$stage" "$stage" "$stage"
        cat
    } >fermoposta.conf
}

start_daemon() {
    local before
    before=$(grep -c 'daemon started' log 2>/dev/null || true)
    fermoposta daemon &
    daemon=$!
    children+=("$daemon")
    await 20 "[ \"\$(grep -c 'daemon started' log)\" -gt ${before:-0} ]"
}

# stop_daemon [SIGNAL]: and it must end well, unless it was killed.
stop_daemon() {
    local code=0
    kill "-${1:-TERM}" "$daemon"
    wait "$daemon" || code=$?
    [ "${1:-TERM}" = KILL ] || expect_equal "the daemon's end" "$code" 0
}

# await SECONDS CONDITION
await() {
    local i
    for ((i = 0; i < $1 * 20; i++)); do
        if eval "$2" >/dev/null 2>&1; then return 0; fi
        sleep 0.05
    done
    echo "not seen within $1 seconds: $2"
    broken=$((broken + 1))
    return 1
}

# expect_equal WHAT GOT WANT
expect_equal() {
    told=$((told + 1))
    [ "$2" = "$3" ] && return 0
    echo "$1: got \"$2\", wanted \"$3\""
    broken=$((broken + 1))
}

# expect CODE PATTERN COMMAND...: what the command prints (both ways) must match the pattern, if one is
# given, and its exit status must be the code. Standard input is passed on.
expect() {
    local want=$1 pattern=$2 got=0
    shift 2
    "$@" >out 2>&1 || got=$?
    expect_equal "status of: $*" "$got" "$want"
    told=$((told + 1))
    if [ -n "$pattern" ] && ! grep -q -e "$pattern" out; then
        echo "output of: $*"
        sed 's/^/    /' out
        echo "    wanted: $pattern"
        broken=$((broken + 1))
    fi
}
