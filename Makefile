# Nothing is downloaded into this directory: tools/install.sh builds what a target
# needs once, into the user's cache.

FUZZTIME  ?= 10s
TESTFLAGS ?=
TESTTIME  ?= 2h

.PHONY: help build demo test race e2e lint fmt fuzz bench bench-deploy facts snapshot clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/kcmgen
	go build -trimpath -ldflags='-s -w' -o bin/kcmgen ./cmd/kcmgen

# By make build: go run would compile everything once more, with other flags.
demo: ## make everything that the example cluster needs, in out/
	@$(MAKE) -s --no-print-directory build && bin/kcmgen export ./cue/example

# The reference programs, cue and cfssl and kubectl, at the versions we promise to agree
# with, come first on PATH: whatever else is installed is not asked. A test that
# lacks another program is skipped, and the last lines say which those are. The
# variable tells go test, which keeps results, that one was installed. No test
# is measured by the clock, so the time limit is for those that hang.
test: ## run every test, as far as this machine has what it takes
	@reference=$$(tools/install.sh reference) && runner=$$(tools/install.sh test) && dir=$$(mktemp -d) || exit; status=0; \
	export KCMGEN_TEST_PROGRAMS="$$(IFS=:; ls $$PATH /usr/lib/openssh 2>/dev/null | git hash-object --stdin)"; \
	for module in tools/test tools/kubernetes .; do \
		[ $$module != . ] || PATH="$$reference:$$PATH"; \
		(cd $$module && "$$runner/gotestsum" --format pkgname --hide-summary skipped --jsonfile "$$dir/$${module##*/}_" -- \
			-timeout $(TESTTIME) $(TESTFLAGS) ./...) || { status=$$?; break; }; \
	done; \
	"$$runner/missing" "$$dir" || status=1; \
	rm -rf "$$dir"; exit $$status

# The packages in which goroutines share something. In TestHostKeys none do that don't
# elsewhere, and most of its time goes to programs, which have no detector inside.
RACING = ./deploy/... ./live ./gen/binary ./gen/config ./gen/pki ./gen/tree

race: ## run the tests of what runs at the same time under Go's race detector, with a C compiler
	@reference=$$(tools/install.sh reference) && PATH="$$reference:$$PATH" CGO_ENABLED=1 \
	go test -race -skip '^TestHostKeys$$' -timeout $(TESTTIME) $(TESTFLAGS) $(RACING)

# Real programs of Kubernetes are built from Go modules where the user's cache
# doesn't have them: a quarter of an hour, once. So is a Debian for the hosts,
# in half a minute each. Hosts need Linux, root, and programs that are named if they
# are missing. BASE=trixie or BASE=uutils gives all of them another system.
e2e: ## run the tests on real hosts, against real Kubernetes programs
	@runner=$$(tools/install.sh test) && dir=$$(mktemp -d) && cd e2e && \
	{ KCMGEN_E2E_FIGURES=$$dir/figures "$$runner/gotestsum" --format pkgname -- -p 1 -timeout 90m $(TESTFLAGS) ./...; echo $$? >"$$dir/status"; } | tee "$$dir/log"; \
	[ ! -f "$$dir/figures" ] || cat "$$dir/figures"; grep '^DONE ' "$$dir/log"; \
	status=$$(cat "$$dir/status"); rm -rf "$$dir"; exit $$status

lint: ## check the code, its formatting, its words and who imports what
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

bench: build ## compare speed and size with the stock tools
	@reference=$$(tools/install.sh reference) && PATH="$$reference:$$PATH" go -C tools/bench run .

bench-deploy: ## compare deploy with ssh, scp and tar, at 30 ms from three hosts
	cd e2e && go test -run '^TestBenchDeploy$$' -v . -bench-deploy

# Compiles that version's kube-controller-manager from its Go modules: minutes,
# and 3 GB of memory. docs/facts.md says what to look at afterwards. The second
# test carries the packages that the first writes.
facts: ## read the flags of a Kubernetes version, VERSION=v1.38.0, into gen/flags/data
	@[ -n "$(VERSION)" ] || { echo "which version? make facts VERSION=v1.38.0" >&2; exit 2; }
	go -C tools/kubernetes run . facts $(VERSION)
	go test ./schemas -run '^TestTyped$$' -update
	go test ./schemas -update

# GoReleaser makes a release, and this is one without a tag. What it needs comes
# from tools/release; it fetches nothing and publishes nothing.
snapshot: ## make what a release is made of, in dist/
	@tools=$$(tools/install.sh release) && reference=$$(tools/install.sh reference) && \
	export PATH="$$tools:$$reference:$$PATH" && tools/release/snapshot.sh && tools/release/check.sh dist

# Not out/: it holds the keys of certificate authorities, which nobody can make again.
clean: ## remove what make build and make snapshot made
	rm -rf bin dist
