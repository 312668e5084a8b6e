package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// throughAPI makes the operator connect to the apiserver through a proxy on the operator's
// machine.
func (s *scene) throughAPI(t *testing.T) *proxy {
	t.Helper()
	old, err := os.ReadFile(s.o.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	const server, here = `"https://10.77.0.10:6443"`, `"https://127.0.0.1:6443", "tls-server-name": "10.77.0.10"`
	text := strings.Replace(string(old), server, here, 1)
	if text == string(old) {
		t.Fatalf("no %s in the kubeconfig", server)
	}
	if err := os.WriteFile(s.o.Kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return newProxy(t, s.Ground, 6443, "10.77.0.10:6443")
}

// away cuts the operator off from the apiserver while a run tries its first host. It returns
// once the run fails to read the lease, between that host and the next.
func (b *begun) away(t *testing.T, api *proxy, first string) {
	t.Helper()
	b.until(t, first+": healthy:")
	api.shut()
	b.until(t, first+": done:")
	before := api.refusals()
	eventually(t, func() error {
		if api.refusals() < before+2 {
			return fmt.Errorf("no request for the lease")
		}
		return nil
	})
}

// connected returns an error unless the operator has a connection to a host's sshd.
func (s *scene) connected(t *testing.T, h *ground.Host) error {
	t.Helper()
	r, err := s.o.Run(t.Context(), "ss", "-tnH", "state", "established", "dst", h.Address.String())
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("ss: exit %d: %s", r.Code, r.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(r.Out) == "" {
		return fmt.Errorf("no connection to %s", h.Name)
	}
	return nil
}

// TestReconnect: a connection that breaks in a trial, and an apiserver that is away for a
// moment, are no reason to go back.
func TestReconnect(t *testing.T) {
	if sampled(t) {
		return
	}
	s, _ := standing(t)
	h := s.Hosts[0]
	ends := func(t *testing.T, b *begun) {
		t.Helper()
		if code := b.end(t, time.Minute); code != 0 || strings.Contains(b.text.String(), ": back:") {
			t.Errorf("exit %d", code)
		}
	}
	p := (&site{h: h, o: s.o}).throughProxy(t, s.Ground)
	t.Run("a connection that is reset", func(t *testing.T) {
		b := s.begin(t, s.args("deploy", "--limit", h.Name)...)
		b.until(t, h.Name+": healthy:")
		p.reset(0, "", false)
		ends(t, b)
	})
	api := s.throughAPI(t)
	t.Run("an apiserver that is away", func(t *testing.T) {
		s.flag(t, "concurrent-gc-syncs", 22)
		first := s.plan(t, "deploy").Steps[0].Node
		b := s.begin(t, s.args("deploy")...)
		b.away(t, api, first)
		api.reset(0, "", false)
		ends(t, b)
		s.newEverywhere(t)
	})
	t.Run("a line that is cut", func(t *testing.T) { // last, since the old session keeps the lock for a while
		h := s.Hosts[1]
		s.flag(t, "concurrent-gc-syncs", 23)
		b := s.begin(t, s.args("deploy", "--limit", h.Name)...)
		b.until(t, h.Name+": healthy:")
		if err := s.connected(t, h); err != nil {
			t.Fatal(err)
		}
		h.Cut()
		start := time.Now()
		eventually(t, func() error { // until kcmgen gives up the connection
			if s.connected(t, h) == nil {
				return fmt.Errorf("the connection is still kept")
			}
			return nil
		})
		gone := time.Since(start)
		h.Heal()
		ends(t, b)
		figure(t, "a line cut in a trial, and whole again", "given up after %.1f s, confirmed %.1f s after the cut", gone.Seconds(), time.Since(start).Seconds())
	})
	figure(t, "connections that break in a trial", "the run goes on over new ones")
}

// TestConfirmLost: if the answer to a confirm is lost, kcmgen finds out what the host has, if
// it can be reached, and ends accordingly.
func TestConfirmLost(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	h := s.Hosts[0]
	p := (&site{h: h, o: s.o}).throughProxy(t, s.Ground)
	s.deploy(t, 0, "--limit", h.Name)
	for i, c := range []struct {
		lost   string
		refuse int // connections, after the answer was lost
		code   int
		says   string
	}{
		{"once", 0, 0, h.Name + ": confirm: again"},
		{"and the host can't be reached for a while", 2, 5, "the confirmation got no answer"},
		{"and the host can't be reached any more", -1, 6, "couldn't be brought back"},
	} {
		t.Run(c.lost, func(t *testing.T) {
			before := pictureOf(t, s.Ground, h)
			s.flag(t, "concurrent-gc-syncs", 21+i)
			b := s.begin(t, s.args("deploy", "--limit", h.Name)...)
			b.until(t, h.Name+": healthy:")
			if !onTrial(t, h) {
				t.Fatal("no trial")
			}
			p.mute(func() bool {
				r, err := h.Run(t.Context(), "test", "-e", "/"+homeOnHost+"/trial")
				return err == nil && r.Code == 1 // confirmed, and not answered yet
			}, c.refuse)
			if code := b.end(t, 2*time.Minute); code != c.code || !strings.Contains(b.text.String(), c.says) {
				t.Errorf("exit %d, expected %d, and %q", code, c.code, c.says)
			}
			p.reset(0, "", false)
			after := pictureOf(t, s.Ground, h)
			if d := differences(before, after); c.code == 5 && len(d) > 0 {
				t.Errorf("it isn't as it was before: %q", d)
			}
			if got, want := runs(after), s.exported(t, h.Name); c.code != 5 && (got != want || onTrial(t, h)) {
				t.Errorf("it runs %s, not %s, or is on trial", got, want)
			}
			if r := s.deploy(t, 0, "--limit", h.Name); strings.Contains(r.Out, "nothing to do") == (c.code == 5) {
				t.Errorf("the same again: %s", r.Out)
			}
		})
	}
	figure(t, "a confirm whose answer is lost", "exit 0, 5 and 6, as the host has it")
}
