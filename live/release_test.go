package live_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/live"
)

// TestRelease: a lease is given back as its holder would, and only if it is still that holder's.
func TestRelease(t *testing.T) {
	const given = `{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"n","namespace":"s","resourceVersion":"41","labels":{"a":"b"}},
		"spec":{"holderIdentity":%q,"leaseDurationSeconds":15,"acquireTime":"2026-05-04T10:00:01.000002Z","leaseTransitions":3,"renewTime":"2026-05-04T10:05:06.789012Z"%s}}`
	renewed := time.Date(2026, 5, 4, 10, 5, 6, 789012000, time.UTC)
	now := time.Date(2026, 5, 4, 12, 0, 0, 123456789, time.FixedZone("", 7200))
	for _, c := range []struct {
		name, holder, more string // of the lease in the apiserver
		status             int    // of the answer to the update
		reason             error
		says               string
	}{
		{"released", "cp-1_a", "", http.StatusOK, nil, ""},
		{"renewed since", "cp-1_a", `,"renewTime":"2026-05-04T10:05:08.789012Z"`, 0, live.ErrNotHeld, "a later renewal"},
		{"another holder", "cp-1_b", "", 0, live.ErrNotHeld, "another holder"},
		{"no holder", "", "", 0, live.ErrNotHeld, "another holder"},
		{"the apiserver chooses", "cp-1_a", `,"strategy":"OldestEmulationVersion"`, 0, live.ErrNotHeld, "another holder"},
		{"another is preferred", "cp-1_a", `,"preferredHolder":"cp-2_a"`, 0, live.ErrNotHeld, "another holder"},
		{"written meanwhile", "cp-1_a", "", http.StatusConflict, live.ErrNotHeld, "another holder"},
		{"not allowed", "cp-1_a", "", http.StatusForbidden, live.ErrForbidden, "giving back lease"},
		{"not now", "cp-1_a", "", http.StatusServiceUnavailable, live.ErrUnavailable, "giving back lease"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var put []byte
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				status := http.StatusOK
				if r.Method == http.MethodPut {
					put, _ = io.ReadAll(r.Body)
					status = c.status
				}
				if status == http.StatusOK {
					answer(w, status, fmt.Sprintf(given, c.holder, c.more))
					return
				}
				reasons := map[int]string{http.StatusConflict: "Conflict", http.StatusForbidden: "Forbidden", http.StatusServiceUnavailable: "ServiceUnavailable"}
				answer(w, status, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d}`, reasons[status], status))
			})
			err := newClient(t, kubeconfig(s.URL, certOf(s)), nil).Release(t.Context(), "s", "n", live.Holding{Holder: "cp-1_a", Renewed: renewed}, now)
			if c.reason != nil {
				isOnly(t, err, c.reason, c.says)
			} else if err != nil {
				t.Error(err)
			}
			if c.status == 0 {
				if put != nil {
					t.Errorf("it is changed: %s", put)
				}
				return
			}
			var got map[string]any
			if err := json.Unmarshal(put, &got); err != nil {
				t.Fatalf("%v: %s", err, put)
			}
			want := map[string]any{
				"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
				"metadata": map[string]any{"name": "n", "namespace": "s", "resourceVersion": "41", "labels": map[string]any{"a": "b"}},
				"spec": map[string]any{
					"holderIdentity": "", "leaseDurationSeconds": 1.0, "leaseTransitions": 3.0,
					"acquireTime": "2026-05-04T10:00:00.123456Z", "renewTime": "2026-05-04T10:00:00.123456Z",
				},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
