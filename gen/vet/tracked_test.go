package vet

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTrackedKeys: a private key in git is an error at the field that names it.
func TestTrackedKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		facts Facts
		want  []string
		field string
	}{
		"none":        {Facts{}, nil, ""},
		"by a field":  {Facts{Tracked: []TrackedKey{{"pki.ca.keyFile", "ca.key"}}}, []string{"key-tracked"}, "pki.ca.keyFile"},
		"exported":    {Facts{Tracked: []TrackedKey{{"", "out/x/pki/ca.key"}, {"", "out/x/pki/sa.key"}}}, []string{"key-tracked"}, "name"},
		"git refuses": {Facts{TrackedErr: errors.New("detected dubious ownership")}, []string{"key-tracked not checked"}, "name"},
	} {
		got := Check(base(), tc.facts)
		if diff := cmp.Diff(tc.want, ids(got)); diff != "" {
			t.Errorf("%s: broken rules (-want +got):\n%s", name, diff)
		}
		for _, f := range got {
			if f.Field != tc.field || f.Expected == "" {
				t.Errorf("%s: field %q, expected %q", name, f.Field, f.Expected)
			}
		}
	}
}

// TestTrackedOwner: where git refuses another user's repository, the hint allows it.
func TestTrackedOwner(t *testing.T) {
	for dir, want := range map[string]string{
		"/srv/infra":   "git config --global --add safe.directory /srv/infra",
		"/srv/a b's;x": `git config --global --add safe.directory '/srv/a b'\''s;x'`,
	} {
		got := Check(base(), Facts{TrackedErr: &OwnerError{Dir: dir, Said: "detected dubious ownership"}})
		if len(got) != 1 || got[0].Hint != want {
			t.Errorf("%s: %+v", dir, got)
		}
	}
}
