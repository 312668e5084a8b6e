package conformance_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

// certificate is a certificate as openssl reads it.
type certificate struct {
	subject       map[string]string
	sans          []string // sorted, as openssl writes them: "DNS:a", "IP Address:b"
	usage         []string
	extended      []string
	constraints   string // "CA:FALSE", with "critical " before it
	key           string // "rsa-2048"
	begin, end    time.Time
	selfSigned    bool
	usageCritical bool
}

const noCertificate = "no certificate of ours has that"

// readCertificate parses openssl's output of a certificate.
func readCertificate(t testing.TB, file string) certificate {
	t.Helper()
	text := ask(t, "", "openssl", "x509", "-in", file, "-noout", "-dates", "-dateopt", "iso_8601", "-subject", "-issuer",
		"-nameopt", "sep_multiline,utf8,sname", "-ext", "subjectAltName,keyUsage,extendedKeyUsage,basicConstraints")
	c := certificate{subject: map[string]string{}}
	var section string
	issuer := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		inner, indented := strings.CutPrefix(line, "    ")
		name, value, _ := strings.Cut(inner, "=")
		switch {
		case strings.HasPrefix(line, "notBefore="):
			c.begin = isoTime(t, value)
		case strings.HasPrefix(line, "notAfter="):
			c.end = isoTime(t, value)
		case !indented:
			section = strings.TrimSpace(line)
			c.usageCritical = c.usageCritical || section == "X509v3 Key Usage: critical"
		case section == "subject=":
			c.subject[name] = value
		case section == "issuer=":
			issuer[name] = value
		default:
			c.extension(t, section, strings.TrimSpace(line))
		}
	}
	slices.Sort(c.sans)
	c.selfSigned = fmt.Sprint(issuer) == fmt.Sprint(c.subject)
	c.key = keyKind(t, ask(t, "", "openssl", "x509", "-in", file, "-noout", "-text"))
	return c
}

func (c *certificate) extension(t testing.TB, section, line string) {
	t.Helper()
	name, critical := strings.CutSuffix(section, " critical")
	switch strings.TrimSuffix(name, ":") {
	case "X509v3 Subject Alternative Name":
		c.sans = strings.Split(line, ", ")
	case "X509v3 Key Usage":
		c.usage = strings.Split(line, ", ")
	case "X509v3 Extended Key Usage":
		c.extended = strings.Split(line, ", ")
	case "X509v3 Basic Constraints":
		c.constraints = line
		if critical {
			c.constraints = "critical " + line
		}
	default:
		t.Fatalf("openssl printed %q below %q: %s", line, section, noCertificate)
	}
}

func isoTime(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05Z", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func keyKind(t testing.TB, text string) string {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		var bits int
		if _, err := fmt.Sscanf(strings.TrimSpace(line), "Public-Key: (%d bit)", &bits); err == nil {
			if strings.Contains(text, "Public Key Algorithm: rsaEncryption") {
				return fmt.Sprint("rsa-", bits)
			}
			return fmt.Sprint("ecdsa-", bits)
		}
	}
	t.Fatal("openssl printed no Public-Key")
	return ""
}

const (
	clientAuth = "TLS Web Client Authentication"
	serverAuth = "TLS Web Server Authentication"
	signature  = "Digital Signature"
)

func ips(addresses ...string) []string {
	out := []string{}
	for _, a := range addresses {
		out = append(out, "IP Address:"+a)
	}
	return out
}

