package deploy

import (
	"errors"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

func TestCheckVersion(t *testing.T) {
	want := spec.Version{Minor: 37, Patch: 1}
	for says, ok := range map[string]bool{
		"Kubernetes v1.37.1": true, "Kubernetes v1.37.9": true, "Kubernetes v1.37.0+k3s1": true,
		"Kubernetes v1.36.9": false, "v1.37.1": false, "": false, "hello": false,
	} {
		if err := checkVersion("/bin/kcm", says, want); (err == nil) != ok {
			t.Errorf("%q: %v", says, err)
		}
	}
}

// TestCheckKubeconfig: kcmgen's kubeconfig must hold its credentials. A foreign one may name
// files.
func TestCheckKubeconfig(t *testing.T) {
	text := []byte(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],
		"users":[{"name":"u","user":{"client-certificate":"/etc/a.pem","client-key":"/etc/a.key"}}],"clusters":[{"name":"k","cluster":{"server":"https://192.0.2.1:6443"}}]}`)
	for generation, ok := range map[string]bool{"0123456789abcdef": false, plan.Found: true, "found-0123456789ab": true} {
		m := &machine{
			host:    &plan.Host{Desired: &plan.Desired{Config: plan.Config{Generation: generation, Kubeconfig: keys.NewSecret(text)}}},
			clients: map[*plan.Config]*live.Client{},
		}
		if err := m.checkKubeconfig(); (err == nil) != ok {
			t.Errorf("%s: %v", generation, err)
		}
	}
}

// TestClassify: the kinds of each error.
func TestClassify(t *testing.T) {
	all := []error{rollout.ErrApiserverAway, rollout.ErrTimedOut, rollout.ErrRefused, rollout.ErrNotStarted}
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
		got := classify(c.err)
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
	if err := classify(nil); err != nil {
		t.Errorf("nil becomes %v", err)
	}
}
