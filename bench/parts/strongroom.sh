# Our server and its tokens. Sourced by run.sh.

# ours COMMAND…: our command line against the local store `home`. In the caller's environment, since the first bundling
# fetches the bundler's parts from where this machine gets packages.
ours() { env --unset=STRONGROOM_URL --unset=STRONGROOM_TOKEN STRONGROOM_HOME="$home" "$strongroom" "$@"; }

# strongroom_start HOME CORES [OPTIONS…]: sets `home`, `ours_pid`, `ours_address` and `ours_functions`.
strongroom_start() {
    home=$1
    local cores=$2 log
    shift 2
    mkdir -p "$work/logs"
    log=$work/logs/strongroom-$(basename "$home")
    # a log of an earlier start would pass for this one's
    : >"$log"
    say "starting strongroom server $*"
    start "$log" "$cores" "$strongroom" server --home "$home" --listen 127.0.0.1:0 \
        --functions-listen 127.0.0.1:0 "$@"
    ours_pid=$pid
    until_true 20 "our server (see $log)" grep -q '^functions on ' "$log"
    ours_address=$(sed -n 's|^listening on http://||p' "$log")
    ours_functions=$(sed -n 's|^functions on http://||p' "$log")
}

# token_headers FILE CAPABILITY: a token with this one capability, as a header file.
token_headers() {
    printf 'Authorization: Bearer %s\n' "$(ours tokens create --quiet --name "bench-$RANDOM" --capability "$2")" >"$1"
}

# strongroom_fill HEADERS: writes the secrets, a thousand at a time.
strongroom_fill() {
    record fill --case "fill" --who strongroom --to "$ours_address" --headers "$1" --method PUT \
        --path /api/v1/projects/default/secrets --names "$names" --batch 1000 --connections 1
}

# workers_quiet PID: generic workers have come up, and no more are coming.
workers_quiet() {
    local before after
    before=$(pgrep -c -P "$1" || true)
    sleep 1
    after=$(pgrep -c -P "$1" || true)
    [ "$before" -gt 0 ] && [ "$before" -eq "$after" ]
}
