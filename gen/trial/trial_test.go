package trial_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/keystest"
)

const year = 8760 * time.Hour

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// cluster returns a cluster whose CA is in dir.
func cluster(dir string) *spec.Cluster {
	ecdsa := spec.Key{Algo: "ecdsa", Size: 256}
	leaf := func(profile string) spec.Leaf {
		return spec.Leaf{Subject: spec.Subject{CN: "system:kube-controller-manager"}, Key: ecdsa, Profile: profile, SANs: spec.SANs{Nodes: "own", Names: true, Extra: []string{"localhost", "127.0.0.1"}}}
	}
	c := &spec.Cluster{
		Name: "test", Version: spec.Version{Minor: 37, Patch: 1}, Layout: spec.Systemd, Profile: "standard", Hardened: true, Generations: true, Dir: dir,
		APIServer: spec.APIServer{Endpoint: "node", Port: 6443},
		Flags:     spec.Settings{},
		PKI: spec.PKI{
			CA:             spec.Authority{CertFile: "ca.crt", KeyFile: "ca.key", Key: ecdsa, Expiry: 10 * year},
			ServiceAccount: spec.ServiceAccount{Key: ecdsa},
			Separate:       true, Client: leaf("client"), Serving: leaf("serving"), Combined: leaf("combined"),
			Profiles: map[string]spec.SigningProfile{
				"client":   {Usages: []string{"digital signature", "client auth"}, Expiry: year},
				"serving":  {Usages: []string{"digital signature", "server auth"}, Expiry: year},
				"combined": {Usages: []string{"digital signature", "key encipherment", "server auth", "client auth"}, Expiry: year},
			},
		},
		Kubeconfig: spec.Kubeconfig{Cluster: "c", User: "u", Context: "x"},
		Paths: spec.Paths{
			Dir: "/k", CA: "/k/ca.crt", CAKey: "/k/ca.key", TLSCert: "/k/kube-controller-manager.crt", TLSKey: "/k/kube-controller-manager.key",
			Kubeconfig: "/k/controller-manager.conf", ServiceAccountKey: "/k/sa.key", FrontProxyCA: "/k/front-proxy-ca.crt",
			Binary: "/bin/kcm", Programs: "/lib/programs", Unit: "/etc/kcm.service", Manifest: "/etc/m/kcm.yaml", Generations: "/etc/g",
		},
		Unit:   spec.Unit{Hardened: true},
		Source: finding.Source{},
	}
	c.PKI.Client.SANs = spec.SANs{Nodes: "none"}
	for i, name := range []string{"cp-1", "cp-2"} {
		c.Nodes = append(c.Nodes, spec.Node{
			Name: name, Hostname: name, Arch: "amd64", Flags: spec.Settings{}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(11 + i)})},
		})
	}
	return c
}