// TestCertificates: openssl reads and verifies every certificate of the ready clusters.
func TestCertificates(t *testing.T) {
	e := ready(t)
	kcm := map[string]string{"CN": "system:kube-controller-manager"}
	seedName := map[string]string{"CN": "system:kube-controller-manager", "O": "system:kube-controller-manager", "OU": "opsnull", "C": "CN", "ST": "BeiJing", "L": "BeiJing"}
	want := map[string]certificate{
		"ha-systemd/pki/ca.crt": {subject: map[string]string{"CN": "kubernetes-ca", "O": "k8s", "OU": "opsnull", "C": "CN", "ST": "BeiJing", "L": "BeiJing"}, key: "rsa-2048"},
		"static-pod/pki/ca.crt": {subject: map[string]string{"CN": "kubernetes-ca"}, key: "rsa-2048"},
		"example/pki/ca.crt":    {subject: map[string]string{"CN": "kubernetes-ca"}, key: "ecdsa-256"},
		"ha-systemd/pki/shared/combined.crt": {
			subject: seedName, key: "rsa-2048", usage: []string{signature, "Key Encipherment"}, extended: []string{serverAuth, clientAuth},
			sans: ips("103.172.238.94", "103.172.239.71", "103.172.239.9", "127.0.0.1"),
		},
		"static-pod/pki/nodes/k8s-master/client.crt": {subject: kcm, key: "rsa-2048", usage: []string{signature}, extended: []string{clientAuth}},
	}
	for i := range 3 {
		dir := fmt.Sprintf("example/pki/nodes/cp-%d/", i+1)
		want[dir+"client.crt"] = certificate{subject: kcm, key: "ecdsa-256", usage: []string{signature}, extended: []string{clientAuth}}
		want[dir+"serving.crt"] = certificate{
			subject: kcm, key: "ecdsa-256", usage: []string{signature}, extended: []string{serverAuth},
			sans: append([]string{fmt.Sprintf("DNS:cp-%d", i+1), "DNS:localhost"}, ips(fmt.Sprintf("10.0.0.%d", 11+i), "127.0.0.1")...),
		}
	}
	found := 0
	for _, cluster := range []string{"ha-systemd", "static-pod", "example"} {
		ca := filepath.Join(e.dir, cluster, "pki/ca.crt")
		caEnd := readCertificate(t, ca).end
		for _, file := range files(t, filepath.Dir(ca), "*.crt") {
			name, err := filepath.Rel(e.dir, file)
			if err != nil {
				t.Fatal(err)
			}
			found++
			t.Run(name, func(t *testing.T) { judgeCertificate(t, e, file, ca, caEnd, want[name]) })
		}
	}
	if found != len(want) {
		t.Errorf("%d certificates, %d are meant", found, len(want))
	}
}

func judgeCertificate(t *testing.T, e exported, file, ca string, caEnd time.Time, want certificate) {
	c := readCertificate(t, file)
	isCA := file == ca
	want.constraints, want.usageCritical, want.selfSigned = "critical CA:FALSE", true, isCA
	if isCA {
		want.constraints, want.usage = "critical CA:TRUE, pathlen:0", []string{signature, "Certificate Sign", "CRL Sign"}
	}
	want.begin, want.end = c.begin, c.end
	if got, want := fmt.Sprintf("%+v", c), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("openssl reads\n%s\nmeant was\n%s", got, want)
	}
	const backdate = 5 * time.Minute
	if first, last := e.before.Add(-backdate-time.Second), e.after.Add(-backdate+time.Second); c.begin.Before(first) || c.begin.After(last) {
		t.Errorf("it begins at %s, not 5 minutes before it was made (%s)", c.begin, e.before.UTC())
	}
	if c.end.After(caEnd) {
		t.Errorf("it ends at %s, after its CA (%s)", c.end, caEnd)
	}
	pub := ask(t, "", "openssl", "pkey", "-in", strings.TrimSuffix(file, ".crt")+".key", "-pubout")
	if got := ask(t, "", "openssl", "x509", "-in", file, "-noout", "-pubkey"); got != pub {
		t.Errorf("the key next to it is not its own:\n%s%s", got, pub)
	}
	verifies(t, file, ca, "", true)
	verifies(t, file, ca, "sslclient", isCA || slices.Contains(want.extended, clientAuth))
	verifies(t, file, ca, "sslserver", isCA || slices.Contains(want.extended, serverAuth))
}

// verifies asks openssl whether a certificate is valid for a purpose, with all its checks.
func verifies(t *testing.T, file, ca, purpose string, want bool) {
	t.Helper()
	args := []string{"verify", "-x509_strict", "-check_ss_sig", "-CAfile", ca}
	if purpose != "" {
		args = append(args, "-purpose", purpose)
	}
	r := execute(t, "", nil, need.Program(t, "openssl"), append(args, file)...)
	if (r.code == 0) != want {
		t.Errorf("openssl %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
}
