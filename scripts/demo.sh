#!/usr/bin/env bash
# The main job, really done: a secret is set, deployed functions read it in every documented way, it is changed while
# requests come in, and in the end nothing on disk, in logs, in answers or in any process holds the value. Ends with 0
# only if every step held.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly repository=$PWD
export PATH=$repository/.strongroom-tools/bin:$PATH

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' green='' red='' plain=''
fi
export NO_COLOR=1
unset STRONGROOM_URL STRONGROOM_TOKEN STRONGROOM_ROOT_KEY STRONGROOM_ROOT_KEY_FILE CI

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
tick() { printf '   %s✔%s %s\n' "$green" "$plain" "$*"; }
die() {
    printf '   %s✘ %s%s\n' "$red" "$*" "$plain"
    [ -s "${said:-/dev/null}/last" ] && indented "$said/last"
    exit 1
}
indented() { awk '{ print "     " $0 }' "$1"; }
typed() { printf '   %s$ %s%s\n' "$dim" "$*" "$plain"; }

command -v deno >/dev/null || die "Deno is missing: run  bash scripts/setup.sh"
command -v curl >/dev/null || die "curl is missing: run  bash scripts/setup.sh"

printf 'building …\n'
cargo build --quiet --locked --package strongroom --package strongroom-e2e --bins
target=${CARGO_TARGET_DIR:-$repository/target}/debug
started=$SECONDS

work=$(mktemp -d)
home=$work/home said=$work/said
mkdir -p "$said" "$work/load"
server='' load=''
stop() {
    [ -n "$load" ] && kill "$load" 2>/dev/null
    [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
    rm -rf "$work"
    return 0
}
trap stop EXIT

export STRONGROOM_HOME=$home
strongroom() { "$target/strongroom" "$@"; }

# A planted value: random, remembered, and looked for in the end.
plant() { local value; value="sk-$(od -An -tx1 -N12 /dev/urandom | tr -d ' \n')$1"; printf '%s\n' "$value" >>"$work/planted"; printf '%s' "$value"; }
fingerprint() { printf '%s' "$1" | sha256sum | cut -c1-12; }

# run COMMAND…: shows it, runs it, keeps all it says for the search, and shows that.
number=0
run() {
    number=$((number + 1))
    local code=0
    "$@" >"$said/last" 2>&1 || code=$?
    cp "$said/last" "$said/$number"
    indented "$said/last"
    return "$code"
}
quietly() { run "$@" >/dev/null; }
# call FUNCTION [QUERY]: an invocation over HTTP, its answer kept.
call() { curl -sS --max-time 30 -o "$said/last" -w '%{http_code}' "$functions/fn/default/default/$1" && cp "$said/last" "$said/call-$((number += 1))"; }
expect() { [ "$1" = "$2" ] || die "$3: expected $2, got $1"; }

title '1. A server starts in an empty folder'
typed 'strongroom server'
STRONGROOM_LOG=trace "$target/strongroom" server --listen 127.0.0.1:0 --functions-listen 127.0.0.1:0 >"$said/server" 2>"$work/server.log" &
server=$!
for _ in $(seq 400); do
    [ "$(wc -l <"$said/server")" -ge 2 ] && break
    kill -0 "$server" 2>/dev/null || { cp "$work/server.log" "$said/last"; die 'the server did not start'; }
    sleep 0.025
done
[ "$(wc -l <"$said/server")" -ge 2 ] || die 'the server did not say where it listens'
indented "$said/server"
functions=$(sed -n 's/^functions on //p' "$said/server")
tick 'a root key was made, and nobody else can read the folder'
[ "$(stat -c %a "$home" 2>/dev/null || stat -f %Lp "$home")" = 700 ] || die "$home is open to others"

title '2. Secrets are set; the value is piped in and never shown'
first=$(plant /+one)
typed 'printf %s "$KEY" | strongroom secrets set API_KEY'
printf '%s' "$first" | run strongroom secrets set API_KEY || die 'the secret was not set'
{ printf 'DATABASE_URL=postgres://shop:%s@db.internal.example/shop\n' "$(plant -db)"; printf 'SHOP_KEY=%s\n' "$(plant /+shop)"; } >"$work/secrets.env"
typed 'strongroom secrets set --env-file secrets.env'
run strongroom secrets set --env-file "$work/secrets.env" || die 'the file was not taken'
rm "$work/secrets.env"
typed 'strongroom secrets list'
run strongroom secrets list || die 'no list'

title '3. TypeScript functions are deployed'
for name in hello env-reader define-function uses-npm; do
    typed "cd examples/$name && strongroom functions deploy"
    (cd "examples/$name" && run strongroom functions deploy) || die "examples/$name was not deployed"
done
for name in every-way defined missing; do
    quietly strongroom functions deploy "$name" --entry "tests/e2e/demo/$name.ts" --public || die "$name was not deployed"
done
typed 'strongroom functions list'
run strongroom functions list || die 'no list'
expect "$(call hello?name=Ada)" 200 'hello'
tick "hello: $(cat "$said/last")"
expect "$(call env-reader)" 200 'env-reader'
tick "env-reader, a value read at start: $(cat "$said/last")"
typed "strongroom functions invoke define-function --data '{\"amount\": 21}'"
run strongroom functions invoke define-function --data '{"amount": 21}' || die 'define-function failed'
expect "$(call uses-npm)" 200 'uses-npm'
tick "uses-npm, with Hono and Zod from npm: $(cat "$said/last")"

# every_way VALUE: each way of reading sees exactly this value.
every_way() {
    local wanted line count=0
    wanted=$(fingerprint "$1")
    expect "$(call every-way)" 200 'every-way'
    while IFS= read -r line; do
        [ "${line%% *}" = "$wanted" ] || die "not the value that was set: ${line#*  }"
        tick "$line"
        count=$((count + 1))
    done <"$said/last"
    expect "$count" 6 'ways of reading'
    expect "$(call defined)" 200 'defined'
    grep -q "$wanted" "$said/last" || die 'defineFunction saw another value'
    tick "$wanted  defineFunction({ handler: ({ ctx }) => … })"
}

title "4. One secret, read in every documented way (each tells the value's fingerprint)"
every_way "$first"

title '5. It is changed; the next invocation has the new value'
second=$(plant /+two)
typed 'printf %s "$NEW" | strongroom secrets set API_KEY'
printf '%s' "$second" | run strongroom secrets set API_KEY || die 'the secret was not changed'
every_way "$second"

title '6. It is changed ten times under 300 requests a second'
fingerprint "$second" >"$work/load/order"
echo 1 >"$work/load/floor"
"$target/e2e-load" "${functions#http://}" /fn/default/default/every-way 300 "$work/load" >"$said/load" 2>&1 &
load=$!
for version in $(seq 2 11); do
    sleep 0.5
    newest=$(plant "/+load$version")
    fingerprint "$newest" >>"$work/load/order"
    printf '%s' "$newest" | quietly strongroom secrets set API_KEY || die 'the secret was not changed'
    echo "$version" >"$work/load/floor.new" && mv "$work/load/floor.new" "$work/load/floor"
done
sleep 0.5
touch "$work/load/stop"
wait "$load" || { cp "$said/load" "$said/last"; die 'under load, requests failed or saw an old value'; }
load=''
tick "$(tail -n 1 "$said/load")"

title '7. The old value comes back with a rollback'
typed 'strongroom secrets rollback API_KEY 1'
run strongroom secrets rollback API_KEY 1 || die 'no rollback'
expect "$(call every-way)" 200 'every-way'
grep -q "^$(fingerprint "$first") " "$said/last" || die 'the function does not see the value of version 1'
tick "$(head -n 1 "$said/last")"

title '8. What is missing or has run out fails closed'
typed 'curl …/missing?missing'
expect "$(call 'missing?missing')" 500 'a missing secret'
tick "500 $(sed 's/,"request_id.*/, …}/' "$said/last"): the caller learns nothing, the log says how to set it"
expect "$(call missing)" 200 'missing'
tick "secrets.get(\"TEMP_TOKEN\"): $(cat "$said/last")"
typed 'printf %s "$TOKEN" | strongroom secrets set TEMP_TOKEN --expires 2s'
plant /+temp | quietly strongroom secrets set TEMP_TOKEN --expires 2s || die 'not set'
expect "$(call missing)" 200 'missing'
tick "at once: $(cat "$said/last")"
for _ in $(seq 100); do
    sleep 0.1
    call missing >/dev/null
    grep -q SecretExpiredError "$said/last" && break
