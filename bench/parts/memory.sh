# Part 6: memory, start-up and size. Sourced by run.sh.

memory_measure() {
    local round port env=$work/start.env
    say "memory, start-up, size"
    for round in $(seq 3); do
        strongroom_start "$work/home-memory" 0-1
        until_true 30 "the pool of workers" workers_quiet "$ours_pid"
        record memory --case "memory idle" --who strongroom --round "$round" --pid "$ours_pid"
        stop "$ours_pid"
    done
    openbao_start
    record memory --case "memory idle" --who openbao --pid "$bao_pid"
    stop "$bao_pid"
    printf 'PATH=%s\nHOME=%s\nDENO_DIR=%s\n' "$PATH" "$work" "$work/deno-cache" >"$env"
    for round in $(seq "$rounds"); do
        port=$("$load" port)
        record start --case "start-up" --who strongroom --round "$round" --runs 3 --env "$env" --to "127.0.0.1:$port" \
            --path /healthz -- "$strongroom" server --home "$work/home-memory" --listen "127.0.0.1:$port" \
            --functions-listen 127.0.0.1:0
        port=$("$load" port)
        record start --case "start-up, empty directory" --who strongroom --round "$round" --runs 3 --env "$env" \
            --to "127.0.0.1:$port" --path /healthz -- "$strongroom" server --home "$work/home-new-$round-{run}" \
            --listen "127.0.0.1:$port" --functions-listen 127.0.0.1:0
    done
    size_record strongroom "$strongroom"
    size_record openbao "$bao"
    command_fact "start-up" "strongroom server, process start to the first 200 of GET /healthz"
}

size_record() {
    jq --null-input --compact-output --arg who "$1" --argjson bytes "$(stat -c %s "$2")" \
        '{case: "binary", who: $who, round: 1, connections: 0, figures: {size_mb: ($bytes / 1e6)}}' >>"$records"
}
