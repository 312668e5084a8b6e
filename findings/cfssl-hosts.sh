#!/bin/sh
# cfssl guesses what each of a request's "hosts" is, one by one. A name with a port
# (localhost:6443) becomes a URI named by its scheme "localhost", an address with a port
# (10.0.0.1:6443) becomes a DNS name, as does an address with a typing error
# (10.0.0.300); a path and an address with a zone become URIs. No host is refused, and
# no client that asks for the name, the address or the port finds it in the certificate.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'EOF'
module repro

go 1.24
EOF
cat >main.go <<'EOF'
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/log"
)

func main() {
	log.Level = log.LevelFatal
	for _, host := range []string{"localhost", "10.0.0.1", "localhost:6443", "10.0.0.1:6443", "10.0.0.300", "010.0.0.1", "a..b", "/kcm", "fe80::1%eth0", "ops@example.com"} {
		data, _, err := csr.ParseRequest(&csr.CertificateRequest{CN: "x", Hosts: []string{host}, KeyRequest: csr.NewKeyRequest()})
		if err != nil {
			fmt.Printf("%-16s refused: %v\n", host, err)
			continue
		}
		block, _ := pem.Decode(data)
		r, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil {
			fmt.Printf("%-16s made, and not readable: %v\n", host, err)
			continue
		}
		fmt.Printf("%-16s dns=%v ip=%v uri=%v email=%v\n", host, r.DNSNames, r.IPAddresses, r.URIs, r.EmailAddresses)
	}
}
EOF
go get github.com/cloudflare/cfssl@v1.6.5 >log 2>&1 || { cat log; exit 1; }
go mod tidy >log 2>&1 || { cat log; exit 1; }
echo "cfssl $(go list -m -f '{{.Version}}' github.com/cloudflare/cfssl), $(go version)"
go run . | tee got
cat >want <<'EOF'
localhost        dns=[localhost] ip=[] uri=[] email=[]
10.0.0.1         dns=[] ip=[10.0.0.1] uri=[] email=[]
localhost:6443   dns=[] ip=[] uri=[localhost:6443] email=[]
10.0.0.1:6443    dns=[10.0.0.1:6443] ip=[] uri=[] email=[]
10.0.0.300       dns=[10.0.0.300] ip=[] uri=[] email=[]
010.0.0.1        dns=[010.0.0.1] ip=[] uri=[] email=[]
a..b             dns=[a..b] ip=[] uri=[] email=[]
/kcm             dns=[] ip=[] uri=[/kcm] email=[]
fe80::1%eth0     dns=[] ip=[] uri=[fe80::1%eth0] email=[]
ops@example.com  dns=[] ip=[] uri=[] email=[ops@example.com]
EOF
diff want got && echo "as described: a host with a port is a URI or a DNS name, by what stands before the port"
