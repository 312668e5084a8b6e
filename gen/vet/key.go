package vet

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const identity = "system:kube-controller-manager"

// authority is one of the cluster's CAs with the facts about its files.
type authority struct {
	field string
	spec  spec.Authority
	facts Material
	made  Made
}

// authorities returns the cluster's CA and, if there is one, the front proxy's.
func (v *view) authorities() []authority {
	out := []authority{{"pki.ca", v.PKI.CA, v.facts.CA, v.facts.MadeCA}}
	if v.PKI.FrontProxy != nil {
		out = append(out, authority{"pki.frontProxy", *v.PKI.FrontProxy, v.facts.FrontProxy, v.facts.MadeFrontProxy})
	}
	return out
}

func keyFile(v *view) []fault {
	var out []fault
	for _, a := range v.authorities() {
		if a.spec.KeyFile != "" && a.spec.CertFile == "" {
			out = append(out, fault{field: a.field + ".keyFile", message: "a CA's private key without its certificate", expected: a.field + ".certFile"})
		}
		out = append(out, unreadable(a.field+".certFile", a.spec.CertFile, wantCert, a.facts.CertErr)...)
		out = append(out, unreadable(a.field+".keyFile", a.spec.KeyFile, wantKey, a.facts.KeyErr)...)
		if c := a.facts.Cert; c != nil && !c.IsCA {
			out = append(out, fault{field: a.field + ".certFile", message: fmt.Sprintf("%s is no CA certificate", a.spec.CertFile), expected: "a certificate with CA:TRUE"})
		} else if c != nil && c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
			out = append(out, fault{field: a.field + ".certFile", message: fmt.Sprintf("%s may not sign certificates", a.spec.CertFile), expected: "a certificate with the key usage Certificate Sign"})
		}
	}
	out = append(out, unreadable("pki.serviceAccount.keyFile", v.PKI.ServiceAccount.KeyFile, wantKey, v.facts.ServiceAccount.KeyErr)...)
	return append(out, unreadable("apiserver.serviceAccountKeyFile", v.APIServer.ServiceAccountKeyFile, "public keys in PEM", v.facts.APIServerKeysErr)...)
}

const (
	wantCert = "a CA certificate in PEM"
	wantKey  = "an RSA or ECDSA private key in PEM"
)

// ErrEncrypted is the error of a private key with a passphrase.
var ErrEncrypted = errors.New("the private key is encrypted with a passphrase")

// unreadable returns the fault of a file that can't be used. A file that isn't on this
// machine is only not checked: the machine may be there for reviews only.
func unreadable(field, file, want string, err error) []fault {
	if err == nil || file == "" {
		return nil
	}
	f := fault{field: field, message: fmt.Sprintf("%s: %v", file, err), expected: want}
	switch {
	case errors.Is(err, ErrEncrypted):
		f.hint = fmt.Sprintf("openssl pkey -in %s -out FILE", file)
	case errors.Is(err, fs.ErrNotExist):
		f.severity = finding.NotChecked
		f.message = fmt.Sprintf("%s is not on this machine", file)
		f.expected = "the file, where certificates are made"
	}
	return one(f)
}

// missing reports whether a file that the cluster names isn't on this machine.
func missing(errs ...error) bool {
	return slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, fs.ErrNotExist) })
}

// caKeyUnset: without the key an export can keep certificates, and make none.
func caKeyUnset(v *view) []fault {
	ca := v.PKI.CA
	if ca.CertFile == "" || ca.KeyFile != "" {
		return nil
	}
	f := fault{field: "pki.ca.certFile", message: "the CA comes without its private key: no certificate can be made", expected: `pki: ca: keyFile: "…"`}
	for _, n := range v.nodes {
		if slices.Contains(policy.Placed(v.Cluster, n.flags), spec.CAKey) {
			f.severity = finding.Error
			f.message = "the CA comes without its private key, and --cluster-signing-key-file needs it on the hosts"
		}
	}
	return one(f)
}

// expirySoon is how long before its end a CA should be replaced.
const expirySoon = 90 * 24 * time.Hour

