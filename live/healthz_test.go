package live_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kcmgen/kcmgen/live"
)

func TestHealthz(t *testing.T) {
	var asked atomic.Int32
	handler := func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch {
		case r.URL.Path != "/healthz" || r.Header.Get("Authorization") != "":
			http.NotFound(w, r)
		default:
			_, _ = w.Write([]byte("ok"))
		}
	}
	s := serve(t, handler)
	own, _ := pair(t, "kube-controller-manager")
	addr := s.Listener.Addr()
	if err := live.Healthz(t.Context(), addr.String(), append(certOf(s), own...), nil); err != nil {
		t.Error(err)
	}
	if err := live.Healthz(t.Context(), "kcm.invalid:10257", certOf(s), via(addr)); err != nil {
		t.Error(err)
	}
	if asked.Load() != 2 {
		t.Errorf("it was asked %d times", asked.Load())
	}
	// Only the file's first certificate counts.
	err := live.Healthz(t.Context(), addr.String(), append(own, certOf(s)...), nil)
	isOnly(t, err, live.ErrUntrusted, "not the one that was installed")
	if asked.Load() != 2 {
		t.Error("another certificate's holder was asked")
	}
	if err := live.Healthz(t.Context(), addr.String(), nil, nil); err != nil || asked.Load() != 3 {
		t.Errorf("without a certificate to expect: %v", err)
	}
	for _, none := range []string{"x", strings.ReplaceAll(string(own), "CERTIFICATE", "PUBLIC KEY")} {
		if err := live.Healthz(t.Context(), addr.String(), []byte(none), nil); err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
			t.Errorf("%.20q: %v", none, err)
		}
	}
}

// TestUnhealthy: the error has the status and the failed checks, cut short.
func TestUnhealthy(t *testing.T) {
	for _, c := range []struct {
		code int
		body string
		want string
	}{
		{500, "[+]ping ok\n[-]leaderElection failed: reason withheld\n[-]x\x1b[31m failed\nhealthz check failed\n", ` answers 500 Internal Server Error to /healthz: "leaderElection failed: reason withheld", "x\x1b[31m failed"`},
		{403, `{"kind":"Status"}`, ` answers 403 Forbidden to /healthz`},
		{302, "", ` answers 302 Found to /healthz`},
		{204, "", ` answers 204 No Content to /healthz`},
		{500, strings.Repeat("[-]"+strings.Repeat("x", 1000)+"\n", 1000), " answers 500 Internal Server Error to /healthz" + ": " + strings.Repeat(`"`+strings.Repeat("x", 200)+`", `, 19) + `"` + strings.Repeat("x", 200) + `"`},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/livez")
			w.WriteHeader(c.code)
			_, _ = w.Write([]byte(c.body))
		})
		addr := s.Listener.Addr().String()
		err := live.Healthz(t.Context(), addr, certOf(s), nil)
		var unhealthy *live.UnhealthyError
		if !errors.As(err, &unhealthy) || err.Error() != addr+c.want {
			t.Errorf("%v\nwant %s%s", err, addr, c.want)
		}
	}
}

// TestUnheard: an incomplete or oversized answer isn't an UnhealthyError.
func TestUnheard(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	addr := s.Listener.Addr().String()
	isOnly(t, live.Healthz(t.Context(), addr, certOf(s), nil), live.ErrUnreachable, "EOF")
	s.Close()
	isOnly(t, live.Healthz(t.Context(), addr, certOf(s), nil), live.ErrUnreachable, "connection refused")
	long := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 5<<20)) })
	isOnly(t, live.Healthz(t.Context(), long.Listener.Addr().String(), certOf(long), nil), live.ErrAnswer, "longer than")
}
