#!/usr/bin/env bash
# The end-to-end promises at full count, against the release build: rotation under 1,000 requests a second with 100 sets,
# 200 kills during concurrent writes, 200 planted values, 10,000 runs of jobs across five kills,
# 1,000 random changes of the audit trail, 100 generated calls of each operation. Writes what it saw to bench/SOAK.md; ends with 0 only if
# everything held. `bash scripts/soak.sh rotation` runs one of them alone and writes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.strongroom-tools/bin:$PATH

subjects=("$@")
[ ${#subjects[@]} -gt 0 ] || subjects=(rotation backend crash canary jobs trail openapi)
target=${CARGO_TARGET_DIR:-$PWD/target}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

commit=$(git describe --always --dirty)
printf 'building the release program and the tests …\n'
cargo build --quiet --locked --release --package strongroom
cargo test --quiet --locked --package strongroom-e2e --no-run
# a copy, so that a build meanwhile changes nothing
cp "$target/release/strongroom" "$folder/strongroom"
export STRONGROOM_SOAK=1 STRONGROOM_BIN=$folder/strongroom RUST_BACKTRACE=0

failed=0
for subject in "${subjects[@]}"; do
    printf '\n=== %s\n' "$subject"
    start=$SECONDS
    # one after the other: what is measured is the program, not the tests beside it
    cargo test --quiet --locked --package strongroom-e2e --test "$subject" -- --test-threads 1 --nocapture 2>&1 \
        | tee "$folder/$subject" || failed=1
    printf '%s\n' "$((SECONDS - start))" >"$folder/$subject.seconds"
done

report() {
    printf '# Soak\n\n'
    printf 'Written by `make soak` on %s, at commit %s, on %s processors (%s), %s.\n\n' "$(date -u +%F)" \
        "$commit" "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(deno --version | head -n 1)"
    printf 'Each line is what one test at full count told. Every test ends with a search of the data directory, logs at\n'
    printf 'trace level, answers, outputs and processes for every value it has set.\n'
    for subject in "${subjects[@]}"; do
        printf '\n## %s (%s s)\n\n' "$subject" "$(cat "$folder/$subject.seconds")"
        sed -n 's/^.*soak: /- /p' "$folder/$subject"
        sed -n 's/^test result: \([^;]*\); \([0-9]* failed\).*/- outcome: \1, \2/p' "$folder/$subject"
    done
}
if [ $# -eq 0 ]; then
    report >bench/SOAK.md
    cat bench/SOAK.md
else
    report
fi
exit "$failed"
