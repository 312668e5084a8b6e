package live_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/live"
)

// asks fails the test unless a request has the token and these parameters.
func asks(t *testing.T, r *http.Request, path string, params map[string]string) {
	t.Helper()
	got := map[string]string{}
	for name, values := range r.URL.Query() {
		got[name] = strings.Join(values, " and ")
	}
	if diff := cmp.Diff(params, got); diff != "" || r.Method != http.MethodGet || r.URL.Path != path || r.Header.Get("Authorization") != "Bearer "+canary {
		t.Errorf("asked: %s %s\n-want +got\n%s", r.Method, r.URL, diff)
	}
}

// nodeList is the answer of an apiserver, with nodes as JSON.
func nodeList(next string, nodes ...string) string {
	return fmt.Sprintf(`{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"4711","continue":%q,"remainingItemCount":7},"items":[%s]}`, next, strings.Join(nodes, ","))
}

// node is a Node object, with its spec as JSON.
func node(name, spec string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"uid":"5a2d","labels":{"kubernetes.io/os":"linux"},"managedFields":[{"manager":"kubelet"}]},"spec":%s,"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, name, spec)
}

// TestNodes: all pages are read, each from where the last one ended.
func TestNodes(t *testing.T) {
	const first, second = "eyJ2IjoibWV0YSJ9+/==&limit=1", "second"
	for _, prefix := range []string{"", "/k8s/clusters/c-1"} {
		var n atomic.Int32
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			params := map[string]string{"limit": "500"}
			switch n.Add(1) {
			case 1:
				asks(t, r, prefix+"/api/v1/nodes", params)
				answer(w, http.StatusOK, nodeList(first, node("cp-2", `{"podCIDR":"10.0.1.0/24","podCIDRs":["10.0.1.0/24","fd00::/64"]}`), node("cp-10", `{}`)))
			case 2:
				params["continue"] = first
				asks(t, r, prefix+"/api/v1/nodes", params)
				answer(w, http.StatusOK, nodeList(second))
			case 3:
				params["continue"] = second
				asks(t, r, prefix+"/api/v1/nodes", params)
				answer(w, http.StatusOK, nodeList("", node("cp-1", `{"podCIDR":"10.0.0.0/24","providerID":"x"}`)))
			}
		})
		got, err := newClient(t, kubeconfig(s.URL+prefix, certOf(s)), nil).Nodes(t.Context())
		want := []live.Node{{"cp-1", []string{"10.0.0.0/24"}}, {"cp-10", nil}, {"cp-2", []string{"10.0.1.0/24", "fd00::/64"}}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" || n.Load() != 3 {
			t.Errorf("%d requests, %v\n-want +got\n%s", n.Load(), err, diff)
		}
	}
	empty := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, nodeList("")) })
	if got, err := newClient(t, kubeconfig(empty.URL, certOf(empty)), nil).Nodes(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("without nodes: %v, %v", got, err)
	}
}

// TestEndlessNodes: pages without end are an error after 50,000 nodes' worth of pages.
func TestEndlessNodes(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, nodeList(fmt.Sprint(n.Add(1)), node("cp-1", `{}`)))
	})
	got, err := newClient(t, kubeconfig(s.URL, certOf(s)), nil).Nodes(t.Context())
	isOnly(t, err, live.ErrAnswer, "more than 50000")
	if got != nil || n.Load() != 100 {
		t.Errorf("%d nodes, after %d requests", len(got), n.Load())
	}
}

