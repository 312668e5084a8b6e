package live_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/live"
)

func TestLease(t *testing.T) {
	s := serve(t, giveLease)
	c := newClient(t, kubeconfig(s.URL, certOf(s)), nil)
	got, err := c.Lease(t.Context(), "kube-system", "kube-controller-manager")
	if err != nil {
		t.Fatal(err)
	}
	want := &live.Lease{
		Holder: "cp_1.example_0b3e2d52-6f4c-4d0e-9a52-1c6f0b6f2f3a", Hostname: "cp_1.example",
		Renewed:  time.Date(2026, 5, 4, 10, 5, 6, 789012000, time.UTC),
		Acquired: time.Date(2026, 5, 4, 10, 0, 1, 2000, time.UTC),
		Duration: 15 * time.Second, Transitions: 3, ResourceVersion: "4711",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if c.Server() != s.URL {
		t.Errorf("the server is %q, not %q", c.Server(), s.URL)
	}
}

// TestReleasedLease: a released lease has neither a holder nor times.
func TestReleasedLease(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, `{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"n","namespace":"s","resourceVersion":"1"},"spec":{"holderIdentity":"","renewTime":null}}`)
	})
	got, err := newClient(t, kubeconfig(s.URL, certOf(s)), nil).Lease(t.Context(), "s", "n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&live.Lease{ResourceVersion: "1"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// reasons are all reasons.
var reasons = []error{
	live.ErrUnreachable, live.ErrTimeout, live.ErrUnavailable, live.ErrUntrusted, live.ErrCredentials,
	live.ErrUnauthorized, live.ErrForbidden, live.ErrNotServed, live.ErrNoLease, live.ErrNotHeld, live.ErrAnswer,
}

// isOnly fails the test unless an error has this reason, no other, and no secret.
func isOnly(t *testing.T, err, reason error, says string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error: want %v", reason)
	}
	for _, r := range reasons {
		if errors.Is(err, r) != (r == reason) {
			t.Errorf("%v: is %q: %t", err, r, errors.Is(err, r))
		}
	}
	if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is\n%v\nwant, in one line: %s", err, says)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Errorf("the error has a secret in it: %#v", err)
	}
	t.Log(err)
}

const forbidden = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"leases.coordination.k8s.io \"kube-controller-manager\" is forbidden: User \"me\" cannot get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"kube-system\"","reason":"Forbidden","details":{"name":"kube-controller-manager","group":"coordination.k8s.io","kind":"leases"},"code":403}`

const notFound = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"leases.coordination.k8s.io \"kube-controller-manager\" not found","reason":"NotFound","details":{"name":"kube-controller-manager","group":"coordination.k8s.io","kind":"leases"},"code":404}`

// TestAnswers: every answer of a server leads to one reason, and in time.
func TestAnswers(t *testing.T) {
	text := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	json := func(code int, body string) http.HandlerFunc { return text(code, "application/json", body) }
	var elsewhere atomic.Bool
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) })
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		reason  error
		says    string
	}{
		{"401", json(401, unauthorized), live.ErrUnauthorized, "Unauthorized"},
		{"401 without a status", text(401, "text/plain", "who are you?"), live.ErrUnauthorized, "doesn't accept the credentials"},
		{"403", json(403, forbidden), live.ErrForbidden, `User "me" cannot get resource "leases"`},
		{"no lease", json(404, notFound), live.ErrNoLease, `"kube-system/kube-controller-manager"`},
		{"404 of something else", text(404, "text/plain", "404 page not found\n"), live.ErrAnswer, "could not find the requested resource"},
		{"404 of another lease", json(404, strings.ReplaceAll(notFound, "kube-controller-manager", "x")), live.ErrAnswer, `"x" not found`},
		{"503", json(503, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"etcd is gone","reason":"ServiceUnavailable","code":503}`), live.ErrUnavailable, "etcd is gone"},
		{"502 of a proxy", text(502, "text/html", "<h1>bad gateway</h1>"), live.ErrUnavailable, ""},
		{"429", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			answer(w, 429, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"slow down","reason":"TooManyRequests","code":429}`)
		}, live.ErrUnavailable, "slow down"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }, live.ErrAnswer, ""},
		{"no JSON", json(200, "\x00\xff{"), live.ErrAnswer, ""},
		{"half of it", json(200, lease[:200]), live.ErrAnswer, ""},
		{"empty", json(200, ""), live.ErrAnswer, ""},
		{"no kind", json(200, "{}"), live.ErrAnswer, `it is lease "/"`},
		{"another kind", json(200, `{"kind":"Secret","apiVersion":"v1"}`), live.ErrAnswer, "Secret"},
		{"another type", json(200, strings.Replace(lease, `:15,`, `:"15",`, 1)), live.ErrAnswer, ""},
		{"another lease", json(200, strings.Replace(lease, `"namespace":"kube-system"`, `"namespace":"default"`, 1)), live.ErrAnswer, `"default/kube-controller-manager"`},
		{"HTML", text(200, "text/html", "<h1>log in</h1>"), live.ErrAnswer, ""},
		{"too long", json(200, strings.Repeat(" ", 5<<20)+lease), live.ErrAnswer, "longer than 4 MiB"},
		{"without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, live.ErrAnswer, "longer than 4 MiB"},
		{"cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			answer(w, 200, lease[:100])
		}, live.ErrUnreachable, "EOF"},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, live.ErrUnreachable, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.handler)
			_, err := newClient(t, kubeconfig(s.URL, certOf(s)), nil).Lease(t.Context(), "kube-system", "kube-controller-manager")
			isOnly(t, err, c.reason, c.says)
			if !strings.Contains(err.Error(), s.URL) {
				t.Errorf("%v: names no server", err)
			}
		})
	}
	if elsewhere.Load() {
		t.Error("a redirect was followed")
	}
}

// TestCanceled: cancelling a request ends it, without an Error.
func TestCanceled(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // to return would be an answer, which may still arrive
	})
	c := newClient(t, kubeconfig(s.URL, certOf(s)), nil)
	for name, f := range map[string]func(context.Context) error{
		"lease": func(ctx context.Context) error {
			_, err := c.Lease(ctx, "kube-system", "kube-controller-manager")
			return err
		},
		"healthz": func(ctx context.Context) error {
			return live.Healthz(ctx, s.Listener.Addr().String(), certOf(s), nil)
		},
		"metrics": func(ctx context.Context) error {
			_, err := at(t, c, s, certOf(s)).Metrics(ctx)
			return err
		},
		"nodes": func(ctx context.Context) error {
			_, err := c.Nodes(ctx)
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		err := f(ctx)
		if !errors.Is(err, context.Canceled) || slices.ContainsFunc(reasons, func(r error) bool { return errors.Is(err, r) }) {
			t.Errorf("%s: %v", name, err)
		}
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		isOnly(t, f(short), live.ErrTimeout, "")
	}
}

// TestNames: an invalid name is refused without a connection.
func TestNames(t *testing.T) {
	c := newClient(t, kubeconfig("https://127.0.0.1:1", nil), func(context.Context, string, string) (net.Conn, error) {
		t.Error("a connection was made")
		return nil, errors.New("no")
	})
	for _, name := range []string{"", "..", "a/b", "a%2fb"} {
		for _, n := range [][2]string{{name, "n"}, {"s", name}} {
			if _, err := c.Lease(t.Context(), n[0], n[1]); err == nil || !strings.Contains(err.Error(), "can't be a name") {
				t.Errorf("%q: %v", n, err)
			}
		}
	}
}
