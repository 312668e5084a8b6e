#!/bin/sh
# The documentation of CUE's Go API says that values of different contexts may be combined
# (Value.Context: "it is now OK to combine"). That holds for one order only where a value refers
# to a package that its own package imports: data.Unify(check) looks for the package in data's
# context, and fails if that hasn't loaded it; check.Unify(data) succeeds. In one context both
# orders agree, as the commutative operation that CUE calls unification has to.
set -eu
version=v0.17.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
)

// It unifies a constraint, whose package imports another one, with data.
func main() {
	inst := load.Instances([]string{"./rules"}, nil)[0]
	own := cuecontext.New()
	check := own.BuildInstance(inst).LookupPath(cue.ParsePath("check"))
	for _, c := range []struct {
		name string
		ctx  *cue.Context
	}{{"one context", own}, {"two contexts", cuecontext.New()}} {
		data := c.ctx.CompileString(`{replicas: 3}`)
		fmt.Printf("%s: data.Unify(check): %v\n", c.name, data.Unify(check).Validate(cue.Concrete(true)))
		fmt.Printf("%s: check.Unify(data): %v\n", c.name, check.Unify(data).Validate(cue.Concrete(true)))
	}
}
END
mkdir cue.mod rules limits
printf 'module: "example.com/m"\nlanguage: version: "v0.15.0"\n' >cue.mod/module.cue
printf 'package limits\n\nmost: 5\n' >limits/limits.cue
printf 'package rules\n\nimport "example.com/m/limits"\n\ncheck: replicas: <=limits.most\n' >rules/rules.cue
go mod init repro 2>/dev/null
{ go get "cuelang.org/go@$version" && go mod tidy; } >log 2>&1 || { cat log >&2; exit 1; }
echo "cuelang.org/go $version:"
go run . | tee said
cat >want <<'END'
one context: data.Unify(check): <nil>
one context: check.Unify(data): <nil>
two contexts: data.Unify(check): replicas: cannot find package "example.com/m/limits"
two contexts: check.Unify(data): <nil>
END
cmp want said