// given returns a cluster with a CA.
func given(t *testing.T, ca *keystest.Made) *spec.Cluster {
	t.Helper()
	c := cluster(t.TempDir())
	for name, data := range map[string][]byte{"ca.crt": ca.Cert, "ca.key": ca.Key} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func made(t *testing.T, ca keystest.CA) *keystest.Made {
	t.Helper()
	m, err := ca.Make()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// errs returns the rules with errors, which prevent an export.
func errs(v *gen.Vetted) []string {
	var out []string
	for _, f := range v.Findings {
		if f.Severity == finding.Error && f.Waived == "" {
			out = append(out, f.Rule+": "+f.Message)
		}
	}
	return out
}

// TestCausesAreNamed: each kind of CA that doesn't work is refused, with the cause;
// similar ones that work aren't.
func TestCausesAreNamed(t *testing.T) {
	client, server := x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth
	for name, tc := range map[string]struct {
		ca   keystest.CA
		want []string // a part of each finding
	}{
		"a usual one":           {keystest.CA{}, nil},
		"for servers":           {keystest.CA{Usages: []x509.ExtKeyUsage{server}}, []string{"isn't for a client's certificates, by its extended key usage: the client certificate is refused"}},
		"for clients":           {keystest.CA{Usages: []x509.ExtKeyUsage{client}}, []string{"the serving certificate is refused", "the apiserver's certificate is refused"}},
		"for both":              {keystest.CA{Usages: []x509.ExtKeyUsage{client, server}}, nil},
		"for any":               {keystest.CA{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}, nil},
		"for mail":              {keystest.CA{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}, []string{"the client certificate", "the serving", "the apiserver's"}},
		"not of our addresses":  {keystest.CA{Excluded: keystest.Names{IP: []string{"10.0.0.0/24"}}}, []string{`the serving certificate of cp-1 names: IP address "10.0.0.11"`, "the apiserver's certificate of cp-1"}},
		"not of one of them":    {keystest.CA{Excluded: keystest.Names{IP: []string{"10.0.0.12/32"}}}, []string{`the serving certificate of cp-2 names: IP address "10.0.0.12"`, "the apiserver's certificate of cp-2"}},
		"not of our names":      {keystest.CA{Excluded: keystest.Names{DNS: []string{"localhost"}}}, []string{`the serving certificate of cp-1 names: DNS name "localhost"`}},
		"of another domain":     {keystest.CA{Permitted: keystest.Names{DNS: []string{"example.com"}}, Critical: true}, []string{`the serving certificate of cp-1 names: DNS name "cp-1"`}},
		"of all addresses":      {keystest.CA{Permitted: keystest.Names{IP: []string{"0.0.0.0/0", "::/0"}}}, nil},
		"of our names":          {keystest.CA{Permitted: keystest.Names{DNS: []string{"cp-1", "cp-2", "localhost"}, IP: []string{"10.0.0.0/8", "127.0.0.0/8"}}}, nil},
		"with an odd one":       {keystest.CA{Extensions: []pkix.Extension{keystest.OddConstraint(true)}}, []string{"name constraints of an unusual kind, 2.5.29.30"}},
		"with an odd, lax one":  {keystest.CA{Extensions: []pkix.Extension{keystest.OddConstraint(false)}}, nil},
		"of tomorrow":           {keystest.CA{Begin: start.Add(time.Hour)}, []string{"begins only at 2026-01-02T04:04:05Z"}},
		"of this minute":        {keystest.CA{Begin: start.Add(-time.Second)}, nil},
		"of yesterday":          {keystest.CA{End: start.Add(-time.Hour)}, []string{"ended at"}},
		"with a thing of its":   {keystest.CA{Extensions: []pkix.Extension{keystest.Unknown(true)}}, []string{"a critical extension that Kubernetes doesn't know (1.3.6.1.4.1.99999.1)"}},
		"with a note":           {keystest.CA{Extensions: []pkix.Extension{keystest.Unknown(false)}}, nil},
		"RSA":                   {keystest.CA{Key: "rsa2048"}, nil},
		"RSA of old":            {keystest.CA{Key: "rsa1024"}, []string{"RSA of 1024 bits"}},
		"P-384":                 {keystest.CA{Key: "p384"}, nil},
		"P-521":                 {keystest.CA{Key: "p521"}, nil},
		"P-224":                 {keystest.CA{Key: "p224"}, []string{"ECDSA on the curve P-224"}},
		"an intermediate":       {keystest.CA{Issued: true}, []string{`is an intermediate, issued by "CN=the-root"`}},
		"a bound that is loose": {keystest.CA{PathLen: -1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := tc.ca
			if ca.Begin.IsZero() {
				ca.Begin = start.Add(-year)
			}
			if ca.End.IsZero() {
				ca.End = start.Add(5 * year)
			}
			got := errs(gen.Vet(given(t, made(t, ca)), "", start))
			if len(got) != len(tc.want) {
				t.Fatalf("findings:\n%s\nwant %d", strings.Join(got, "\n"), len(tc.want))
			}
			for _, w := range tc.want {
				if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, w) }) {
					t.Errorf("no finding says %q:\n%s", w, strings.Join(got, "\n"))
				}
			}
		})
	}
}

