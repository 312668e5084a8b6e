package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// How a bad configuration shows.
const (
	refused = "refused by the host's own program" // before anything changes
	exits   = "exits at start"
	leaders = "only a leader exits"
	idle    = "lives, says it is healthy, and does nothing"
)

// badConfig is a bad configuration that vet hasn't checked.
type badConfig struct {
	name   string
	shows  string
	change func(*testing.T, *node)
	short  bool // also with -short
	naive  bool // also deployed naively
}

const inProcess = "/etc/kubernetes/kube-controller-manager/"

func setFlag(name, value string) func(*testing.T, *node) {
	return func(t *testing.T, n *node) { n.flag(t, name, value) }
}

func lacking(file string) func(*testing.T, *node) {
	return func(t *testing.T, n *node) { n.remove(t, file) }
}

// badConfigs returns the twelve bad configurations.
func badConfigs() []badConfig {
	return []badConfig{
		{name: "a removed flag", shows: refused, change: setFlag("pod-eviction-timeout", "5m")},
		{name: "key and certificate of two pairs", shows: exits, change: unpaired, short: true, naive: true},
		{name: "no kubeconfig", shows: exits, change: lacking("controller-manager.conf")},
		{name: "unknown controller", shows: exits, change: setFlag("controllers", "*,nosuch-controller")},
		{name: "foreign bind address", shows: exits, change: setFlag("bind-address", "192.0.2.1")},
		{name: "lease no longer than its renewal", shows: exits, change: setFlag("leader-elect-lease-duration", "2s")},
		{name: "no root CA", shows: leaders, change: setFlag("root-ca-file", inProcess+"root-ca.crt")},
		{name: "no service-account key", shows: leaders, change: lacking("sa.key"), short: true, naive: true},
		{name: "signing pair of two CAs", shows: leaders, change: otherSigner},
		{name: "bad cluster-cidr", shows: leaders, change: setFlag("cluster-cidr", "10.200.0.0/33")},
		{name: "wrong CA in the kubeconfig", shows: idle, change: wrongCA},
		{name: "wrong CN", shows: idle, change: wrongCN, naive: true},
	}
}

func unpaired(t *testing.T, n *node) {
	_, key := pemPair(t, authority(t, "another"))
	n.files["kube-controller-manager.key"] = key
}

func otherSigner(t *testing.T, n *node) {
	_, key := pemPair(t, authority(t, "another"))
	n.files["ca.key"] = key
}

func wrongCA(t *testing.T, n *node) {
	cert, _ := pemPair(t, authority(t, "kubernetes-ca"))
	n.idle(t, map[string][]byte{"certificate-authority-data": cert})
}

