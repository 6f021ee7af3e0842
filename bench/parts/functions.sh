# Part 4: functions, warm and cold. Sourced by run.sh.

readonly js=$root/bench/functions

# A worker as a proxy has it behind: Deno on a Unix socket, with permission for that alone.
plain_worker=(--no-prompt --cached-only --allow-read="$work/plain.sock" --allow-write="$work/plain.sock" --allow-net="unix:$work/plain.sock")

functions_start() {
    local port
    printf '%s' "a value of no importance" | ours secrets set GREETING --quiet
    ours functions deploy read --entry "$js/read.ts" --secret GREETING --public --quiet
    start "$work/logs/plain-worker" 0 "$deno" run "${plain_worker[@]}" "$js/plain.ts" "$work/plain.sock"
    plain_pid=$pid
    until_true 20 "the plain worker" test -S "$work/plain.sock"
    port=$("$load" port)
    proxy_address=127.0.0.1:$port
    start "$work/logs/proxy" 0 "$load" proxy --port "$port" --socket "$work/plain.sock"
    proxy_pid=$pid
    port=$("$load" port)
    serve_address=127.0.0.1:$port
    start "$work/logs/deno-serve" 0 env GREETING=unimportant "$deno" serve --no-prompt --cached-only \
        --allow-env=GREETING --host 127.0.0.1 --port "$port" "$js/serve.ts"
    serve_pid=$pid
    until_true 20 "the proxy" curl --silent --fail "http://$proxy_address/"
    until_true 20 "deno serve" curl --silent --fail "http://$serve_address/"
    until_true 20 "our function" curl --silent --fail "http://$ours_functions/fn/default/default/read"
    command_fact "warm invocation, ours" "GET /fn/default/default/read, the handler of bench/functions/read.ts"
    command_fact "warm invocation, plain hyper proxy" "bench-load proxy, to \`deno run bench/functions/plain.ts\` on a Unix socket"
    command_fact "warm invocation, deno serve" "deno serve bench/functions/serve.ts"
}

functions_warm() {
    local connections=$1 round
    say "invoke, $connections connections"
    for round in $(seq "$rounds"); do
        measure invoke strongroom "$round" "$connections" "$ours_pid" --to "$ours_functions" --path /fn/default/default/read
        measure invoke "plain hyper proxy" "$round" "$connections" "$proxy_pid" --worker "$plain_pid" \
            --to "$proxy_address" --path /read
        measure invoke "deno serve" "$round" "$connections" "$serve_pid" --to "$serve_address" --path /read
    done
}

# A server that has just started has no worker for any function: each first call is cold.
functions_cold() {
    local round run last=0 each=3
    say "cold functions"
    for run in $(seq $((rounds * each))); do
        ours functions deploy "cold-$run" --entry "$js/read.ts" --secret GREETING --public --quiet
    done
    stop "$ours_pid"
    strongroom_start "$home" 0-1
    until_true 30 "the pool of workers" workers_quiet "$ours_pid"
    for round in $(seq "$rounds"); do
        record cold --case cold --who strongroom --round "$round" --to "$ours_functions" --first $((last + 1)) \
            --runs "$each" --path '/fn/default/default/cold-{run}'
        last=$((last + each))
        record start --case cold --who "deno run" --round "$round" --runs "$each" --env "$work/deno.env" \
            --to "unix:$work/cold-$round-{run}.sock" --path / -- "$deno" run --no-prompt --cached-only --allow-read="$work" \
            --allow-write="$work" --allow-net="unix:$work/cold-$round-{run}.sock" "$js/plain.ts" "$work/cold-$round-{run}.sock"
    done
    command_fact "cold, ours" "the first call of a function that was deployed before the server started"
    command_fact "cold, deno run" "deno run bench/functions/plain.ts SOCKET, from its start to the first answer"
}

functions_measure() {
    printf 'DENO_DIR=%s\nNO_COLOR=1\nDENO_NO_UPDATE_CHECK=1\nGREETING=unimportant\n' "$work/deno-cache" >"$work/deno.env"
    functions_start
    functions_warm 1
    functions_warm 16
    record run --case "invoke" --who "one deno run a call" --connections 1 --runs "$starts" --env "$work/deno.env" -- \
        taskset -c 0 "$deno" run --no-prompt --cached-only --allow-env=GREETING "$js/call.ts"
    functions_cold
    stop "$ours_pid"
}