func caExpiry(v *view) []fault {
	var out []fault
	for _, a := range v.authorities() {
		if v.facts.Now.IsZero() {
			continue
		}
		out = append(out, a.madeExpiry(v.facts.Now)...)
		if a.facts.Cert == nil {
			continue
		}
		end := a.facts.Cert.NotAfter
		f := fault{field: a.field + ".certFile", message: fmt.Sprintf("the CA %s ends at %s", a.spec.CertFile, end.Format(time.DateOnly)), expected: "a CA that lives on"}
		switch left := end.Sub(v.facts.Now); {
		case left <= 0:
			f.severity = finding.Error
			f.message = fmt.Sprintf("the CA %s ended at %s", a.spec.CertFile, end.Format(time.DateOnly))
			out = append(out, f)
		case left < expirySoon:
			out = append(out, f)
		}
	}
	return out
}

func caKeyMismatch(v *view) []fault {
	var out []fault
	for _, a := range v.authorities() {
		if missing(a.facts.CertErr, a.facts.KeyErr) && a.spec.CertFile != "" && a.spec.KeyFile != "" {
			out = append(out, fault{
				field: a.field + ".keyFile", severity: finding.NotChecked,
				message: fmt.Sprintf("whether %s is the key of %s is unknown", a.spec.KeyFile, a.spec.CertFile), expected: "both files, where certificates are made",
			})
		}
		if a.facts.Cert == nil || a.facts.Public == nil || equal(a.facts.Cert.PublicKey, a.facts.Public) {
			continue
		}
		out = append(out, fault{
			field: a.field + ".keyFile", also: []string{a.field + ".certFile"},
			message:  fmt.Sprintf("the private key %s is not that of the certificate %s", a.spec.KeyFile, a.spec.CertFile),
			expected: "the key that was made with the certificate",
		})
	}
	return out
}

func equal(a, b crypto.PublicKey) bool {
	e, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && e.Equal(b)
}

func serviceAccountKeyIsCA(v *view) []fault {
	const want = "a separate key pair: anyone who can sign tokens could sign certificates too"
	if v.PKI.ServiceAccount.UseCA {
		return one(fault{
			field: "pki.serviceAccount.use", message: "service-account tokens are signed with the CA's key", expected: want,
			hint: `remove use: "ca"; tokens signed with the CA's key end then, unless the apiserver keeps verifying with both`,
		})
	}
	if p := v.facts.ServiceAccount.Public; p != nil && v.facts.CA.Cert != nil && equal(v.facts.CA.Cert.PublicKey, p) {
		return one(fault{field: "pki.serviceAccount.keyFile", also: []string{"pki.ca.certFile"}, message: "the service-account key is the CA's key", expected: want})
	}
	if sa := v.PKI.ServiceAccount; sa.KeyFile != "" && v.PKI.CA.CertFile != "" && missing(v.facts.CA.CertErr, v.facts.ServiceAccount.KeyErr) {
		return one(fault{
			field: "pki.serviceAccount.keyFile", severity: finding.NotChecked,
			message: fmt.Sprintf("whether %s is the CA's key is unknown", sa.KeyFile), expected: want,
		})
	}
	for _, n := range v.nodes {
		f, ok := n.flags.Get("service-account-private-key-file")
		if ok && f.Value == v.Paths.CAKey && v.Paths.CAKey != v.Paths.ServiceAccountKey {
			return one(fault{field: f.Field, message: "--service-account-private-key-file names the CA's key", expected: want})
		}
	}
	return nil
}

