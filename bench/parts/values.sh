# Parts 1 to 3: reading values, writing values, listing names. Sourced by run.sh.

# secret_load CASE WHO: the options for one kind of request to one contestant, in `options`.
secret_load() {
    local prefix=/api/v1/projects/default
    case "$1 $2" in
    "read openbao") options=(--path '/v1/secret/data/{name}' --check value) ;;
    "read "*) options=(--path "$prefix/resolve?namespace=default&names={name}" --check value) ;;
    "write openbao") options=(--method POST --path '/v1/secret/data/{name}' --body '{"data":{"value":"{value}"}}') ;;
    "write "*) options=(--method PUT --path "$prefix/secrets/{name}" --body '{"value":"{value}"}') ;;
    "list "*" openbao") options=(--method LIST --path /v1/secret/metadata/ --check names) ;;
    "list names "*) options=(--path "$prefix/secrets?fields=name&limit=$names" --check names) ;;
    "list all "*) options=(--path "$prefix/secrets?limit=1000" --check pages) ;;
    esac
    options+=(--names "$names")
}

# against WHO CASE: address, process and headers of a contestant, in `to`, `pid` and `headers`.
against() {
    local kind=${2%% *}
    case $1 in
    openbao) to=$bao_address pid=$bao_pid headers=$bao_headers ;;
    strongroom) to=$synced_address pid=$synced_pid headers=$work/synced.$kind ;;
    *) to=$interval_address pid=$interval_pid headers=$work/interval.$kind ;;
    esac
}

# values_round CASE CONNECTIONS WHO…: all rounds of one case, contestants in turn.
values_round() {
    local case=$1 connections=$2 round who to pid headers options
    shift 2
    say "$case, $connections connections: $*"
    for round in $(seq "$rounds"); do
        for who in "$@"; do
            against "$who" "$case"
            secret_load "$case" "$who"
            measure "$case" "$who" "$round" "$connections" "$pid" --to "$to" --headers "$headers" "${options[@]}"
        done
    done
}

values_tokens() {
    token_headers "$work/$1.read" values:read
    token_headers "$work/$1.write" secrets:write
    token_headers "$work/$1.list" secrets:list
}

values_start() {
    synced_address=$ours_address synced_pid=$ours_pid
    values_tokens synced
    strongroom_fill "$work/synced.write"
    contestants=(openbao strongroom)
    if "$strongroom" server --help | grep -q -- '--audit-sync'; then
        local first_home=$home first_functions=$ours_functions
        strongroom_start "$work/home-interval" 0 --audit-sync interval
        interval_address=$ours_address interval_pid=$ours_pid
        values_tokens interval
        strongroom_fill "$work/interval.write"
        contestants+=("strongroom, audit interval")
        home=$first_home ours_functions=$first_functions ours_address=$synced_address ours_pid=$synced_pid
    fi
    openbao_start
    record fill --case "fill" --who openbao --to "$bao_address" --headers "$bao_headers" --method POST \
        --path '/v1/secret/data/{name}' --body '{"data":{"value":"{value}"}}' --names "$names" --connections 16
}

values_measure() {
    local connections
    values_start
    command_fact "value read, ours" 'GET /api/v1/projects/default/resolve?namespace=default&names=NAME'
    command_fact "value read, OpenBao" 'GET /v1/secret/data/NAME'
    for connections in 1 16 64; do values_round read "$connections" "${contestants[@]}"; done
    command_fact "listing, ours" 'GET /api/v1/projects/default/secrets?fields=name&limit=10000 (names), ?limit=1000 (all, 10 pages)'
    command_fact "listing, OpenBao" 'LIST /v1/secret/metadata/ (names alone, beside both)'
    values_round "list names" 1 openbao strongroom
    values_round "list all" 1 openbao strongroom
    command_fact "write, ours" 'PUT /api/v1/projects/default/secrets/NAME {"value":…}'
    command_fact "write, OpenBao" 'POST /v1/secret/data/NAME {"data":{"value":…}}'
    for connections in 1 16; do values_round write "$connections" openbao strongroom; done
    record memory --case "memory with $names secrets, after load" --who strongroom --pid "$synced_pid"
    record memory --case "memory with $names secrets, after load" --who openbao --pid "$bao_pid"
    stop "$bao_pid"
    [ ${#contestants[@]} -eq 2 ] || stop "$interval_pid"
}
