#!/bin/sh
# k8s.io/client-go/util/keyutil reads an EC private key in PKCS#8 ("PRIVATE KEY", what
# `openssl genpkey` writes) as a private key, and refuses the same file where it looks for
# public keys, though it takes the SEC 1 form ("EC PRIVATE KEY") and RSA keys of both forms
# there. kube-controller-manager signs tokens by the first function and kube-apiserver verifies
# them by the second, so one file for --service-account-private-key-file and
# --service-account-key-file, as guides have it, works in the one and not in the other.
set -eu
version=v0.37.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec-pkcs8.pem
openssl ec -in ec-pkcs8.pem -out ec-sec1.pem 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa-pkcs8.pem 2>/dev/null
openssl rsa -in rsa-pkcs8.pem -traditional -out rsa-pkcs1.pem 2>/dev/null
cat >main.go <<'END'
package main

import (
	"fmt"

	"k8s.io/client-go/util/keyutil"
)

func main() {
	for _, name := range []string{"rsa-pkcs1", "rsa-pkcs8", "ec-sec1", "ec-pkcs8"} {
		_, private := keyutil.PrivateKeyFromFile(name + ".pem")
		_, public := keyutil.PublicKeysFromFile(name + ".pem")
		fmt.Printf("%-9s as private key: %v; as public key: %v\n", name, private, public)
	}
}
END
{ go mod init repro && go get "k8s.io/client-go@$version" && go mod tidy; } >log 2>&1 || { cat log >&2; exit 1; }
echo "k8s.io/client-go $version, $(openssl version)"
go run . | tee said
[ "$(grep -c 'as private key: <nil>; as public key: <nil>$' said)" = 3 ]
grep -q '^ec-pkcs8  as private key: <nil>; as public key: .*does not contain any valid' said
