package trial_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	randv2 "math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/keystest"
)

// random returns a CA with a few unusual properties.
func random(r *randv2.Rand) keystest.CA {
	pick := func(n int) bool { return r.IntN(n) == 0 }
	ca := keystest.CA{
		Key:   []string{"p256", "p256", "p256", "p384", "p521", "p224", "p224", "rsa2048"}[r.IntN(8)],
		Begin: start.Add(-time.Duration(r.Int64N(int64(year)))), End: start.Add(time.Hour + time.Duration(r.Int64N(int64(3*year)))),
		PathLen: r.IntN(3) - 1, Issued: pick(5), Critical: pick(2),
	}
	if pick(6) {
		ca.Begin = start.Add(time.Duration(r.Int64N(int64(30 * time.Minute))))
	}
	if pick(2) {
		all := []x509.ExtKeyUsage{x509.ExtKeyUsageAny, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageOCSPSigning}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		ca.Usages = all[:1+r.IntN(3)]
	}
	names := func(n *keystest.Names) {
		if pick(3) {
			n.IP = []string{[]string{"10.0.0.0/24", "10.0.0.12/32", "0.0.0.0/0", "192.168.0.0/16", "127.0.0.0/8", "::/0"}[r.IntN(6)]}
		}
		if pick(3) {
			n.DNS = []string{[]string{"cp-1", "localhost", "example.com", "", ".cp-2", "host"}[r.IntN(6)]}
		}
	}
	if pick(2) {
		names(&ca.Excluded)
	} else if pick(3) {
		names(&ca.Permitted)
	}
	if pick(8) {
		ca.Extensions = append(ca.Extensions, keystest.Unknown(pick(2)))
	}
	if constrained := len(ca.Excluded.IP) + len(ca.Excluded.DNS) + len(ca.Permitted.IP) + len(ca.Permitted.DNS); constrained == 0 && pick(8) {
		ca.Extensions = append(ca.Extensions, keystest.OddConstraint(pick(2)))
	}
	return ca
}

// TestVetAgreesWithHandshakes tries random CAs. If vet accepts one, an export succeeds,
// and its certificates work in every connection of kube-controller-manager, now and in
// their last second. If vet refuses one, a connection fails.
func TestVetAgreesWithHandshakes(t *testing.T) {
	r := randv2.New(randv2.NewPCG(13, 3))
	passed, refused := 0, 0
	for i := range 120 {
		ca := random(r)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			m := made(t, ca)
			c := given(t, m)
			c.Waivers = []spec.Waiver{{Rule: "ca-intermediate", Reason: "every reader here is Go's, and has it"}}
			v := gen.Vet(c, "", start)
			found := errs(v)
			if len(found) == 0 {
				passed++
				works(t, exported(t, v), m.Parsed)
				return
			}
			refused++
			p, have, err := v.Plan(&outdir.State{}, start)
			if err == nil {
				_, err = gen.Generate(context.Background(), p, have, nil, start, "v0")
			}
			if err == nil {
				t.Errorf("vet refuses what an export makes and verifies: %q", found)
			}
			if !strings.HasPrefix(found[0], "key-strength") && connections(byHand(t, m), m.Parsed) == nil {
				t.Errorf("%+v\nvet says %q, and every handshake succeeds", ca, found)
			}
		})
	}
	if passed < 25 || refused < 25 {
		t.Errorf("only %d passed or only %d were refused", passed, refused)
	}
}

// shown are the certificates that a node's kube-controller-manager presents.
type shown struct {
	node            string
	client, serving tls.Certificate
}

// exported returns those that an export makes.
func exported(t *testing.T, v *gen.Vetted) []shown {
	t.Helper()
	p, have, err := v.Plan(&outdir.State{}, start)
	if err != nil {
		t.Fatal(err)
	}
	out, err := gen.Generate(context.Background(), p, have, nil, start, "v0")
	if err != nil {
		t.Fatalf("vet passes it, and an export fails: %v", err)
	}
	pair := func(id string) tls.Certificate {
		cert, _ := out.Get("pki/" + id + ".crt")
		key, _ := out.Get("pki/" + id + ".key")
		pair, err := tls.X509KeyPair(cert.Bytes(), key.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	var all []shown
	for _, n := range v.Cluster.Nodes {
		all = append(all, shown{n.Name, pair("nodes/" + n.Name + "/client"), pair("nodes/" + n.Name + "/serving")})
	}
	return all
}

// byHand makes the same with Go's standard library only.
func byHand(t *testing.T, ca *keystest.Made) []shown {
	t.Helper()
	issue := func(use x509.ExtKeyUsage, names []string, ips ...net.IP) tls.Certificate {
		m := made(t, keystest.CA{Begin: start, End: start.Add(year)}) // for its key
		end := start.Add(year - 5*time.Minute)
		if end.After(ca.Parsed.NotAfter) {
			end = ca.Parsed.NotAfter
		}
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "system:kube-controller-manager"}, NotBefore: start.Add(-5 * time.Minute), NotAfter: end,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}, DNSNames: names, IPAddresses: ips,
		}, ca.Parsed, m.Signer.Public(), ca.Signer)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: m.Signer}
	}
	var all []shown
	for i, node := range []string{"cp-1", "cp-2"} {
		all = append(all, shown{
			node, issue(x509.ExtKeyUsageClientAuth, nil),
			issue(x509.ExtKeyUsageServerAuth, []string{node, "localhost"}, net.IPv4(10, 0, 0, byte(11+i)), net.IPv4(127, 0, 0, 1)),
		})
	}
	return all
}

func works(t *testing.T, all []shown, ca *x509.Certificate) {
	t.Helper()
	if err := connections(all, ca); err != nil {
		t.Errorf("vet passes the CA, and a handshake fails: %v", err)
	}
}

// connections makes the connections of kube-controller-manager: to the apiserver, whose
// certificate is of the same CA, and from a client that scrapes it.
func connections(all []shown, ca *x509.Certificate) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for i, s := range all {
		serving, err := x509.ParseCertificate(s.serving.Certificate[0])
		if err != nil {
			return err
		}
		for _, at := range []time.Time{start, serving.NotAfter} {
			clock := func() time.Time { return at }
			for _, name := range []string{s.node, "localhost", "127.0.0.1", fmt.Sprint("10.0.0.", 11+i)} {
				err := handshake(
					&tls.Config{Certificates: []tls.Certificate{s.serving}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, Time: clock},
					&tls.Config{Certificates: []tls.Certificate{s.client}, RootCAs: roots, ServerName: name, Time: clock})
				if err != nil {
					return fmt.Errorf("%s by the name %s, at %s: %w", s.node, name, at, err)
				}
			}
		}
	}
	return nil
}

// handshake makes a connection and sends data both ways: the server verifies the client's
// certificate after the client's handshake is done.
func handshake(server, client *tls.Config) error {
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(a, server)
		_, err := conn.Write([]byte("x"))
		_ = a.Close()
		done <- err
	}()
	_, err := tls.Client(b, client).Read(make([]byte, 1))
	_ = b.Close()
	if served := <-done; err == nil {
		err = served
	}
	return err
}
