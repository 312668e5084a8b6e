package vet

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	clientCA       = "client-ca-file"
	requestCA      = "requestheader-client-ca-file"
	requestNames   = "requestheader-allowed-names"
	proxyCert      = "proxy-client-cert-file"
	garbage        = "enable-garbage-collector"
	bootstrapAuth  = "enable-bootstrap-token-auth"
	issuer         = "service-account-issuer"
	signingKey     = "service-account-signing-key-file"
	signingService = "service-account-signing-endpoint"
)

var apiserverRules = []Rule{
	{
		ID: "token-issuer-unset", Severity: isError, cluster: tokenIssuerUnset,
		Doc: "the apiserver has --service-account-issuer and a key or an endpoint that signs tokens",
	},
	{
		ID: "client-ca-differs", Severity: isError, cluster: clientCADiffers,
		Doc: "the apiserver's --client-ca-file has the CA that signs kube-controller-manager's client certificate",
	},
	{
		ID: "apiserver-certificate", Severity: isError, cluster: apiserverCertificate,
		Doc: "the CA verifies the apiserver's serving certificate, which names the endpoint",
	},
	{
		ID: "front-proxy-differs", Severity: isError, cluster: frontProxyDiffers, node: frontProxyNames,
		Doc: "kube-controller-manager accepts the apiserver's front-proxy certificate: its CA and its name",
	},
	{
		ID: "front-proxy-open", Severity: isError, cluster: frontProxyOpen,
		Doc: "where the front proxy's CA of the apiserver is its clients' too, --requestheader-allowed-names is set",
	},
	{
		ID: "garbage-collector-differs", Severity: isError, node: garbageCollectorDiffers,
		Doc: "--enable-garbage-collector equals the apiserver's",
	},
	{
		ID: "bootstrap-tokens", Severity: isWarning, node: bootstrapTokens,
		Doc: "the controllers of bootstrap tokens run where the apiserver accepts such tokens, and only there",
	},
	{
		ID: "apiserver-unreachable", Severity: isError, cluster: apiserverUnreachable,
		Doc: "the apiserver listens on the addresses at which kube-controller-manager connects to it",
	},
}

// tokenIssuerUnset: the apiserver demands both when it starts, since v1.20
// (ServiceAccountAuthenticationOptions.Validate, and completing its options).
func tokenIssuerUnset(v *view) []fault {
	p := v.peer(APIServerFile)
	if p == nil || v.Version.Minor < 20 {
		return nil
	}
	var out []fault
	for _, need := range []struct {
		flags    []string
		expected string
	}{
		{[]string{issuer}, "--service-account-issuer=https://kubernetes.default.svc.cluster.local, or what tokens were issued with so far"},
		{[]string{signingKey, signingService}, "--service-account-signing-key-file, with the key pair of --service-account-key-file"},
	} {
		first := p.said(need.flags[0])
		switch {
		case slices.ContainsFunc(need.flags, func(n string) bool { s := p.said(n); return s.Value != "" }):
		case slices.ContainsFunc(need.flags, func(n string) bool { s := p.said(n); return s.Unknown }):
			out = append(out, p.unchecked(APIServerFile, need.flags[0], "the issuer of tokens")...)
		default:
			out = append(out, fault{
				field: APIServerFile, at: first.At,
				message:  fmt.Sprintf("%s has no --%s: the apiserver exits, or issues no tokens", p.File, need.flags[0]),
				expected: need.expected,
			})
		}
	}
	return out
}

