# `make run` and `make test` are all that a fresh clone needs; `make help` lists the rest.

HOST   := $(shell rustc -vV | sed -n 's/^host: //p')
BINARY := target/$(HOST)/release/portcullis
# The program that the scripts test; name another one to test that.
export PORTCULLIS ?= $(CURDIR)/$(BINARY)

# The program that loads servers for bench and soak.
export LOAD := $(CURDIR)/target/$(HOST)/release/examples/load
# As `build` does it, so that both share what is built.
RELEASE := --release --locked --target $(HOST)
STATIC := RUSTFLAGS="$(RUSTFLAGS) -C target-feature=+crt-static"
# How often soak kills the store, and the server on each of its stores.
CYCLES ?= 1000
SERVER_CYCLES ?= 50

.PHONY: help run test build lint unit walkthrough why netpol everyday verbs nodes components callbacks guide hardening compose bench soak load fuzz fresh suites definitions twice assets python matrix generated schemas book dist environments \
  setup-build setup-test
.NOTPARALLEL:

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

# A build of its own: half of a release build's time, and quick enough to use.
run: setup-build ## build, serve chapter 13 on 127.0.0.1:6443, print the next commands
	@testdata/setup kubectl
ifeq ($(PORTCULLIS),$(CURDIR)/$(BINARY))
	@echo 'Building the server: some minutes the first time, on two cores; seconds when nothing has changed.'
	@$(STATIC) cargo build --profile quick --locked --target $(HOST) --bin portcullis
	@PORTCULLIS=$(CURDIR)/$(subst /release/,/quick/,$(BINARY)) testdata/chapter13/serve
else
	@testdata/chapter13/serve
endif

test: setup-test ## everything that CI runs
	@testdata/suite lint unit build walkthrough why netpol everyday verbs nodes components callbacks guide hardening definitions python compose

# One static binary: what the scripts test is what the image holds. Naming the target keeps the flag
# from proc macros, which cannot be linked statically.
build: setup-build ## the release binary
ifeq ($(PORTCULLIS),$(CURDIR)/$(BINARY))
	$(STATIC) cargo build $(RELEASE) --bin portcullis
endif

lint: setup-build ## formatting, clippy, documentation, dependencies
	cargo fmt --all --check
	sha256sum --check --quiet api/generated.sha256
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; else echo 'skipped: cargo-deny, which is not installed'; fi

generated: setup-build ## the tables that are made from Kubernetes' sources, which it fetches
	@testdata/setup git python3
	@testdata/generated

schemas: setup-build ## the schemas that are made from the types of objects
	cargo run --locked -p portcullis-kinds --features schemas --example schemas apiserver/kinds/src/schemas.jsonl.gz

unit: setup-build ## unit and integration tests of the crates
	@testdata/setup nft ip
	cargo test --workspace --locked --no-fail-fast
	cargo run --locked -p portcullis-kinds --features schemas --example schemas -- --check apiserver/kinds/src/schemas.jsonl.gz

walkthrough: build ## chapter 13 with kubectl, on the embedded store and on etcd
	@testdata/setup kubectl etcd etcdctl python3
	@testdata/each both -- testdata/chapter13/run

why: build ## every command of docs/why.md
	@testdata/setup kubectl python3
	@testdata/each kubectl -- testdata/why/run

netpol: build ## section 13.4 with real connections between network namespaces
	@testdata/setup kubectl python3 nft ip
	@testdata/netpol/run

everyday: build ## everyday work with kubectl, on both stores
	@testdata/setup kubectl etcd etcdctl python3
	@failed=0; testdata/each both -- testdata/with-server -- testdata/kubectl/everyday.sh || failed=1; \
	testdata/each store -- testdata/with-server --anonymous-auth=true -- testdata/kubectl/namespace.sh || failed=1; \
	exit $$failed

verbs: build ## apply, diff, patch, scale, wait and the like
	@testdata/setup kubectl
	@testdata/each kubectl -- testdata/with-server -- testdata/kubectl/verbs.sh

nodes: build ## logs, exec, cp, port-forward and proxy with kubectl, to a stand-in for a kubelet
	@testdata/setup kubectl python3
	@testdata/each kubectl -- testdata/with-server --authorization-mode=RBAC -- testdata/nodes/run

components: build ## a real kubelet, scheduler, controller-manager and kube-proxy, those in KUBERNETES_BINARIES=FOLDER
	@testdata/components/run

callbacks: build ## metrics APIs and admission webhooks of others, with a stand-in for their servers
	@testdata/setup kubectl python3 openssl
	@testdata/with-server --authorization-mode=RBAC -- testdata/callbacks/run

guide: build ## the commands of the pages in docs/, and whether they still answer as the pages say
	@testdata/setup kubectl python3
	@failed=0; testdata/each kubectl -- testdata/with-server --basic-auth-file=testdata/chapter13/password.csv \
	  --enable-admission-plugins=PodSecurityPolicy -- \
	  testdata/transcript docs/psp-to-pod-security.md testdata/psp-to-pod-security || failed=1; \
	testdata/each kubectl -- testdata/book/run || failed=1; \
	exit $$failed

book: ## the pages in docs/ as a book, in target/book; needs mdbook (cargo install mdbook)
	mdbook build docs

