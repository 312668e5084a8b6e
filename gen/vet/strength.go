package vet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"
)

// tokenKey returns the user's key that signs service-account tokens, of its own file or
// the CA's; nil if kcmgen makes it, or if it isn't known.
func (v *view) tokenKey() (field string, key crypto.PublicKey) {
	if v.PKI.ServiceAccount.UseCA {
		return "pki.ca.keyFile", v.facts.CA.Public
	}
	return "pki.serviceAccount.keyFile", v.facts.ServiceAccount.Public
}

// Bits of an RSA key that signs tokens: the minimum of RFC 7518, and that of Go.
const (
	rsaStandard = 2048
	rsaLeast    = 1024
)

// tokenKeyKind: pkg/serviceaccount JWTTokenGenerator, which the leader calls.
func tokenKeyKind(v *view) []fault {
	field, key := v.tokenKey()
	bad := ""
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if !slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, key.Curve) {
			bad = "an ECDSA key on the curve " + key.Params().Name
		}
	case *rsa.PublicKey:
		if key.N.BitLen() < rsaLeast {
			bad = fmt.Sprintf("an RSA key of %d bits", key.N.BitLen())
		}
	}
	if bad == "" {
		return nil
	}
	return one(fault{
		field: field, message: "the service-account key is " + bad + ": no token can be signed with it",
		expected: "RSA of 2048 bits or more, or ECDSA on P-256, P-384 or P-521",
		hint:     "the node that leads would exit, or sign nothing",
	})
}

func tokenKeyWeak(v *view) []fault {
	field, key := v.tokenKey()
	k, ok := key.(*rsa.PublicKey)
	if !ok || k.N.BitLen() < rsaLeast || k.N.BitLen() >= rsaStandard {
		return nil
	}
	return one(fault{
		field: field, message: fmt.Sprintf("the service-account key is an RSA key of %d bits: anyone who breaks it can make tokens for every account", k.N.BitLen()),
		expected: "2048 bits or more, as RFC 7518 demands, or ECDSA",
		hint:     "let the apiserver verify with both keys before you change it",
	})
}
