# `make demo` shows the product; `make test` builds and tests everything; `make check` is what CI runs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export PATH := $(CURDIR)/.strongroom-tools/bin:$(HOME)/.cargo/bin:$(PATH)

# what `check` runs before the tests, cheapest first; .ci/run asks for it with `make -s stages`
STAGES := fmt-check tidy generate-check deny clippy build doc-test

.PHONY: help demo test check soak bench screenshots fmt generate setup stages nextest $(STAGES)

help:
	@echo "make demo    set a secret, call a function that reads it, change it, call it again"
	@echo "make test    install what the tests need, build everything, run all tests"
	@echo "make check   what CI runs: format, tidy, generated files, deny, clippy, tests"
	@echo "make soak    the same tests at full count: rotation under load, kills, planted values"
	@echo "make bench   measure, beside others where they can be run"
	@echo "make screenshots  pictures of every page, light and dark, at a desk and on a phone"
	@echo "make fmt     format the code;  make generate  write the generated files"

demo: setup
	bash scripts/demo.sh

soak: setup
	bash scripts/soak.sh

bench: setup
	bash bench/run.sh

screenshots: setup
	cargo build --quiet --locked --package strongroom --package strongroom-e2e --bins
	STRONGROOM_BIN=target/debug/strongroom target/debug/e2e-screenshots target/screenshots

test: setup build doc-test nextest

check: setup $(STAGES) nextest

setup:
	@bash scripts/setup.sh

stages:
	@echo $(STAGES)

fmt:
	cargo fmt --all

generate:
	cargo run --quiet --package xtask -- generate

fmt-check:
	cargo fmt --all -- --check

tidy:
	cargo run --quiet --locked --package xtask -- tidy

generate-check:
	cargo run --quiet --locked --package xtask -- generate --check

# `advisories` is left out: it needs a database from the network
deny:
	cargo deny --locked --log-level error check bans licenses sources

clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

# the binary too, which the end-to-end tests start
build:
	cargo build --locked --workspace --all-targets
	# the program by itself has fewer features; the first test to start it would wait for this within its own time
	cargo build --locked --package strongroom

doc-test:
	cargo test --locked --workspace --doc --quiet

nextest:
	if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --locked --workspace; \
	else cargo test --locked --workspace --all-targets; fi
