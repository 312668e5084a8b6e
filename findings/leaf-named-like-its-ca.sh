#!/bin/sh
# cfssl (and Go's x509.CreateCertificate below it) leaves the authority key
# identifier out of a certificate whose subject equals its issuer's, though another
# key signed it. Go verifies such a certificate; openssl takes it for self-signed
# and refuses it, at depth 0, with the CA at hand.
# Needs go and openssl. Fails if that changes.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
export GOBIN="$dir/bin" GOFLAGS=-modcacherw
go install github.com/cloudflare/cfssl/cmd/cfssl@v1.6.5
go install github.com/cloudflare/cfssl/cmd/cfssljson@v1.6.5
echo '{"signing": {"default": {"expiry": "8760h", "usages": ["digital signature", "client auth"]}}}' >config.json
ca() { # NAME CN
	printf '{"CN": "%s", "key": {"algo": "ecdsa", "size": 256}}' "$2" >"$1.json"
	bin/cfssl gencert -loglevel=5 -initca "$1.json" | bin/cfssljson -bare "$1"
}
leaf() { # NAME CA CN
	printf '{"CN": "%s", "key": {"algo": "ecdsa", "size": 256}}' "$3" >"$1.json"
	bin/cfssl gencert -loglevel=5 -ca "$2.pem" -ca-key "$2-key.pem" -config config.json "$1.json" | bin/cfssljson -bare "$1"
}
ca same system:component
leaf same-leaf same system:component
ca other a-ca
leaf other-leaf other system:component
cat >verify.go <<'GO'
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func read(name string) *x509.Certificate {
	data, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		panic(err)
	}
	return cert
}

func main() {
	roots, leaf := x509.NewCertPool(), read(os.Args[2])
	roots.AddCert(read(os.Args[1]))
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	fmt.Printf("Go's verdict: %v; authority key identifier: %d bytes\n", err, len(leaf.AuthorityKeyId))
	if err != nil {
		os.Exit(1)
	}
}
GO
echo "versions: $(go version); cfssl v1.6.5; $(openssl version)"
echo "a CA with another name:"
go run verify.go other.pem other-leaf.pem
openssl verify -purpose sslclient -CAfile other.pem other-leaf.pem
echo "a CA with the name of its leaf:"
go run verify.go same.pem same-leaf.pem | tee said
grep -q 'verdict: <nil>; authority key identifier: 0 bytes' said
if openssl verify -purpose sslclient -CAfile same.pem same-leaf.pem 2>&1 | tee said; then :; fi
grep -q 'error 18 at 0 depth lookup: self-signed certificate' said
echo "as described: Go takes it, openssl says error 18, self-signed certificate"