// TestFrontProxy: kube-controller-manager trusts it for clients only.
func TestFrontProxy(t *testing.T) {
	for name, tc := range map[string]struct {
		ca   keystest.CA
		want string
	}{
		"a usual one":      {keystest.CA{}, ""},
		"for clients":      {keystest.CA{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ""},
		"ed25519":          {keystest.CA{Key: "ed25519"}, ""},
		"without our name": {keystest.CA{Excluded: keystest.Names{IP: []string{"10.0.0.0/8"}}}, ""},
		"for code":         {keystest.CA{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}, "isn't for a client's certificates"},
		"for servers":      {keystest.CA{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, "isn't for a client's certificates"},
		"of tomorrow":      {keystest.CA{Begin: start.Add(time.Hour)}, "begins only at"},
		"RSA of old":       {keystest.CA{Key: "rsa1024"}, "RSA of 1024 bits"},
		"P-224":            {keystest.CA{Key: "p224"}, "P-224"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := tc.ca
			if ca.Begin.IsZero() {
				ca.Begin = start.Add(-year)
			}
			ca.End = start.Add(5 * year)
			c := given(t, made(t, keystest.CA{Begin: start.Add(-year), End: start.Add(5 * year)}))
			if err := os.WriteFile(filepath.Join(c.Dir, "front.crt"), made(t, ca).Cert, 0o600); err != nil {
				t.Fatal(err)
			}
			c.PKI.FrontProxy = &spec.Authority{CertFile: "front.crt"}
			got := errs(gen.Vet(c, "", start))
			if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)) {
				t.Errorf("findings %q, want %q", got, tc.want)
			}
		})
	}
}

// TestTheCAIsNotBlamed: other faults cause no finding about the CA, and certificates that
// an export doesn't make aren't tried.
func TestTheCAIsNotBlamed(t *testing.T) {
	usual := keystest.CA{Begin: start.Add(-year), End: start.Add(5 * year)}
	servers, clients := usual, usual
	servers.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	clients.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	omit := func(names ...string) func(*spec.Cluster) {
		return func(c *spec.Cluster) {
			for _, n := range names {
				c.Flags[n] = spec.Setting{Omit: true}
			}
		}
	}
	for name, tc := range map[string]struct {
		ca     keystest.CA
		change func(*spec.Cluster)
		want   []string // the rules
	}{
		"a profile without its usage": {usual, func(c *spec.Cluster) {
			c.PKI.Profiles["client"] = spec.SigningProfile{Usages: []string{"server auth"}, Expiry: year}
		}, []string{"certificate-profile"}},
		"a profile for a minute": {usual, func(c *spec.Cluster) {
			c.PKI.Profiles["client"] = spec.SigningProfile{Usages: []string{"client auth"}, Expiry: time.Minute}
		}, []string{"certificate-lifetime"}},
		"no profile":                  {usual, func(c *spec.Cluster) { c.PKI.Serving.Profile = "x" }, []string{"certificate-profile"}},
		"no serving certificate":      {clients, omit("tls-cert-file", "tls-private-key-file"), []string{"ca-verifies"}}, // the apiserver's
		"no kubeconfig":               {servers, omit("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"), []string{"kubeconfig-missing"}},
		"neither":                     {clients, omit("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig", "tls-cert-file", "tls-private-key-file"), []string{"kubeconfig-missing"}},
		"one for all nodes":           {usual, func(c *spec.Cluster) { c.PKI.Shared = true }, nil},
		"one for both uses":           {usual, func(c *spec.Cluster) { c.PKI.Separate = false }, nil},
		"one for both, of a server's": {servers, func(c *spec.Cluster) { c.PKI.Separate = false }, []string{"ca-verifies"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := given(t, made(t, tc.ca))
			tc.change(c)
			var got []string
			for _, e := range errs(gen.Vet(c, "", start)) {
				rule, _, _ := strings.Cut(e, ":")
				got = append(got, rule)
			}
			if !slices.Equal(slices.Compact(got), tc.want) {
				t.Errorf("broken rules %q, want %q", got, tc.want)
			}
		})
	}
}