done
grep -q SecretExpiredError "$said/last" || die 'the secret did not run out'
tick "after two seconds: $(cat "$said/last")"
typed 'strongroom functions deploy greedy --secret API_KEY --secret NOT_THERE --secret NOR_THIS …'
if run strongroom functions deploy greedy --entry tests/e2e/demo/missing.ts --secret API_KEY --secret NOT_THERE --secret NOR_THIS; then
    die 'a function was deployed without its secrets'
fi
grep -q NOT_THERE "$said/last" && grep -q NOR_THIS "$said/last" || die 'not every missing name was told'

title '9. Every change and every delivery has a record, and nobody can edit it unnoticed'
typed 'strongroom audit verify'
run strongroom audit verify || die 'the trail is not whole'

title '10. The search: disk, logs, answers, commands, processes'
searched=$("$target/e2e-search" --family "$server" "$home" "$said" <"$work/planted") || { printf '%s\n' "$searched" >"$said/last"; die 'a value was found'; }
mkdir "$work/logs" && cp "$work/server.log" "$work/logs/"
logs=$("$target/e2e-search" "$work/logs" <"$work/planted") || { printf '%s\n' "$logs" >"$said/last"; die "a value was found in the server's log"; }
tick "in plain text, base64, hex, URL and JSON: $searched"
kill "$server" && wait "$server" || die 'the server did not stop cleanly'
server=''
"$target/e2e-search" "$home" "$work/logs" <"$work/planted" >"$said/last" || die 'a value was found after the server had stopped'
tick "after the server has stopped: $(tail -n 1 "$said/last")"

printf '\n%sEvery step held%s, in %s seconds.\n' "$bold" "$plain" "$((SECONDS - started))"
