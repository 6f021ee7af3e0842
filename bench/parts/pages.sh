# Part 7: the web pages of a project with 5,000 secrets. Sourced by run.sh.

# What is opened: the case, and the address below the project.
readonly pages=(
    "page overview|"
    "page secrets|/secrets"
    "page secrets, searched|/secrets?search={name}"
    "page secret|/secrets/{name}"
    "page audit|/audit"
    "page settings|/settings"
)

pages_measure() {
    local round page case path
    strongroom_start "$work/home-pages" 0
    token_headers "$work/pages.admin" admin
    record fill --case "fill" --who strongroom --to "$ours_address" --headers "$work/pages.admin" --method PUT \
        --path /api/v1/projects/default/secrets --names 5000 --batch 1000 --connections 1
    for page in "${pages[@]}"; do
        case=${page%%|*} path=${page#*|}
        say "$case"
        for round in $(seq "$rounds"); do
            measure "$case" strongroom "$round" 1 "$ours_pid" --to "$ours_address" --headers "$work/pages.admin" \
                --path "/projects/default$path" --names 5000
        done
    done
    command_fact "pages" "GET /projects/default and below, 5,000 secrets, one connection"
    stop "$ours_pid"
}
