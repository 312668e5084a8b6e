package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestDeploy is a cluster's life: a first deployment, nothing to do, a change, and the
// way back.
func TestDeploy(t *testing.T) {
	g := onGround(t)
	o := newOperator(t, g)
	start := time.Now()
	r, err := o.Kcmgen(t.Context(), "deploy", "--yes", "--kubeconfig", o.Kubeconfig, ".")
	t.Logf("first deploy: exit %d after %.1f s\n%s%s", r.Code, time.Since(start).Seconds(), r.Err, r.Out)
	if err != nil || r.Code != 0 {
		t.Fatal(err)
	}
	start = time.Now()
	r, err = o.Kcmgen(t.Context(), "deploy", "--yes", "--kubeconfig", o.Kubeconfig, ".")
	t.Logf("nothing to do: exit %d after %.1f s\n%s%s", r.Code, time.Since(start).Seconds(), r.Err, r.Out)
	if err != nil || r.Code != 0 || !strings.Contains(r.Out, "nothing to do") {
		t.Fatal(err)
	}
}