// certificatesOf returns the certificates that a flag of the apiserver names. Without them
// it returns the fault of a rule that needs them; none if the flag isn't set.
func (p *Peer) certificatesOf(flag, what string) ([]*x509.Certificate, []fault) {
	s := p.said(flag)
	switch err := p.CertificateErrs[flag]; {
	case s.Unknown:
		return nil, p.unchecked(APIServerFile, flag, what)
	case s.Value == "":
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, one(fault{
			field: APIServerFile, at: s.At, severity: finding.NotChecked,
			message:  fmt.Sprintf("%s was not checked: --%s of the apiserver is %s, and no %s lies beside %s", what, flag, s.Value, path.Base(s.Value), p.File),
			expected: "a copy of the file there",
		})
	case err != nil:
		return nil, one(fault{
			field: APIServerFile, at: s.At,
			message:  fmt.Sprintf("%s beside %s: %v", path.Base(s.Value), p.File, err),
			expected: "certificates in PEM",
		})
	}
	return p.Certificates[flag], nil
}

// compared returns the certificate of one of the cluster's CAs, or the fault of a rule that
// compares with it.
func (a authority) compared(what string) (*x509.Certificate, []fault) {
	if cert := a.cert(); cert != nil {
		return cert, nil
	}
	return nil, one(fault{
		field: a.certField(), also: []string{APIServerFile}, severity: finding.NotChecked,
		message:  what + " was not checked: the CA isn't on this machine, or not made yet",
		expected: "the CA's certificate",
	})
}

func clientCADiffers(v *view) []fault {
	const what = "the apiserver's CA of clients"
	p := v.peer(APIServerFile)
	if p == nil {
		return nil
	}
	if s := p.said(clientCA); s.Value == "" && !s.Unknown {
		return one(fault{
			field: APIServerFile, at: s.At, message: p.File + " has no --client-ca-file: the apiserver knows no client by its certificate",
			expected: "--client-ca-file, with the CA of pki.ca",
		})
	}
	trusted, faults := p.certificatesOf(clientCA, what)
	if trusted == nil {
		return faults
	}
	a := v.authorities()[0]
	ours, faults := a.compared(what)
	if ours == nil || slices.ContainsFunc(trusted, func(c *x509.Certificate) bool { return sameAuthority(c, ours) }) {
		return faults
	}
	return one(fault{
		field: a.certField(), also: []string{APIServerFile}, at: p.said(clientCA).At,
		message:  fmt.Sprintf("%s signs the client certificate, and is not in %s, the --client-ca-file of %s", a.name(), path.Base(p.said(clientCA).Value), p.File),
		expected: "the same CA",
		hint:     "the apiserver would answer every request with 401",
	})
}

// sameAuthority reports whether two certificates are of one CA: its key and its name, also
// after it was renewed.
func sameAuthority(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo) && bytes.Equal(a.RawSubject, b.RawSubject)
}

// apiserverCertificate checks the serving certificate as kube-controller-manager does, and
// pods with --root-ca-file do.
func apiserverCertificate(v *view) []fault {
	const what = "the apiserver's serving certificate"
	p := v.peer(APIServerFile)
	if p == nil {
		return nil
	}
	chain, faults := p.certificatesOf("tls-cert-file", what)
	if chain == nil {
		return faults
	}
	out := v.servingNames(p, chain[0])
	a := v.authorities()[0]
	ours, faults := a.compared(what)
	if ours == nil {
		return append(out, faults...)
	}
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, CurrentTime: v.facts.Now}
	opts.Roots.AddCert(ours)
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(opts); err != nil {
		out = append(out, fault{
			field: a.certField(), also: []string{APIServerFile}, at: p.said("tls-cert-file").At,
			message:  fmt.Sprintf("%s doesn't verify %s, the apiserver's serving certificate: %v", a.name(), path.Base(p.said("tls-cert-file").Value), err),
			expected: "the CA that signed it",
			hint:     "kube-controller-manager and every pod would refuse to talk to the apiserver",
		})
	}
	return out
}