func serviceAccountKeyDiffers(v *view) []fault {
	keys, field, at := v.apiserverKeys()
	ours := v.facts.ServiceAccount.Public
	if v.PKI.ServiceAccount.UseCA {
		ours = v.facts.CA.Public
	}
	if len(keys) == 0 {
		return v.apiserverKeysUnread(field)
	}
	if ours == nil {
		return one(fault{field: field, at: at, severity: finding.NotChecked, message: "the service-account key was not compared with the apiserver's: it isn't the user's own file, or not on this machine"})
	}
	if slices.ContainsFunc(keys, func(k crypto.PublicKey) bool { return equal(k, ours) }) {
		return nil
	}
	if p := v.peer(APIServerFile); field == APIServerFile && p.KeysErr != nil {
		return v.apiserverKeysUnread(field) // it may be in another file
	}
	return one(fault{
		field: field, also: []string{"pki.serviceAccount.keyFile"}, at: at,
		message:  "the apiserver doesn't have the public half of the service-account key: it would refuse every token",
		expected: "the key pair's public half in " + cmp.Or(v.APIServer.ServiceAccountKeyFile, "its --service-account-key-file"),
	})
}

// leaf is a certificate that the cluster uses, with its field.
type leaf struct {
	field           string
	spec            spec.Leaf
	client, serving bool
}

func (v *view) leaves() []leaf {
	if !v.PKI.Separate {
		return []leaf{{"pki.combined", v.PKI.Combined, true, true}}
	}
	return []leaf{{"pki.client", v.PKI.Client, true, false}, {"pki.serving", v.PKI.Serving, false, true}}
}

// admits reports whether a leaf's profile has a usage.
func (v *view) admits(l leaf, usage string) bool {
	usages := v.PKI.Profiles[l.spec.Profile].Usages
	return slices.Contains(usages, usage) || slices.Contains(usages, "any")
}

// clients returns the leaves that work as client certificates: the client's, and the
// serving one if its profile has client auth. Both give their holder an identity.
func (v *view) clients() []leaf {
	return slices.DeleteFunc(v.leaves(), func(l leaf) bool { return !l.client && !v.admits(l, "client auth") })
}

// label is a leaf of clients as messages name it.
func (l leaf) label() string {
	if l.client {
		return "the client certificate"
	}
	return fmt.Sprintf("the serving certificate works as a client's too, by its profile %q, and", l.spec.Profile)
}

// admins are the groups that Kubernetes and kubeadm give every right.
var admins = []string{"system:masters", "kubeadm:cluster-admins"}

func certificateIdentity(v *view) []fault {
	var out []fault
	for _, l := range v.clients() {
		s := l.spec.Subject
		switch {
		case s.CN == identity:
		case l.client:
			out = append(out, fault{
				field: l.field + ".subject.CN", message: fmt.Sprintf("the client certificate's CN is %q", s.CN), expected: identity,
				hint: "under another name it has no rights, runs, answers /healthz, and does nothing",
			})
		case strings.HasPrefix(s.CN, "system:"):
			out = append(out, fault{
				field: l.field + ".subject.CN", also: []string{l.field + ".profile"}, expected: identity + ", or a profile without client auth",
				message: fmt.Sprintf("%s is %s: anyone with its key has that user's rights", l.label(), s.CN),
			})
		}
		if slices.Contains(admins, s.O) {
			out = append(out, fault{
				field: l.field + ".subject.O", message: fmt.Sprintf("%s is in %s: nothing could take its rights away", l.label(), s.O), expected: "no O",
			})
		}
	}
	return out
}

func certificateOrganization(v *view) []fault {
	var out []fault
	for _, l := range v.clients() {
		o := l.spec.Subject.O
		if o == "" || slices.Contains(admins, o) {
			continue
		}
		f := fault{
			field: l.field + ".subject.O", message: fmt.Sprintf("the organization %q makes the client a member of a group of that name", o),
			expected: "no O: the rights come with the name",
		}
		if !l.client {
			f.message = fmt.Sprintf("%s its organization %q makes the holder a member of a group of that name", l.label(), o)
		}
		out = append(out, f)
	}
	return out
}

