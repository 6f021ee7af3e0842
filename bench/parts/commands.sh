# Part 5: how long a command of the command line takes. Sourced by run.sh.

# twenty_secrets COMMAND…: calls it with the names N01 … N20.
twenty_secrets() {
    local number
    for number in $(seq -w 20); do "$@" "N$number"; done
}

set_ours() { printf '%s' "unimportant" | ours secrets set "$1" --quiet; }
set_theirs() { openbao_ask POST "secret/data/few/$1" '{"data":{"value":"unimportant"}}' >/dev/null; }

# timed CASE WHO ROUND ENVIRONMENT COMMAND…
timed() {
    local case=$1 who=$2 round=$3 environment=$4
    shift 4
    record run --case "$case" --who "$who" --round "$round" --runs "$starts" --env "$environment" -- "$@"
}

commands_measure() {
    local round theirs ours_env=$work/ours.env nothing=$work/nothing.env
    say "commands"
    home=$work/home-commands
    printf 'STRONGROOM_HOME=%s\nHOME=%s\nPATH=%s\n' "$home" "$work" "$PATH" >"$ours_env"
    printf 'PATH=%s\n' "$PATH" >"$nothing"
    openbao_start
    theirs=$bao_env
    twenty_secrets set_ours
    twenty_secrets set_theirs
    for round in $(seq "$rounds"); do
        timed "list command" strongroom "$round" "$ours_env" "$strongroom" secrets list
        timed "list command" openbao "$round" "$theirs" "$bao" kv list secret/few
        timed "get command" strongroom "$round" "$ours_env" "$strongroom" secrets get N07
        timed "get command" openbao "$round" "$theirs" "$bao" kv get secret/few/N07
        timed "run command" strongroom "$round" "$ours_env" "$strongroom" run -- true
        timed "run command" true "$round" "$nothing" true
        timed "version" strongroom "$round" "$ours_env" "$strongroom" --version
        timed "version" openbao "$round" "$theirs" "$bao" version
    done
    command_fact "commands, ours" "strongroom secrets list / secrets get N07 / run -- true, 20 secrets in the local store, no server"
    command_fact "commands, OpenBao" "bao kv list secret/few / kv get secret/few/N07, from its running server"
    stop "$bao_pid"
}
