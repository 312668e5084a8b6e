package vet

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// apiserverKeys returns the public keys with which the apiserver verifies tokens, and the
// field and the place that name them.
func (v *view) apiserverKeys() (keys []crypto.PublicKey, field string, at finding.Pos) {
	if v.APIServer.ServiceAccountKeyFile != "" {
		return v.facts.APIServerKeys, "apiserver.serviceAccountKeyFile", finding.Pos{}
	}
	if p := v.peer(APIServerFile); p != nil {
		return p.Keys, APIServerFile, p.said("service-account-key-file").At
	}
	return nil, "", finding.Pos{}
}

// apiserverKeysUnread is what service-account-key-differs says where the file is known and
// the keys aren't: they lie on the apiserver's host.
func (v *view) apiserverKeysUnread(field string) []fault {
	p := v.peer(APIServerFile)
	if p == nil || field != APIServerFile {
		return nil
	}
	const name = "service-account-key-file"
	s := p.said(name)
	switch {
	case s.Unknown:
		return p.unchecked(APIServerFile, name, "the service-account key")
	case s.Value == "":
		return nil
	case p.KeysErr != nil && !errors.Is(p.KeysErr, fs.ErrNotExist):
		return one(fault{field: field, at: s.At, message: fmt.Sprintf("the --%s beside %s: %v", name, p.File, p.KeysErr), expected: "public keys in PEM"})
	}
	return one(fault{
		field: field, at: s.At, severity: finding.NotChecked,
		message:  fmt.Sprintf("the service-account key was not compared with the apiserver's: --%s is %s, and no such file lies beside %s", name, s.Value, p.File),
		expected: "a copy of it there, or apiserver: serviceAccountKeyFile",
	})
}
