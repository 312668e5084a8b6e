package vet

import (
	"crypto/x509/pkix"
	"fmt"

	"github.com/kcmgen/kcmgen/gen/spec"
)

var certificateNameRules = []Rule{
	{
		ID: "ca-name", Severity: isError, cluster: caName,
		Doc: "no certificate has its CA's name: openssl would count it as self-signed",
	},
}

// caName: a certificate with its issuer's name has no authority key id, and openssl
// refuses it as self-signed. Go doesn't.
func caName(v *view) []fault {
	a := v.authorities()[0]
	name, field := a.spec.Subject, a.field+".subject.CN"
	switch cert := a.facts.Cert; {
	case a.spec.Existing() && cert == nil:
		return nil
	case a.spec.Existing():
		name, field = subject(cert.Subject), a.field+".certFile"
	}
	var out []fault
	for _, l := range v.leaves() {
		if l.spec.Subject == name && name.CN != "" {
			out = append(out, fault{
				field: l.field + ".subject.CN", also: []string{field}, expected: "another name for one of the two",
				message: fmt.Sprintf("the certificate has the name of its CA, %q: programs that use openssl take it for self-signed", name.CN),
			})
		}
	}
	return out
}

// subject converts a name; it returns the zero value for a name that spec.Subject
// can't express.
func subject(n pkix.Name) spec.Subject {
	one := func(vs []string) string {
		if len(vs) == 0 {
			return ""
		}
		return vs[0]
	}
	s := spec.Subject{CN: n.CommonName, O: one(n.Organization), OU: one(n.OrganizationalUnit), C: one(n.Country), ST: one(n.Province), L: one(n.Locality)}
	parts := 0
	for _, v := range []string{s.CN, s.O, s.OU, s.C, s.ST, s.L} {
		if v != "" {
			parts++
		}
	}
	if len(n.Names) != parts {
		return spec.Subject{}
	}
	return s
}
