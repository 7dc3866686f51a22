# `make run` and `make test` are all that a fresh clone needs; `make help` lists the rest.

HOST   := $(shell rustc -vV | sed -n 's/^host: //p')
BINARY := target/$(HOST)/release/portcullis
# The program that the scripts test; name another one to test that.
export PORTCULLIS ?= $(CURDIR)/$(BINARY)

.PHONY: help run test build lint unit walkthrough why everyday guide hardening compose bench setup-build setup-test
.NOTPARALLEL:

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

run: build ## build, serve chapter 13 on 127.0.0.1:6443, say what to type next
	@testdata/chapter13/serve

test: setup-test ## everything that CI runs
	@testdata/suite lint unit build walkthrough why everyday guide hardening compose

# One static binary: what the scripts test is what the image holds. Naming the target keeps the flag
# from proc macros, which cannot be linked statically.
build: setup-build ## the release binary
ifeq ($(PORTCULLIS),$(CURDIR)/$(BINARY))
	RUSTFLAGS="$(RUSTFLAGS) -C target-feature=+crt-static" \
	  cargo build --release --locked --bin portcullis --target $(HOST)
endif

lint: setup-build ## formatting, clippy, documentation, dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; else echo 'cargo-deny is not installed: skipped'; fi

unit: setup-build ## unit and integration tests of the crates
	cargo test --workspace --locked --no-fail-fast

walkthrough: build ## chapter 13 with kubectl, on the embedded store and on etcd
	@testdata/setup kubectl etcd etcdctl python3
	@failed=0; for store in embedded etcd; do STORE=$$store testdata/chapter13/run || failed=1; done; exit $$failed

why: build ## every command of docs/why.md
	@testdata/setup kubectl python3
	@testdata/why/run

everyday: build ## what people do with kubectl all day, on both stores
	@testdata/setup kubectl etcd etcdctl python3
	@failed=0; for store in embedded etcd; do \
	  STORE=$$store testdata/with-server -- testdata/kubectl/everyday.sh || failed=1; \
	  STORE=$$store testdata/with-server --anonymous-auth=true -- testdata/kubectl/namespace.sh || failed=1; \
	done; exit $$failed

guide: build ## the commands of docs/psp-to-pod-security.md, and whether they still answer as it says
	@testdata/setup kubectl python3
	@testdata/with-server --basic-auth-file=testdata/chapter13/password.csv \
	  --enable-admission-plugins=PodSecurityPolicy -- \
	  testdata/transcript docs/psp-to-pod-security.md testdata/psp-to-pod-security

hardening: build ## bad starts, kill -9, an etcd that dies; start-up time and memory
	@testdata/setup kubectl etcd etcdctl python3
	@testdata/kubectl/hardening.sh

compose: build ## docker-compose.yml with a real Docker engine (SKIP_COMPOSE=1: not)
	@[ "$$SKIP_COMPOSE" = 1 ] || testdata/setup docker docker-compose kubectl etcd etcdctl python3
	@testdata/compose/run

bench: build ## start-up time and memory
	@testdata/kubectl/hardening.sh figures

setup-build:
	@testdata/setup protoc cc

setup-test: setup-build
	@testdata/setup kubectl etcd etcdctl python3
