package conformance_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRequestsWorkInCfssl gives the request and the signing profiles of each certificate to
// cfssl: it makes an equal certificate.
func TestRequestsWorkInCfssl(t *testing.T) {
	e := ready(t)
	for file, profile := range map[string]string{
		"ha-systemd/pki/shared/combined":         "kubernetes",
		"static-pod/pki/nodes/k8s-master/client": "client",
		"example/pki/nodes/cp-1/client":          "client",
		"example/pki/nodes/cp-1/serving":         "serving",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			pki := filepath.Join(e.dir, file[:strings.Index(file, "/pki/")], "pki")
			at := filepath.Join(e.dir, file)
			text := ask(t, t.TempDir(), "cfssl", "gencert", "-loglevel=5", "-ca", filepath.Join(pki, "ca.crt"), "-ca-key", filepath.Join(pki, "ca.key"),
				"-config", filepath.Join(pki, "ca-config.json"), "-profile", profile, at+"-csr.json")
			sameCertificate(t, text, at+".crt")
		})
	}
	for _, cluster := range []string{"ha-systemd", "static-pod", "example"} {
		t.Run(cluster+"/pki/ca", func(t *testing.T) {
			t.Parallel()
			at := filepath.Join(e.dir, cluster, "pki/ca")
			sameCertificate(t, ask(t, t.TempDir(), "cfssl", "gencert", "-loglevel=5", "-initca", at+"-csr.json"), at+".crt")
		})
	}
}

// sameCertificate compares cfssl's certificate with ours, except key, serial and time.
func sameCertificate(t *testing.T, cfssl, ours string) {
	t.Helper()
	var made struct{ Cert string }
	if err := json.Unmarshal([]byte(cfssl), &made); err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(t.TempDir(), "cert.pem")
	write(t, theirs, made.Cert)
	got, want := readCertificate(t, ours), readCertificate(t, theirs)
	if life := func(c certificate) time.Duration { return c.end.Sub(c.begin) }; life(got) != life(want) {
		t.Errorf("ours lives %s, cfssl's %s", life(got), life(want))
	}
	got.begin, got.end, want.begin, want.end = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	if want.selfSigned {
		// cfssl's -initca supports neither usages nor, without pathlen, a path length: ours is
		// stricter.
		want.constraints += ", pathlen:0"
		want.usage = append([]string{signature}, want.usage...)
	}
	if got, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("ours is\n%s\ncfssl makes\n%s", got, want)
	}
}

// TestLeafEndsWithItsCA signs with a user's CA that ends before the certificate would.
func TestLeafEndsWithItsCA(t *testing.T) {
	dir := module(t, map[string]string{"c": cluster("short", "systemd", oneNode+`pki: ca: {certFile: "ca.crt", keyFile: "ca.key"}`)})
	ask(t, filepath.Join(dir, "c"), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "20",
		"-subj", "/CN=short", "-keyout", "ca.key", "-out", "ca.crt", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
	if r := execute(t, dir, nil, kcmgen, "export", "./c"); r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.err)
	}
	ca := readCertificate(t, filepath.Join(dir, "c/ca.crt"))
	for _, use := range []string{"client", "serving"} {
		file := filepath.Join(dir, "out/short/pki/nodes/n1", use+".crt")
		leaf := readCertificate(t, file)
		if !leaf.end.Equal(ca.end) {
			t.Errorf("%s ends at %s, its CA at %s", use, leaf.end, ca.end)
		}
		verifies(t, file, filepath.Join(dir, "c/ca.crt"), "", true)
	}
}

// TestHostileSubjects: openssl reads every attribute as it was written, and no other one. A
// second run makes nothing again.
func TestHostileSubjects(t *testing.T) {
	subject := map[string]string{
		"CN": `a,CN=b+O=system:masters/O=system:masters`, "O": `"quoted\" = ünïcode 漢字`, "OU": ` leading and trailing `, "L": `#0a;<>`, "ST": `%s$HOME`, "C": "CN",
	}
	fields := oneNode + "pki: serving: {sans: extra: [\"a.example\", \"FD00:0:0::1\", \"10.0.0.99\"], key: {algo: \"rsa\", size: 3072}, subject: {\n"
	for name, value := range subject {
		fields += name + ": " + quoted(value) + "\n"
	}
	fields += "}}"
	dir := module(t, map[string]string{"c": cluster("subject", "systemd", fields)})
	for range 2 {
		if r := execute(t, dir, nil, kcmgen, "export", "./c"); r.code != 0 {
			t.Fatalf("exit %d\n%s", r.code, r.err)
		}
	}
	c := readCertificate(t, filepath.Join(dir, "out/subject/pki/nodes/n1/serving.crt"))
	if got, want := fmt.Sprintf("%q", c.subject), fmt.Sprintf("%q", subject); got != want {
		t.Errorf("openssl reads\n%s\nmeant was\n%s", got, want)
	}
	if got, want := fmt.Sprint(c.sans), "[DNS:a.example DNS:n1 IP Address:10.0.0.11 IP Address:10.0.0.99 IP Address:FD00:0:0:0:0:0:0:1]"; got != want {
		t.Errorf("openssl reads the names %s, meant was %s", got, want)
	}
	if r := execute(t, dir, nil, kcmgen, "export", "./c"); !strings.Contains(r.out, "nothing changed") {
		t.Errorf("the third export of the same input says:\n%s%s", r.out, r.err)
	}
}
