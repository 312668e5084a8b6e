#!/usr/bin/env bash
# Proves that the table of rooms in .golangci.yml works: plants forbidden imports in a
# copy of the checkout, and requires that each is refused. A rule whose glob matches
# nothing is silent, and looks like a clean tree.
set -euo pipefail
cd "$(dirname "$0")/../.."

lint=$(tools/install.sh lint)/golangci-lint
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# All files that git tracks or would add; deleted files are still listed.
git ls-files -z --cached --others --exclude-standard |
	while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
	tar --null -T - -cf - | tar -xf - -C "$copy"
cd "$copy"

# One case for each kind of rule: a library that has an owner, a room above, a
# neighbour, a test helper in the product, a library in a test. Each is in go.mod and
# none makes an import cycle, because Go would refuse those before depguard does.
planted=$(cat <<'TABLE'
gen/vet/planted.go        cuelang.org/go/cue
gen/explain/planted.go    github.com/kcmgen/kcmgen/gen/config
gen/finding/report/planted.go github.com/kcmgen/kcmgen/gen/spec
internal/terminal/planted.go github.com/kcmgen/kcmgen/gen/spec
gen/review/page/planted.go github.com/kcmgen/kcmgen/gen/spec
gen/tree/planted.go       github.com/kcmgen/kcmgen/gen/config
gen/config/apart/planted.go cuelang.org/go/cue
gen/config/rules/planted.go github.com/kcmgen/kcmgen/gen/vendoring
gen/config/syntax/planted.go github.com/kcmgen/kcmgen/gen/spec
gen/spec/planted.go       github.com/kcmgen/kcmgen/gen/flags
gen/outdir/planted.go     github.com/kcmgen/kcmgen/gen/plan
gen/outdir/layout/planted.go github.com/kcmgen/kcmgen/gen/keys
gen/planted.go            github.com/kcmgen/kcmgen/gen/adopt
gen/proof.go              github.com/kcmgen/kcmgen/gen/roundtrip
gen/readback/planted.go   github.com/kcmgen/kcmgen/gen/pki
gen/roundtrip/planted.go  github.com/kcmgen/kcmgen/gen/existing
gen/existing/planted.go   github.com/kcmgen/kcmgen/gen/config
gen/hostfile/planted.go   github.com/kcmgen/kcmgen/internal/download
cmd/kcmgen/planted.go     github.com/kcmgen/kcmgen/gen/outdir
cmd/kcmgen/values.go      github.com/kcmgen/kcmgen/gen/spec
cmd/kcmgen/request.go     github.com/cloudflare/cfssl/csr
cmd/kcmgen/pages.go       github.com/spf13/cobra/doc
gen/render/planted.go     github.com/google/go-containerregistry/pkg/v1/empty
gen/plan/planted.go       github.com/rogpeppe/go-internal/testscript
deploy/plan/planted.go    github.com/kcmgen/kcmgen/live
deploy/rollout/planted.go context
deploy/planted.go         github.com/kcmgen/kcmgen/deploy/deploytest
deploy/remote/planted.go  github.com/kcmgen/kcmgen/gen/tree
gen/facts/planted.go      golang.org/x/crypto/ssh
gen/spec/planted_test.go  k8s.io/client-go/tools/clientcmd
TABLE
)

while read -r file import; do
	package=$(go list -f '{{.Name}}' "./$(dirname "$file")")
	printf 'package %s\n\nimport _ "%s"\n' "$package" "$import" >"$file"
done <<<"$planted"

said=$("$lint" run --enable-only depguard --show-stats=false ./... 2>&1) || true

missed=0
while read -r file import; do
	if grep -qF "$file:3:8: import '$import' is not allowed" <<<"$said"; then
		echo "refused: $import in $(dirname "$file")"
	else
		echo "NOT refused: $import in $file" >&2
		missed=1
	fi
done <<<"$planted"
[ "$missed" = 0 ] || { printf 'golangci-lint said:\n%s\n' "$said" >&2; exit 1; }

# The list of words bites too.
git init -q . && printf 'Some''body did it.\n' >planted.md && git add planted.md tools/lint
if tools/lint/words.sh 2>/dev/null; then
	echo "NOT refused: a word of tools/lint/words.txt" >&2
	exit 1
fi
git rm -qf planted.md && tools/lint/words.sh && echo "refused: a word of tools/lint/words.txt"
