package vet

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/spec"
)

var capacityCases = map[string]testCase{
	"room for its services":           {func(c *spec.Cluster) { services(c, "10.32.0.0/24", 254) }, nil},
	"one service too many":            {func(c *spec.Cluster) { services(c, "10.32.0.0/24", 255) }, []string{"service-capacity"}},
	"one service too many, IPv6":      {func(c *spec.Cluster) { services(c, "fd00::/120", 256); c.Networks.Pods = cidrs("fd01::/56") }, []string{"service-capacity"}},
	"room for its services, IPv6":     {func(c *spec.Cluster) { services(c, "fd00::/120", 255); c.Networks.Pods = cidrs("fd01::/56") }, nil},
	"100 MiB for 137 nodes":           {func(c *spec.Cluster) { pods(c); memory(c, "100Mi"); c.Networks.MaxNodes = 137 }, []string{"memory-limit"}},
	"100M for a dozen nodes":          {func(c *spec.Cluster) { pods(c); memory(c, "100M"); c.Networks.MaxNodes = 12 }, []string{"memory-limit"}},
	"100 MiB for eleven nodes":        {func(c *spec.Cluster) { pods(c); memory(c, "100Mi"); c.Networks.MaxNodes = 11 }, nil},
	"256 MiB for 137 nodes":           {func(c *spec.Cluster) { pods(c); memory(c, "256Mi"); c.Networks.MaxNodes = 137 }, nil},
	"a unit's 100 MiB":                {func(c *spec.Cluster) { service(c, "MemoryMax", "100M"); c.Networks.MaxNodes = 137 }, []string{"memory-limit"}},
	"a unit's share":                  {func(c *spec.Cluster) { service(c, "MemoryMax", "10%"); c.Networks.MaxNodes = 137 }, nil},
	"signs for longer than its CA":    {func(c *spec.Cluster) { set(c, "cluster-signing-duration", "8760h"); shortCA(c) }, []string{"signing-beyond-ca"}},
	"signs for as long as its CA":     {func(c *spec.Cluster) { set(c, "cluster-signing-duration", "4000h"); shortCA(c) }, nil},
	"another CA signs":                {func(c *spec.Cluster) { set(c, "cluster-signing-duration", "8760h"); shortCA(c); otherSigner(c) }, []string{"file-not-placed"}},
	"away for longer than a deadline": {func(c *spec.Cluster) { c.APIServer.Failover = 9 * time.Second }, []string{"lease-and-failover"}},
	"away for less than a deadline":   {func(c *spec.Cluster) { c.APIServer.Failover = 8 * time.Second }, nil},
	"away, and patient": {func(c *spec.Cluster) {
		c.APIServer.Failover = 30 * time.Second
		set(c, "leader-elect-renew-deadline", "60s")
		set(c, "leader-elect-lease-duration", "90s")
	}, nil},
}

func services(c *spec.Cluster, cidr string, n int) {
	c.Networks.Services, c.Networks.MaxServices = cidrs(cidr), n
	c.APIServer.Flags[serviceRange] = spec.Setting{Value: cidr}
}

func memory(c *spec.Cluster, limit string) { c.Pod.Limits = map[string]string{"memory": limit} }

func shortCA(c *spec.Cluster) {
	c.PKI.CA.Expiry = 4000 * time.Hour
	for name, p := range c.PKI.Profiles {
		p.Expiry = 1000 * time.Hour
		c.PKI.Profiles[name] = p
	}
}

func otherSigner(c *spec.Cluster) {
	set(c, "cluster-signing-cert-file", "/k/other.crt")
	set(c, "cluster-signing-key-file", "/k/other.key")
}

// TestSigningBeyondCA: the lifetime of a CA that exists counts, not what is left of it.
func TestSigningBeyondCA(t *testing.T) {
	for name, tc := range map[string]struct {
		life time.Duration
		want []string
	}{
		"short":            {4000 * time.Hour, []string{"signing-beyond-ca"}},
		"long, soon ended": {87600 * time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			set(c, "cluster-signing-duration", "8760h")
			end := today.Add(3000 * time.Hour)
			f := Facts{Now: today, MadeCA: Made{Cert: &x509.Certificate{IsCA: true, NotBefore: end.Add(-tc.life), NotAfter: end}}}
			var got []string
			for _, x := range Check(c, f) {
				if x.Rule == "signing-beyond-ca" {
					got = append(got, x.Rule)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSystemdBytes(t *testing.T) {
	for in, want := range map[string]float64{"104857600": 100 << 20, "100M": 100 << 20, "1G": 1 << 30, "2K": 2048, "7B": 7, "10%": -1, "infinity": -1, "": -1, "1MG": -1, "x": -1} {
		got, ok := systemdBytes(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %v bytes, want %v", in, got, want)
		}
	}
}