// servingNames checks that a serving certificate names what kube-controller-manager connects
// to. With an apiserver on each node, the certificate is that of one of them.
func (v *view) servingNames(p *Peer, cert *x509.Certificate) []fault {
	var names []string
	field := "apiserver.address"
	switch v.APIServer.Endpoint {
	case spec.EndpointNode:
		field = "nodes"
		for _, n := range v.nodes {
			names = append(names, n.Address().String())
		}
	case spec.EndpointLocal:
		field, names = "apiserver.endpoint", []string{"127.0.0.1", "::1"}
	default:
		names = []string{v.APIServer.Address}
	}
	if slices.ContainsFunc(names, func(n string) bool { return cert.VerifyHostname(n) == nil }) {
		return nil
	}
	return one(fault{
		field: field, also: []string{APIServerFile}, at: p.said("tls-cert-file").At,
		message:  fmt.Sprintf("%s, the apiserver's serving certificate, doesn't name %s", path.Base(p.said("tls-cert-file").Value), strings.Join(names, " or ")),
		expected: "a certificate with the subject alternative name that kube-controller-manager connects to",
	})
}

// frontProxyDiffers: kube-controller-manager serves requests that the apiserver passes on
// with this certificate.
func frontProxyDiffers(v *view) []fault {
	const what = "the apiserver's front-proxy certificate"
	p := v.peer(APIServerFile)
	if p == nil || v.PKI.FrontProxy == nil || p.said(proxyCert).Value == "" && !p.said(proxyCert).Unknown {
		return nil
	}
	chain, faults := p.certificatesOf(proxyCert, what)
	if chain == nil {
		return faults
	}
	a := v.authorities()[1]
	ours, faults := a.compared(what)
	if ours == nil {
		return faults
	}
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, CurrentTime: v.facts.Now}
	opts.Roots.AddCert(ours)
	if _, err := chain[0].Verify(opts); err != nil {
		return one(fault{
			field: a.certField(), also: []string{APIServerFile}, at: p.said(proxyCert).At,
			message:  fmt.Sprintf("%s doesn't verify %s, with which the apiserver passes requests on: %v", a.name(), path.Base(p.said(proxyCert).Value), err),
			expected: "the CA that signed it",
		})
	}
	return nil
}

// frontProxyNames: an empty list accepts every name that the CA signs.
func frontProxyNames(v *view, n *nodeView) []fault {
	p := v.peer(APIServerFile)
	f, ok := n.flags.Get(requestNames)
	if p == nil || !ok || f.Value == "" || len(p.Certificates[proxyCert]) == 0 {
		return nil
	}
	name := p.Certificates[proxyCert][0].Subject.CommonName
	if slices.Contains(flags.Elements(f.Value), name) {
		return nil
	}
	return one(fault{
		field: f.Field, also: []string{APIServerFile}, at: p.said(proxyCert).At,
		message:  fmt.Sprintf("--%s is %s, and the apiserver's front-proxy certificate is of %q", requestNames, f.Value, name),
		expected: name,
	})
}

func frontProxyOpen(v *view) []fault {
	p := v.peer(APIServerFile)
	if p == nil {
		return nil
	}
	front, clients, names := p.said(requestCA), p.said(clientCA), p.said(requestNames)
	shared := slices.ContainsFunc(p.Certificates[requestCA], func(c *x509.Certificate) bool {
		return slices.ContainsFunc(p.Certificates[clientCA], func(d *x509.Certificate) bool { return sameAuthority(c, d) })
	})
	if front.Value == "" || path.Clean(front.Value) != path.Clean(clients.Value) && !shared {
		return nil
	}
	switch {
	case names.Unknown:
		return p.unchecked(APIServerFile, requestNames, "who may pass users on")
	case strings.Trim(names.Value, ", ") != "":
		return nil
	}
	return one(fault{
		field: APIServerFile, at: front.At,
		message:  fmt.Sprintf("--%s %s and --%s %s of the apiserver are one CA, and --%s is empty: each client with a certificate of this CA can claim to be any user", requestCA, front.Value, clientCA, clients.Value, requestNames),
		expected: "a CA of its own for the front proxy, or --requestheader-allowed-names",
	})
}