hardening: build ## bad starts, kill -9, an etcd that dies or holds what another server wrote; start-up time
	@testdata/setup kubectl etcd etcdctl python3
	@failed=0; testdata/kubectl/hardening.sh || failed=1; testdata/each kubectl -- testdata/kubectl/interchange.sh || failed=1; \
	exit $$failed

python: build ## the wheel, and its pytest fixture with the clients that people use
	@testdata/setup python3 python3-venv
	@testdata/python/run

compose: build ## docker-compose.yml with the Docker engine that runs here, if one does
	@testdata/setup kubectl etcd etcdctl python3
	@testdata/compose/run

# What envtest and others look for; docs/test-suites.md.
assets: build ## target/assets, a folder for KUBEBUILDER_ASSETS
	@mkdir -p target/assets
	@realpath -e "$$PORTCULLIS" >/dev/null
	@for name in kube-apiserver etcd; do ln -sfn "$$(realpath -e "$$PORTCULLIS")" target/assets/$$name; done
	@if kubectl=$$(command -v kubectl); then ln -sfn "$$kubectl" target/assets/kubectl; fi
	@echo "export KUBEBUILDER_ASSETS=$(CURDIR)/target/assets"

# Also for another program: PORTCULLIS=… make dist. The archive of this machine's target is in target/dist.
dist: build ## archives with licences, completions, man pages, bill of materials and checksums
	@testdata/setup python3
	@testdata/dist/run

environments: build ## how long test environments take, in process and as processes, and whether anything is left
	$(STATIC) cargo build $(RELEASE) -p portcullis-testenv --example environments
	@target/$(HOST)/release/examples/environments in-process
	@target/$(HOST)/release/examples/environments processes "$$PORTCULLIS"

bench: build load ## what requests cost, start-up time, memory, the store; docs/performance.md
	@testdata/setup kubectl etcd python3
	@testdata/kubectl/hardening.sh figures
	$(STATIC) cargo bench --locked --target $(HOST) -p portcullis-storage --bench storage
	$(STATIC) cargo bench --locked --target $(HOST) -p portcullis-admission --bench callbacks
	$(STATIC) cargo bench --locked --target $(HOST) -p portcullis-netpol --bench compile
	$(STATIC) cargo run $(RELEASE) -p portcullis-storage --example measure
	@mkdir -p target && JSON=target/bench.json SVG=target/bench.svg testdata/bench
	@testdata/setup nft ip openssl socat
	@testdata/netpol/figures
	@testdata/tunnel/figures

soak: build load ## kill -9 under 64 writers: CYCLES times the store, SERVER_CYCLES times a server on each
	@testdata/setup kubectl etcd python3
	PORTCULLIS_TEST_KILL_CYCLES=$(CYCLES) $(STATIC) cargo test $(RELEASE) -p portcullis-storage --test all \
	  kill::acknowledged_writes_survive -- --nocapture
	@testdata/soak $(SERVER_CYCLES)

load: setup-build
	$(STATIC) cargo build $(RELEASE) -p portcullis --example load

# Findings of the targets are below fuzz/artifacts. Coverage needs a flag of nightly compilers, which
# RUSTC_BOOTSTRAP enables in others.
FUZZ_TARGETS ?= request_urls selectors bodies patches applies continue_tokens round_trips
FUZZ_SECONDS ?= 60
fuzz: export RUSTC_BOOTSTRAP = 1
fuzz: setup-build ## each fuzz target for FUZZ_SECONDS=60
	@cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
	cd fuzz && cargo fuzz build --sanitizer none
	@cd fuzz && failed=; for target in $(FUZZ_TARGETS); do \
	  mkdir -p corpus/$$target; echo "== $$target, $(FUZZ_SECONDS) s"; \
	  cargo fuzz run --sanitizer none $$target corpus/$$target seeds/$$target -- -dict=words.dict \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 || failed="$$failed $$target"; \
	done; test -z "$$failed" || { echo "findings in:$$failed"; exit 1; }

fresh: ## make run and make test in a Debian 12 that testdata/fresh bootstraps; as root
	@testdata/fresh

matrix: build ## every kubectl and Helm that packages bring, on both stores; writes docs/compatibility.md
	@testdata/setup etcd etcdctl python3 python3-venv
	@testdata/matrix/run

suites: setup-build ## tests of other projects' clients against a server (testdata/suites/README.md)
	@testdata/setup python3 python3-venv
	@testdata/suites/run

definitions: build ## kinds of others: an operator, a thousand definitions, those in DEFINITIONS="FOLDER..."
	@testdata/setup kubectl python3 python3-venv
	@failed=0; testdata/with-server --authorization-mode=RBAC -- testdata/definitions/operator/run || failed=1; \
	testdata/with-server --authorization-mode=RBAC --etcd-compaction-interval=2s -- testdata/definitions/thousand || failed=1; \
	if [ -n "$(DEFINITIONS)" ]; then testdata/with-server -- testdata/definitions/exercise $(DEFINITIONS) || failed=1; fi; \
	exit $$failed

twice: build ## other projects' manifests, applied twice by kubectl: MANIFESTS="DIRECTORY..."
	@testdata/setup kubectl
	@testdata/with-server -- testdata/kubectl/applied-twice.sh $(MANIFESTS)

setup-build:
	@testdata/setup protoc cc

setup-test: setup-build
	@testdata/setup kubectl etcd etcdctl python3
