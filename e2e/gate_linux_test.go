package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"regexp"
	"strings"
	"testing"
)

// TestGate is promise 27: a kube-controller-manager that reports to be healthy, but isn't the
// deployed one or can't work, doesn't pass. Wrong CAs and names, and a process that ends
// again and again, are among the bad configurations.
func TestGate(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	before := pictures(t, s.Ground)
	for _, c := range []struct {
		name, says string
		change     func(*testing.T, *node)
		here       func(*testing.T) // on the hosts, before
	}{
		{name: "an apiserver that isn't there", says: "with its own kubeconfig: ", change: elsewhere},
		{name: "an apiserver that answers 401", says: "Unauthorized", change: unknownToIt},
		{name: "an old process", says: "it runs with other arguments: ", change: setFlag("concurrent-gc-syncs", "21"), here: s.pinned},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.here != nil {
				c.here(t)
				before = pictures(t, s.Ground)
			}
			r := s.deploy(t, 5, "-o", s.altered(t, c.change))
			if !regexp.MustCompile(`rolled back: cp-\d: .*` + regexp.QuoteMeta(c.says)).MatchString(r.Err) {
				t.Errorf("expected %q in\n%s", c.says, r.Err)
			}
			s.asBefore(t, before)
		})
	}
	figure(t, "healthy by its own word, and not so", "an apiserver that isn't there, 401, an old process: rolled back")
}

// elsewhere names an apiserver's address where nothing listens.
func elsewhere(t *testing.T, n *node) {
	n.idle(t, nil)
	const name = "work.conf"
	server := regexp.MustCompile(`(?m)^(\s+server): .*$`)
	if !server.Match(n.files[name]) {
		t.Fatal("no server in the kubeconfig")
	}
	n.files[name] = server.ReplaceAll(n.files[name], []byte("${1}: https://10.77.0.10:1"))
}

// unknownToIt uses a certificate of a CA that the apiserver doesn't know.
func unknownToIt(t *testing.T, n *node) {
	cert, key := pemPair(t, certificate(t, authority(t, "kubernetes-ca"), &x509.Certificate{
		Subject:     pkix.Name{CommonName: "system:kube-controller-manager"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}))
	n.idle(t, map[string][]byte{"client-certificate-data": cert, "client-key-data": key})
}

// pinned makes every host start what it runs now, whatever its unit says.
func (s *scene) pinned(t *testing.T) {
	t.Helper()
	for _, h := range s.Hosts {
		text := do(t, h, "cat", unitFile)
		_, after, _ := strings.Cut(text, "\nExecStart=")
		var command strings.Builder
		for line := range strings.Lines(after) {
			command.WriteString(line)
			if !strings.HasSuffix(line, "\\\n") {
				break
			}
		}
		dir := unitFile + ".d"
		do(t, h, "mkdir", "-p", dir)
		if err := h.WriteFile(t.Context(), dir+"/pinned.conf", "[Service]\nExecStart=\nExecStart="+command.String(), 0o644); err != nil {
			t.Fatal(err)
		}
		do(t, h, "systemctl", "daemon-reload")
	}
}
