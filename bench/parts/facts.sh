# Machine, versions and method, as they stand in the report. Sourced by run.sh.

readonly facts=$work/facts

fact() { printf '%s|%s|%s\n' "$1" "$2" "$3" >>"$facts"; }
command_fact() { fact command "$1" "\`$2\`"; }

facts_gather() {
    local cpu memory built="a program built before"
    if [ "${BENCH_BUILD:-1}" = 1 ]; then built="built from commit $(git describe --always --dirty)"; fi
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    memory=$(awk '/^MemTotal/ { printf "%.1f GB", $2 * 1024 / 1e9 }' /proc/meminfo)
    fact machine date "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    fact machine processor "$(nproc) × $cpu"
    fact machine memory "$memory"
    fact machine kernel "$(uname -sr)"
    fact machine "load before the run" "$(cut -d' ' -f1-3 /proc/loadavg)"
    fact machine strongroom "$("$strongroom" --version), $built"
    fact machine openbao "$("$bao" version | head -n 1)"
    fact machine deno "$("$deno" --version | head -n 1)"
    fact machine rustc "$(rustc --version)"
    fact method rounds "$rounds rounds of $seconds s after $warmup s of warm-up, contestants in turn"
    fact method pinning "servers and workers on core 0; the load on core 0 for 1 connection, on core 1 for more; commands, start-up and memory not pinned"
    fact method load "bench/load: keep-alive HTTP/1.1 without TLS on the loopback interface; a single wrong answer fails the run"
    fact method secrets "$names secrets of 256 bytes; reads pick at random and compare the value"
    fact method strongroom "embedded store; token with the one capability that is needed; an audit record of each read and write, synced before the answer; \`audit interval\` does not wait for the sync"
    fact method openbao "KV version 2, integrated storage (raft), file audit device (not synced by OpenBao), root token"
    fact method functions "server CPU without its workers'; the workers' stand apart; the plain proxy and bare Deno run the same handler"
}