func garbageCollectorDiffers(v *view, n *nodeView) []fault {
	p := v.peer(APIServerFile)
	if p == nil {
		return nil
	}
	s := p.said(garbage)
	ours := spec.Flag{Value: n.value(garbage)}
	switch {
	case s.Unknown:
		return p.unchecked(APIServerFile, garbage, "--"+garbage)
	case ours.Bool() == (spec.Flag{Value: s.Value}).Bool():
		return nil
	}
	return one(fault{
		field: v.flagField(n, garbage), also: []string{APIServerFile}, at: s.At,
		message:  fmt.Sprintf("--%s is %v, and %v in the apiserver of %s", garbage, ours.Bool(), (spec.Flag{Value: s.Value}).Bool(), p.File),
		expected: "one value in both: what owners left behind would stay, or not be found",
	})
}

// tokenControllers are those of bootstrap tokens, by their old and new names. They are off
// unless --controllers names them.
var tokenControllers = []string{"bootstrap-signer-controller", "bootstrapsigner", "token-cleaner-controller", "tokencleaner"}

func bootstrapTokens(v *view, n *nodeView) []fault {
	p := v.peer(APIServerFile)
	if p == nil {
		return nil
	}
	var on []string
	for _, name := range tokenControllers {
		if slices.Contains(n.controllers, name) {
			on = append(on, name)
		}
	}
	s := p.said(bootstrapAuth)
	accepts := spec.Flag{Value: s.Value}
	f := fault{field: v.flagField(n, "controllers"), also: []string{APIServerFile}, at: s.At}
	switch {
	case s.Unknown:
		return p.unchecked(APIServerFile, bootstrapAuth, "--"+bootstrapAuth)
	case len(on) > 0 && !accepts.Bool():
		f.message = fmt.Sprintf("--controllers names %s, and the apiserver of %s accepts no bootstrap tokens", on[0], p.File)
		f.expected = "--enable-bootstrap-token-auth=true in the apiserver, or no such controllers"
	case len(on) == 0 && accepts.Bool():
		f.message = fmt.Sprintf("the apiserver of %s accepts bootstrap tokens, and no controller signs cluster-info or removes tokens that have ended", p.File)
		f.expected = `flags: controllers: ["*", "bootstrap-signer-controller", "token-cleaner-controller"], or --enable-bootstrap-token-auth=false`
		if v.Version.Minor < 28 {
			f.expected = `flags: controllers: ["*", "bootstrapsigner", "tokencleaner"], or --enable-bootstrap-token-auth=false`
		}
	default:
		return nil
	}
	return one(f)
}

// apiserverUnreachable compares --bind-address with the endpoint.
func apiserverUnreachable(v *view) []fault {
	p := v.peer(APIServerFile)
	if p == nil {
		return nil
	}
	s := p.said("bind-address")
	if s.Unknown {
		return p.unchecked(APIServerFile, "bind-address", "where the apiserver listens")
	}
	a, err := netip.ParseAddr(s.Value)
	if err != nil || a.IsUnspecified() {
		return nil
	}
	field := "apiserver.endpoint"
	switch local := v.APIServer.Endpoint == spec.EndpointLocal; {
	case local && a.IsLoopback() || !local && !a.IsLoopback():
		return nil
	}
	return one(fault{
		field: field, also: []string{APIServerFile}, at: s.At,
		message:  fmt.Sprintf("kube-controller-manager connects to %s, and the apiserver of %s listens on %s only", v.connectsTo(), p.File, a),
		expected: "an endpoint at which it listens, or --bind-address=0.0.0.0",
	})
}

// connectsTo names what kube-controller-manager connects to.
func (v *view) connectsTo() string {
	switch v.APIServer.Endpoint {
	case spec.EndpointNode:
		return "its node's address"
	case spec.EndpointLocal:
		return "127.0.0.1"
	}
	return v.APIServer.Address
}
