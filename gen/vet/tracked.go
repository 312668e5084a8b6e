package vet

import (
	"errors"
	"fmt"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

var trackedRules = []Rule{
	{
		ID: "key-tracked", Severity: isError, cluster: keyTracked,
		Doc: "no private key of the cluster is in git, whose history keeps it",
	},
}

// TrackedKey is a private key that git tracks.
type TrackedKey struct {
	Field string // that names it; "" if an export wrote it
	File  string
}

// OwnerError is git's error for a repository that another user owns.
type OwnerError struct{ Dir, Said string }

func (e *OwnerError) Error() string { return e.Said }

func keyTracked(v *view) []fault {
	if err := v.facts.TrackedErr; err != nil {
		hint := ""
		if owner := (*OwnerError)(nil); errors.As(err, &owner) {
			hint = "git config --global --add safe.directory " + spec.ShellWord(owner.Dir)
		}
		return one(fault{
			field: "name", severity: finding.NotChecked, hint: hint,
			message: fmt.Sprintf("whether git tracks a private key is unknown: %v", err), expected: "a git that lists what it tracks",
		})
	}
	var out []fault
	for _, k := range v.facts.Tracked {
		f := fault{
			field: k.Field, message: fmt.Sprintf("git tracks the private key %s", k.File), expected: "a private key that no repository holds",
			hint: fmt.Sprintf("git rm --cached %s; if it was ever pushed, anyone who can read the repository has it: use another key", k.File),
		}
		if f.field == "" {
			f.field = "name"
		}
		out = append(out, f)
	}
	return out
}
