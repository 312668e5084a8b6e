package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// scraper continuously asks a host's kube-controller-manager for its metrics, with a
// certificate of an unknown CA.
func scraper(t *testing.T, g *ground.Ground, h *ground.Host) {
	t.Helper()
	cert, key := pemPair(t, authority(t, "an old CA"))
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, address string) (net.Conn, error) { return g.Dial(ctx, h.Name, address) }
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		InsecureSkipVerify:   true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	}}}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for tick := time.NewTicker(300 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+healthAddress+"/metrics", nil)
			if err != nil {
				t.Error(err)
				return
			}
			if a, err := client.Do(r); err == nil {
				_ = a.Body.Close()
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-gone
	})
}

// logged returns an error unless an invocation of the unit logged a text.
func logged(t *testing.T, h *ground.Host, invocation, text string) error {
	t.Helper()
	out := do(t, h, "journalctl", "-q", "--no-pager", "-o", "cat", "_SYSTEMD_INVOCATION_ID="+invocation)
	if !strings.Contains(out, text) {
		return fmt.Errorf("%s: no %q in its log", h.Name, text)
	}
	return nil
}

func invocation(t *testing.T, h *ground.Host) string {
	t.Helper()
	return strings.TrimSpace(do(t, h, "systemctl", "show", unit, "-p", "InvocationID", "--value"))
}

// TestGateLog: log lines about other clients, and of the previous process, fail no
// deployment. The log of the soak's time is read, which here is longer than the gate, so
// that no line is missed.
func TestGateLog(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	h := s.Hosts[0]
	s.deploy(t, 0, "--limit", s.Hosts[1].Name) // leads
	s.deploy(t, 0, "--limit", h.Name)
	s.export(t, strings.NewReplacer(`gate: "20s"`, `gate: "6s"`, `soak: "1s"`, `soak: "9s"`).Replace(exampleOn)+
		soonAgain+"cluster: flags: \"concurrent-gc-syncs\": 21\n")
	scraper(t, s.Ground, h)
	old := invocation(t, h)
	apiserver := "10.77.0.10"
	do(t, h, "ip", "route", "add", "blackhole", apiserver)
	eventually(t, func() error { return logged(t, h, old, "rror retrieving lease lock") })
	b := s.begin(t, s.args("deploy", "--limit", h.Name)...)
	b.until(t, h.Name+": restart:")
	do(t, h, "ip", "route", "del", "blackhole", apiserver)
	code := b.end(t, time.Minute)
	now := invocation(t, h)
	if code != 0 || now == old {
		t.Errorf("exit %d: its log has what fails no host\n%s", code, do(t, h, "journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, "-n", "40"))
	}
	// The lines to ignore were really there.
	if err := errors.Join(
		logged(t, h, old, "rror retrieving lease lock"),
		logged(t, h, now, "x509: certificate signed by unknown authority"),
	); err != nil {
		t.Error(err)
	}
	figure(t, "a log with others' trouble in it", "no deployment fails")
}