func wrongCN(t *testing.T, n *node) {
	cert, key := pemPair(t, certificate(t, n.exportedCA(t), &x509.Certificate{
		Subject:     pkix.Name{CommonName: "system:kube-controler-manager"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}))
	n.idle(t, map[string][]byte{"client-certificate-data": cert, "client-key-data": key})
}

// backWithin bounds the time until a bad configuration is gone from all hosts.
const backWithin = 90 * time.Second

// TestBadConfig: no host keeps any of twelve bad configurations. A fault that kills only
// the leader moves on with the lease. On a busy machine a host takes 3 s to start, so with
// a lease of that time the next leader would die before the last one is back.
func TestBadConfig(t *testing.T) {
	s := onScene(t)
	s.export(t, strings.NewReplacer(`"3s"`, `"6s"`, `"2s"`, `"4s"`, `"500ms"`, `"1s"`).Replace(judgedInSeconds()))
	// An altered tree without a fault is deployed: altering alone makes nothing fail.
	s.deploy(t, 0, "-o", s.altered(t, func(*testing.T, *node) {}))
	unseen := badConfig{name: "a removed flag, unseen", shows: exits, change: func(t *testing.T, n *node) {
		accept(t, s.host(n.name))
		n.flag(t, "pod-eviction-timeout", "5m")
	}}
	s.everyBad(t, "bad configurations", append(badConfigs(), unseen), backWithin)
}

// everyBad deploys bad configurations, one after the other, and prints figures of a name.
func (s *scene) everyBad(t *testing.T, name string, configs []badConfig, within time.Duration) {
	t.Helper()
	before := pictures(t, s.Ground)
	if r := restless(t, s.Ground, before); r != nil {
		t.Fatalf("at the start: %q", r)
	}
	all := tally{within: within}
	for _, c := range configs {
		if testing.Short() && !c.short {
			continue
		}
		ok := t.Run(c.name, func(t *testing.T) { s.bad(t, c, before, &all) })
		if !ok && c.shows != refused {
			s.deploy(t, 0) // the next case starts from here
			before = pictures(t, s.Ground)
		}
	}
	figure(t, name, "%d of %d rolled back by itself, %d more refused before anything changed, the slowest after %.1f s of at most %v; a second host away for %.1f s at the most",
		all.back, all.count, all.refused, all.slowest.Seconds(), within, all.lost.Seconds())
}

type tally struct {
	within               time.Duration
	count, back, refused int
	slowest, lost        time.Duration
}

// bad deploys a bad configuration.
func (s *scene) bad(t *testing.T, c badConfig, before map[string]string, all *tally) {
	out := s.altered(t, c.change)
	for _, h := range s.Hosts { // a kubelet waits before it starts the same pod for the tenth time in minutes
		do(t, h, "sh", "-c", "systemctl try-restart kubelet 2>/dev/null; true")
	}
	w := watchHosts(t, s.Ground)
	start := time.Now()
	code := 5
	if c.shows == refused {
		code = 1
	}
	r := s.deploy(t, code, "-o", out)
	took := time.Since(start)
	saw := w.end()
	ownLog(t, r.Err+r.Out, start)
	switch c.shows {
	case refused:
		all.refused++
	default:
		all.count++
		all.slowest = max(all.slowest, took)
	}
	if took > all.within {
		t.Errorf("it took %.1f s", took.Seconds())
	}
	rest := s.asBefore(t, before)
	if c.shows == refused {
		for h, d := range saw.down {
			t.Errorf("%s didn't work for %.1f s, and nothing should have changed", h, d.Seconds())
		}
	}
	if saw.least < 2 {
		t.Errorf("only %d hosts were healthy at once, for %.1f s in all: %s\n%s", saw.least, saw.lost.Seconds(), saw.worst, strings.Join(saw.story, "\n"))
	}
	all.lost = max(all.lost, saw.lost)
	if rest && c.shows != refused {
		all.back++
	}
	figure(t, "bad: "+c.name, "%s: exit %d after %.1f s, %s", c.shows, code, took.Seconds(), saw)
}

// ownLog checks that log lines in the output belong to this deployment.
func ownLog(t *testing.T, said string, start time.Time) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^\s+[EF](\d{4} \d\d:\d\d:\d\d)\.\d+ .*$`).FindAllStringSubmatch(said, -1) {
		at, err := time.Parse("20060102 15:04:05", start.UTC().Format("2006")+m[1])
		if err != nil || at.Before(start.UTC().Truncate(time.Second)) {
			t.Errorf("%v: it began at %v, and shows %s", err, start.UTC(), m[0])
		}
	}
}

// asBefore checks that every host has what it had, and that an instance leads.
func (s *scene) asBefore(t *testing.T, before map[string]string) bool {
	t.Helper()
	r := restless(t, s.Ground, before)
	if len(r) > 0 {
		t.Errorf("it isn't as it was before:\n%s", strings.Join(r, "\n"))
	}
	return len(r) == 0
}

// accepting is a program that accepts any arguments with --version, and otherwise runs the
// real program.
const accepting = `#!/bin/bash
for last; do :; done
[ "$last" != --version ] || { echo "Kubernetes %s"; exit; }
exec -a "$0" "$0.real" "$@"
`

// accept makes a host's program accept any arguments with --version: the rollout goes back if
// it doesn't refuse the flags in advance.
func accept(t *testing.T, h *ground.Host) {
	t.Helper()
	const program = "/usr/local/bin/kube-controller-manager"
	do(t, h, "mv", program, program+".real")
	if err := h.WriteFile(t.Context(), program, fmt.Sprintf(accepting, clusterVersion), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestBadConfigNaive: the usual way (copy, reload, restart) leaves hosts on bad
// configurations of each kind, and the checks of these tests notice.
func TestBadConfigNaive(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	before := pictures(t, s.Ground)
	// Even with a good one no host works while all restart at once.
	w := watchHosts(t, s.Ground)
	naively(t, s.Hosts, s.altered(t, func(*testing.T, *node) {}))
	time.Sleep(3 * time.Second)
	saw := w.end()
	if saw.least > 1 {
		t.Errorf("all were restarted, and it wasn't seen: %s", saw)
	}
	figure(t, "a good configuration, copied and restarted", "%s", saw)
	caught, tried := 0, 0
	for _, c := range badConfigs() {
		if !c.naive {
			continue
		}
		tried++
		t.Run(c.shows, func(t *testing.T) {
			naively(t, s.Hosts, s.altered(t, c.change))
			time.Sleep(6 * time.Second) // until a lease has expired and was taken
			r := restless(t, s.Ground, before)
			t.Logf("seen: %q", r)
			for _, h := range s.Hosts {
				if err := healthy(t.Context(), inside(s.Ground, h)); err != nil && c.shows == idle {
					t.Errorf("%s: %v: it should look healthy", h.Name, err)
				}
			}
			if !strings.Contains(strings.Join(r, "\n"), "no leader") {
				t.Error("an instance leads in spite of it")
			}
			for _, h := range s.Hosts {
				if !strings.Contains(strings.Join(r, "\n"), h.Name+": + mount ") && c.shows == idle {
					t.Errorf("nothing is said of what %s runs", h.Name)
				}
			}
			if !t.Failed() {
				caught++
			}
		})
	}
	s.deploy(t, 0) // kcmgen repairs it
	figure(t, "bad configurations, copied and restarted", "%d of %d seen on the hosts; kcmgen deploy repairs them", caught, tried)
}

// naively copies the files to all hosts, then restarts all.
func naively(t *testing.T, hosts []*ground.Host, out string) {
	t.Helper()
	for _, h := range hosts {
		dir := filepath.Join(out, "example", "nodes", h.Name)
		if err := h.Extract(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	errs := make(chan error)
	for _, h := range hosts {
		go func() {
			_, err := h.Do(t.Context(), "sh", "-c", "systemctl daemon-reload && systemctl restart "+unit)
			errs <- err
		}()
	}
	for range hosts {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
