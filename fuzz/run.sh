#!/bin/sh
# Runs every target for SECONDS_EACH seconds (default 60), from the seeds: sh fuzz/run.sh
set -eu
cd "$(dirname "$0")"
for target in envelope wrapped_key token root_key names expiry envfile project_file mask references; do
    mkdir -p "corpus/$target"
    cargo +nightly fuzz run "$target" "corpus/$target" "seeds/$target" -- -max_total_time="${SECONDS_EACH:-60}" -print_final_stats=1
done