// TestSizes: a page of nodes may be far longer than a lease, but not without limit.
func TestSizes(t *testing.T) {
	size := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text := lease
		if r.URL.Path == "/api/v1/nodes" {
			text = nodeList("", node("cp-1", `{}`))
		}
		answer(w, http.StatusOK, strings.Repeat(" ", size-len(text))+text)
	})
	c := newClient(t, kubeconfig(s.URL, certOf(s)), nil)
	nodes := func() error {
		got, err := c.Nodes(t.Context())
		if err == nil && len(got) != 1 {
			return errors.New("they aren't read")
		}
		return err
	}
	lease := func() error {
		_, err := c.Lease(t.Context(), "kube-system", "kube-controller-manager")
		return err
	}
	for _, size = range []int{4 << 20, 4<<20 + 1, 32 << 20} {
		if err := nodes(); err != nil {
			t.Errorf("nodes of %d bytes: %v", size, err)
		}
		if size == 4<<20 {
			if err := lease(); err != nil {
				t.Errorf("a lease of %d bytes: %v", size, err)
			}
			continue
		}
		isOnly(t, lease(), live.ErrAnswer, "longer than 4 MiB")
	}
	size = 32<<20 + 1
	isOnly(t, nodes(), live.ErrAnswer, "longer than 32 MiB")
}

func TestVersion(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asks(t, r, "/version", map[string]string{})
		answer(w, http.StatusOK, `{"major":"1","minor":"37","emulationMajor":"1","emulationMinor":"37","gitVersion":"v1.37.1","gitCommit":"5a2d","gitTreeState":"clean","platform":"linux/amd64"}`)
	})
	if got, err := newClient(t, kubeconfig(s.URL, certOf(s)), nil).Version(t.Context()); err != nil || got != "v1.37.1" {
		t.Errorf("%q, %v", got, err)
	}
}

// event is an Event object, of a leader's change.
func event(who, did string, count int, first, last string) string {
	return fmt.Sprintf(`{"metadata":{"name":"kube-controller-manager.%s","namespace":"kube-system"},"involvedObject":{"kind":"Lease","namespace":"kube-system","name":"kube-controller-manager","apiVersion":"coordination.k8s.io/v1"},`+
		`"reason":"LeaderElection","message":"%s_5a2d %s","source":{"component":"kube-controller-manager"},"firstTimestamp":%s,"lastTimestamp":%s,"count":%d,"type":"Normal","eventTime":null,"reportingComponent":"kube-controller-manager","reportingInstance":""}`, who, who, did, first, last, count)
}

// TestElections: each new leader counts once, as often as its event says, and the end of a
// leader doesn't.
func TestElections(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asks(t, r, "/api/v1/namespaces/kube-system/events", map[string]string{"fieldSelector": "reason=LeaderElection,involvedObject.name=kube-controller-manager", "limit": "500"})
		answer(w, http.StatusOK, `{"kind":"EventList","apiVersion":"v1","metadata":{"resourceVersion":"4711"},"items":[`+strings.Join([]string{
			event("cp-2", "became leader", 3, `"2026-05-04T10:30:00Z"`, `"2026-05-04T10:50:00Z"`),
			event("cp-1", "stopped leading", 5, `"2026-05-04T10:29:44Z"`, `"2026-05-04T10:29:44Z"`),
			event("cp-1", "became leader", 1, `"2026-05-04T12:00:00+02:00"`, `"2026-05-04T12:00:00+02:00"`),
			event("cp-3", "became leader", 0, `"2026-05-04T10:40:00Z"`, `"2026-05-04T10:40:00Z"`),
			event("cp-1", "became leader", 2, `"2026-05-04T10:55:00Z"`, `"2026-05-04T10:57:00Z"`),
			event("cp-3", "became leader of another kind", 1, `"2026-05-04T10:40:00Z"`, `"2026-05-04T10:40:00Z"`),
		}, ",")+`]}`)
	})
	got, err := newClient(t, kubeconfig(s.URL, certOf(s)), nil).Elections(t.Context(), "kube-system", "kube-controller-manager")
	var times []string
	for _, at := range got {
		times = append(times, at.UTC().Format(time.TimeOnly))
	}
	if diff := cmp.Diff([]string{"10:00:00", "10:30:00", "10:40:00", "10:50:00", "10:50:00", "10:55:00", "10:57:00"}, times); err != nil || diff != "" {
		t.Errorf("%v\n-want +got\n%s", err, diff)
	}
}

