# Starting, pinning and stopping processes, and taking records. Sourced by run.sh.

readonly records=$work/records.jsonl

# What a program gets of the environment: what it needs to find its parts.
clean_environment=(env -i PATH="$PATH" HOME="$work" DENO_DIR="$work/deno-cache" NO_COLOR=1 DENO_NO_UPDATE_CHECK=1)

# clean COMMAND…
clean() { "${clean_environment[@]}" "$@"; }

# start LOG CORES COMMAND…: in the background, in a clean environment, its output in a file; sets `pid`. `exec`, so
# that this is the process id of the program itself.
start() {
    local log=$1 cores=$2
    shift 2
    (exec "${clean_environment[@]}" taskset -c "$cores" "$@" >"$log" 2>&1 </dev/null) &
    pid=$!
}

# Whether a process is one that this script started and that still runs: a number alone may by now be another's.
is_ours() { jobs -pr | grep -qx "$1"; }

# stop PID: asks it to end, and makes it end after 5 seconds.
stop() {
    is_ours "$1" || return 0
    kill -TERM "$1" 2>/dev/null || true
    for _ in $(seq 50); do
        is_ours "$1" || break
        sleep 0.1
    done
    ! is_ours "$1" || kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# What was measured is gone afterwards, values and tokens with it; logs of a failed run stay.
stop_everything() {
    local status=$? process
    for process in $(jobs -pr); do stop "$process"; done
    if [ "$status" -eq 0 ]; then
        rm -rf "$work"
    else
        say "failed; logs, without values, are in bench/.work/logs"
        find "$work" -mindepth 1 -maxdepth 1 ! -name logs -exec rm -rf {} +
    fi
}

# until_true SECONDS WHAT COMMAND…: waits for a condition.
until_true() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || die "waited in vain for $what"
        sleep 0.1
    done
}

# record COMMAND…: runs bench-load and keeps the line that it prints.
record() {
    "$load" "$@" >>"$records" || die "bench-load $1 failed"
}

# on_load_core CONNECTIONS: which core the load runs on. One connection shares core 0 with the server, since a wake-up
# across cores would cost more than most answers; more connections get a core of their own.
on_load_core() {
    if [ "$1" -eq 1 ]; then echo 0; else echo 1; fi
}

# measure CASE WHO ROUND CONNECTIONS PID OPTIONS…: one window of load against a server on core 0.
measure() {
    local case=$1 who=$2 round=$3 connections=$4 pid=$5
    shift 5
    taskset -c "$(on_load_core "$connections")" "$load" load --case "$case" --who "$who" --round "$round" \
        --connections "$connections" --pid "$pid" --seconds "$seconds" --warmup "$warmup" "$@" >>"$records" \
        || die "$case of $who with $connections connections had a wrong answer"
}
