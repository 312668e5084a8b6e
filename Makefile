# Nothing is downloaded into this directory: tools/install.sh builds a target's tools
# once, into the user's cache.

FUZZTIME  ?= 10s
TESTFLAGS ?=
TESTTIME  ?= 2h

.PHONY: help build demo test race e2e lint fmt fuzz bench bench-deploy facts snapshot clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/kcmgen
	go build -trimpath -ldflags='-s -w' -o bin/kcmgen ./cmd/kcmgen

# It uses make build: go run would compile everything again with other flags.
demo: ## export the example cluster into out/
	@$(MAKE) -s --no-print-directory build && bin/kcmgen export ./cue/example

# The reference programs cue, cfssl, kubectl and judge come first on PATH, at the versions
# we promise to agree with. A test that lacks another program is skipped, and the last
# lines list these programs. The variable makes go test, which caches results, notice
# an installed program. The time limit is only for tests that hang.
test: ## run every test that this machine has the programs for
	@reference=$$(tools/install.sh reference) && benchmark=$$(tools/install.sh benchmark) && reference=$$reference:$$benchmark && runner=$$(tools/install.sh test) && dir=$$(mktemp -d) || exit; status=0; \
	export KCMGEN_TEST_PROGRAMS="$$(IFS=:; ls $$PATH /usr/lib/openssh 2>/dev/null | git hash-object --stdin)"; \
	for module in tools/test tools/kubernetes .; do \
		[ $$module != . ] || PATH="$$reference:$$PATH"; \
		(cd $$module && "$$runner/gotestsum" --format pkgname --hide-summary skipped --jsonfile "$$dir/$${module##*/}_" -- \
			-timeout $(TESTTIME) $(TESTFLAGS) ./...) || { status=$$?; break; }; \
	done; \
	"$$runner/missing" "$$dir" || status=1; \
	rm -rf "$$dir"; exit $$status

# The packages in which goroutines share data. TestHostKeys adds no such code, and
# spends most of its time in other programs, which have no race detector.
RACING = ./deploy/... ./live/... ./gen/binary ./gen/config ./gen/disk ./gen/outdir ./gen/pki ./gen/tree

race: ## run the tests of concurrent code under Go's race detector, with a C compiler
	@reference=$$(tools/install.sh reference) && PATH="$$reference:$$PATH" CGO_ENABLED=1 \
	go test -race -skip '^TestHostKeys$$' -timeout $(TESTTIME) $(TESTFLAGS) $(RACING)

# Programs of Kubernetes are built from Go modules if the user's cache lacks them: a
# quarter of an hour, once. So is a Debian for the hosts, in half a minute each. Hosts
# need Linux, root, and programs that are named if they are missing. BASE=trixie or
# BASE=uutils selects another system.
e2e: ## run the tests on real hosts, against real Kubernetes programs
	@runner=$$(tools/install.sh test) && dir=$$(mktemp -d) && cd e2e && \
	{ KCMGEN_E2E_FIGURES=$$dir/figures "$$runner/gotestsum" --format pkgname -- -p 1 -timeout 4h $(TESTFLAGS) ./...; echo $$? >"$$dir/status"; } | tee "$$dir/log"; \
	[ ! -f "$$dir/figures" ] || cat "$$dir/figures"; grep '^DONE ' "$$dir/log"; \
	status=$$(cat "$$dir/status"); rm -rf "$$dir"; exit $$status

lint: ## check the code, its formatting, its words and its imports
	@tools/lint/words.sh && tools=$$(tools/install.sh lint) && \
	for module in . e2e tools/bench tools/kubernetes tools/release tools/test; do (cd $$module && "$$tools/golangci-lint" run ./...) || exit 1; done && \
	unformatted=$$("$$tools/gofumpt" -l .) && \
	{ [ -z "$$unformatted" ] || { echo "make fmt would change: $$unformatted" >&2; exit 1; }; }

fmt: ## format the code
	@tools=$$(tools/install.sh lint) && "$$tools/gofumpt" -l -w .

# go test fuzzes one target at a time, so they are looked up. Finding none is a
# failure: a pattern that matches nothing would pass for ever.
fuzz: ## run every fuzz target for FUZZTIME (10s)
	@targets=$$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func /:/') && \
	[ -n "$$targets" ] || { echo "no fuzz target found" >&2; exit 1; }; \
	for target in $$targets; do \
		echo "== $$target"; \
		go -C "$${target%/*}" test -run '^$$' -fuzz "^$${target##*:}$$" -fuzztime $(FUZZTIME) . || exit 1; \
	done

BASE       ?=
BENCHFLAGS ?=
bench: build ## compare speed and size with the stock tools, and with the revision BASE
	@reference=$$(tools/install.sh reference) && PATH="$$reference:$$PATH" go -C tools/bench run . -base "$(BASE)" $(BENCHFLAGS)

bench-deploy: ## compare deploy with ssh, scp and tar, at 30 ms from three hosts
	cd e2e && go test -run '^TestBench(Deploy|Pods|Handover)$$' -v . -bench-deploy

# Compiles that version's kube-controller-manager from its Go modules: minutes, and 3 GB
# of memory. docs/facts.md says what to check afterwards. The second test embeds the
# packages that the first writes.
facts: ## read the flags of a Kubernetes version, VERSION=v1.38.0, into gen/flags/data
	@[ -n "$(VERSION)" ] || { echo "which version? make facts VERSION=v1.38.0" >&2; exit 2; }
	go -C tools/kubernetes run . facts $(VERSION)
	go test ./schemas -run '^TestTyped$$' -update
	go test ./schemas -update

# GoReleaser makes a release without a tag. Its tools come from tools/release. It
# fetches nothing and publishes nothing.
snapshot: ## make the files of a release, in dist/
	@tools=$$(tools/install.sh release) && reference=$$(tools/install.sh reference) && \
	export PATH="$$tools:$$reference:$$PATH" && tools/release/snapshot.sh && tools/release/check.sh dist

# Not out/: it holds the keys of certificate authorities, which can't be made again.
clean: ## remove the output of make build and make snapshot
	rm -rf bin dist