func certificateProfile(v *view) []fault {
	var out []fault
	for _, l := range v.leaves() {
		_, ok := v.PKI.Profiles[l.spec.Profile]
		if !ok {
			out = append(out, fault{
				field: l.field + ".profile", message: fmt.Sprintf("there is no profile %q", l.spec.Profile),
				expected: "one of " + strings.Join(slices.Sorted(maps.Keys(v.PKI.Profiles)), ", "),
			})
			continue
		}
		for _, need := range []struct {
			part  bool
			usage string
		}{{l.client, "client auth"}, {l.serving, "server auth"}} {
			if need.part && !v.admits(l, need.usage) {
				out = append(out, fault{
					field: l.field + ".profile", also: []string{finding.Path("pki", "profiles", l.spec.Profile, "usages")},
					message: fmt.Sprintf("profile %q lacks the usage %q", l.spec.Profile, need.usage), expected: need.usage,
				})
			}
		}
	}
	return out
}

func certificateLifetime(v *view) []fault {
	var out []fault
	for _, a := range v.authorities() {
		if a.spec.Expiry < time.Hour && !a.spec.Existing() {
			out = append(out, fault{field: a.field + ".expiry", message: fmt.Sprintf("a CA that lives for %s", a.spec.Expiry), expected: "an hour at least"})
		}
	}
	seen := map[string]bool{}
	for _, l := range v.leaves() {
		name := l.spec.Profile
		p := v.PKI.Profiles[name]
		field := finding.Path("pki", "profiles", name, "expiry")
		if seen[name] {
			continue
		}
		seen[name] = true
		switch {
		case p.Expiry != 0 && p.Expiry < time.Hour:
			out = append(out, fault{field: field, message: fmt.Sprintf("a certificate of profile %q lives for %s", name, p.Expiry), expected: "an hour at least"})
		case !v.PKI.CA.Existing() && v.PKI.CA.Expiry >= time.Hour && p.Expiry > v.PKI.CA.Expiry:
			out = append(out, fault{
				field: field, also: []string{"pki.ca.expiry"},
				message: fmt.Sprintf("certificates of profile %q live for %gh, their CA for %gh", name, p.Expiry.Hours(), v.PKI.CA.Expiry.Hours()), expected: "a CA that lives longer",
			})
		}
	}
	return out
}

func certificateShared(v *view) []fault {
	if !v.PKI.Shared || len(v.nodes) < 2 {
		return nil
	}
	return one(fault{field: "pki.scope", message: "all nodes share one private key: anyone with root on one host has it for all", expected: `scope: "node"`})
}

func certificateCombined(v *view) []fault {
	if v.PKI.Separate {
		return nil
	}
	return one(fault{field: "pki.separate", message: "one certificate is client and server: anyone who reads the serving key can act as kube-controller-manager", expected: "separate: true"})
}

func requestHeaderCA(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("requestheader-client-ca-file")
	ca, front := v.facts.CA.Cert, v.facts.FrontProxy.Cert
	same := ca != nil && front != nil && equal(ca.PublicKey, front.PublicKey)
	if !ok || f.Value != v.Paths.CA && f.Value != n.flags.Value("client-ca-file", "") && !same {
		return nil
	}
	return one(fault{
		field: f.Field, message: "the front proxy's CA is the cluster's: any client certificate of an allowed name could claim to be anyone",
		expected: "pki: frontProxy: …, and paths.frontProxyCA",
	})
}

// year is the longest lifetime that KCM should sign for; more than two are an error.
const year = 8760 * time.Hour

func signingDuration(v *view, n *nodeView) []fault {
	for _, name := range []string{"cluster-signing-duration", "experimental-cluster-signing-duration"} {
		f, ok := n.flags.Get(name)
		if !ok {
			continue
		}
		d, err := time.ParseDuration(f.Value)
		if err != nil && v.minor != nil {
			continue // flag-type
		}
		x := fault{field: f.Field, message: fmt.Sprintf("kube-controller-manager signs certificates for %s", f.Value), expected: "8760h or less"}
		switch {
		case err != nil || d <= 0:
			x.severity, x.message, x.expected = finding.Error, fmt.Sprintf("--%s is %q", name, f.Value), `a duration above zero, with its unit, such as "8760h"`
		case d <= year:
			continue
		case d > 2*year:
			x.severity = finding.Error
		}
		return one(x)
	}
	return nil
}
