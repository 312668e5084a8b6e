package deploy

import (
	"errors"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

func TestFits(t *testing.T) {
	want := spec.Version{Minor: 37, Patch: 1}
	for says, ok := range map[string]bool{
		"Kubernetes v1.37.1": true, "Kubernetes v1.37.9": true, "Kubernetes v1.37.0+k3s1": true,
		"Kubernetes v1.36.9": false, "v1.37.1": false, "": false, "hello": false,
	} {
		if err := fits("/bin/kcm", says, want); (err == nil) != ok {
			t.Errorf("%q: %v", says, err)
		}
	}
}

// TestClassified: an apiserver that says no is there; a host that says no has heard.
func TestClassified(t *testing.T) {
	all := []error{rollout.ErrAway, rollout.ErrLate, rollout.ErrRefused, rollout.ErrNotStarted}
	for _, c := range []struct {
		err error
		is  []error
	}{
		{&LeaseError{&live.Error{Reason: live.ErrUnreachable}}, all[:1]},
		{&LeaseError{&live.Error{Reason: live.ErrUnavailable}}, all[:1]},
		{&LeaseError{&live.Error{Reason: live.ErrTimeout}}, all[:2]},
		{&LeaseError{&live.Error{Reason: live.ErrUntrusted}}, nil},
		{&LeaseError{&live.Error{Reason: live.ErrUnauthorized}}, nil},
		{&LeaseError{&live.Error{Reason: live.ErrForbidden}}, nil},
		{&live.Error{Reason: live.ErrCredentials}, nil},
		{&live.Error{Reason: live.ErrAnswer}, nil},
		{&host.CommandError{Command: "trial", Text: "no", Status: 1}, all[2:3]},
		{&host.LockedError{Holder: "me"}, all[2:3]},
		{&host.NotStartedError{Text: "no"}, all[3:]},
		{errNoSession, nil},
		{errors.New("another"), nil},
	} {
		got := classified(c.err)
		if got.Error() != c.err.Error() || !errors.Is(got, c.err) {
			t.Errorf("%v becomes %v", c.err, got)
		}
		for _, is := range all {
			want := false
			for _, w := range c.is {
				want = want || w == is
			}
			if errors.Is(got, is) != want {
				t.Errorf("%v is %v: %v", c.err, is, !want)
			}
		}
	}
	if err := classified(nil); err != nil {
		t.Errorf("nothing becomes %v", err)
	}
}