// TestManyElections: an event that says that it came very often costs no memory.
func TestManyElections(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, `{"kind":"EventList","apiVersion":"v1","items":[`+strings.Join([]string{
			event("cp-1", "became leader", 1<<40, `"2026-05-04T10:00:00Z"`, `"2026-05-04T10:50:00Z"`),
			event("cp-2", "became leader", -1<<40, `null`, `null`),
		}, ",")+`]}`)
	})
	got, err := newClient(t, kubeconfig(s.URL, certOf(s)), nil).Elections(t.Context(), "kube-system", "kube-controller-manager")
	if err != nil || len(got) != 101 {
		t.Errorf("%d times, %v", len(got), err)
	}
}

// TestElectionNames: a name that would lead elsewhere is refused without a connection.
func TestElectionNames(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked: %s", r.URL) })
	c := newClient(t, kubeconfig(s.URL, certOf(s)), nil)
	for _, name := range []string{"", "..", ".", "a/b", "../../x", "a%2fb"} {
		for _, n := range [][2]string{{name, "n"}, {"s", name}} {
			if _, err := c.Elections(t.Context(), n[0], n[1]); err == nil || !strings.Contains(err.Error(), "can't be a name") {
				t.Errorf("%q: %v", n, err)
			}
		}
	}
}

// TestClusterAnswers: every answer leads to one reason, and none that is of another kind
// passes for an empty one.
func TestClusterAnswers(t *testing.T) {
	status := func(code int, reason, message string) string {
		return fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":%q,"reason":%q,"code":%d}`, message, reason, code)
	}
	var elsewhere atomic.Bool
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) })
	for _, c := range []struct {
		name   string
		code   int
		body   string
		reason error
		says   string
	}{
		{"401", 401, unauthorized, live.ErrUnauthorized, "Unauthorized"},
		{"403", 403, status(403, "Forbidden", `nodes is forbidden: User "me" cannot list resource "nodes" in API group "" at the cluster scope`), live.ErrForbidden, `User "me" cannot list resource "nodes"`},
		{"404", 404, "404 page not found\n", live.ErrAnswer, "could not find the requested resource"},
		{"410 of an old page", 410, status(410, "Expired", "The provided continue parameter is too old"), live.ErrAnswer, "too old"},
		{"429", 429, status(429, "TooManyRequests", "slow down"), live.ErrUnavailable, "slow down"},
		{"503", 503, status(503, "ServiceUnavailable", "etcd is gone"), live.ErrUnavailable, "etcd is gone"},
		{"302", 302, "", live.ErrAnswer, ""},
		{"no kind", 200, `{}`, live.ErrAnswer, ""},
		{"another kind", 200, `{"kind":"Status","apiVersion":"v1","status":"Success"}`, live.ErrAnswer, ""},
		{"a list", 200, `[]`, live.ErrAnswer, ""},
		{"other types", 200, `{"kind":7,"gitVersion":7}`, live.ErrAnswer, ""},
		{"HTML", 200, "<h1>log in</h1>", live.ErrAnswer, "invalid character"},
		{"empty", 200, "", live.ErrAnswer, "end of JSON input"},
		{"half of it", 200, nodeList("")[:40], live.ErrAnswer, "end of JSON input"},
		{"too long", 200, strings.Repeat(" ", 33<<20), live.ErrAnswer, "longer than 32 MiB"},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+r.URL.Path)
			w.Header().Set("Retry-After", "3600")
			answer(w, c.code, c.body)
		})
		client := newClient(t, kubeconfig(s.URL, certOf(s)), nil)
		for what, ask := range map[string]func() error{
			"reading nodes":       func() error { _, err := client.Nodes(t.Context()); return err },
			"reading the version": func() error { _, err := client.Version(t.Context()); return err },
			"reading events":      func() error { _, err := client.Elections(t.Context(), "kube-system", "n"); return err },
		} {
			t.Run(c.name+"/"+what, func(t *testing.T) {
				err := ask()
				isOnly(t, err, c.reason, c.says)
				if !strings.HasPrefix(err.Error(), what+": "+s.URL+" ") {
					t.Errorf("%v: doesn't say what it did, and where", err)
				}
			})
		}
	}
	if elsewhere.Load() {
		t.Error("a redirect was followed")
	}
}
