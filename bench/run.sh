#!/usr/bin/env bash
# Measures Strongroom beside OpenBao, bare Deno and a plain proxy, in one run on one machine, and writes
# bench/RESULTS.md and bench/results.json. About 10 minutes.
#
#   BENCH_QUICK=1          fewer and shorter rounds: under 4 minutes
#   BENCH_PARTS="values"   only these of: values functions commands memory pages. Prints the page and writes no results
#   BENCH_BUILD=0          takes the release binaries that are there
#
# Everything listens on the loopback interface, lives below bench/.work and is stopped by its process id at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly root=$PWD
readonly tools=$root/bench/.tools
readonly work=$root/bench/.work
export PATH=$root/.strongroom-tools/bin:${HOME:-/root}/.cargo/bin:$PATH
umask 077

if [ "${BENCH_QUICK:-0}" = 1 ]; then
    readonly rounds=3 seconds=1 warmup=0.3 starts=8
else
    readonly rounds=5 seconds=3 warmup=0.5 starts=20
fi
readonly all="values functions commands memory pages"
readonly parts=${BENCH_PARTS:-$all}
readonly names=10000

say() { printf 'bench: %s\n' "$*" >&2; }
die() { printf 'bench: error: %s\n' "$*" >&2; exit 1; }
wants() { [[ " $parts " == *" $1 "* ]]; }

for part in processes facts openbao strongroom values functions commands memory pages; do
    # shellcheck source=/dev/null
    . "bench/parts/$part.sh"
done

trap stop_everything EXIT
trap 'exit 130' INT TERM

rm -rf "$work"
mkdir -p "$work/bin"
if [ "${BENCH_BUILD:-1}" = 1 ]; then
    say "building release binaries"
    cargo build --quiet --locked --release --package strongroom --package bench-load
fi
# copies: a build that goes on beside this run must not change what is measured
cp "${CARGO_TARGET_DIR:-target}/release/bench-load" "$work/bin/bench-load"
cp "${BENCH_STRONGROOM:-${CARGO_TARGET_DIR:-target}/release/strongroom}" "$work/bin/strongroom"
readonly load=$work/bin/bench-load strongroom=$work/bin/strongroom
deno=$(command -v deno) || die "deno is missing: run scripts/setup.sh"
readonly deno

openbao_install
facts_gather
if wants values || wants functions; then strongroom_start "$work/home" 0; fi
if wants values; then values_measure; fi
if wants functions; then functions_measure; fi
if wants commands; then commands_measure; fi
if wants memory; then memory_measure; fi
if wants pages; then pages_measure; fi

if [ "$parts" = "$all" ]; then
    readonly page=bench/RESULTS.md json=bench/results.json
else
    readonly page=$work/page.md json=$work/results.json
fi
"$load" report --records "$records" --facts "$facts" --markdown "$page" --json "$json" >&2
if [ "$page" = bench/RESULTS.md ]; then chmod 644 "$page" "$json"; else cat "$page"; fi
say "written: $page ($SECONDS s)"
