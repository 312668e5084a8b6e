#!/bin/sh
# golang.org/x/crypto/ssh/knownhosts, and skeema/knownhosts on top of it: a host key that
# known_hosts revokes is refused where the host shows the key itself, and accepted where it
# shows a certificate for that key, if its authority is known. A key that got out goes on
# being trusted by the certificate it once had. ssh refuses both.
set -eu
crypto=v0.55.0 skeema=v1.3.3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
ssh-keygen -q -t ed25519 -N '' -C '' -f ca
ssh-keygen -q -t ed25519 -N '' -C '' -f host
ssh-keygen -q -s ca -I host -h -n n1 host.pub
{
	printf '@cert-authority * %s\n' "$(cat ca.pub)"
	printf '@revoked * %s\n' "$(cat host.pub)"
} >known_hosts
cat >main.go <<'END'
package main

import (
	"fmt"
	"net"
	"os"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	x "golang.org/x/crypto/ssh/knownhosts"
)

func key(file string) ssh.PublicKey {
	data, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	k, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		panic(err)
	}
	return k
}

func main() {
	plain, err := x.New("known_hosts")
	if err != nil {
		panic(err)
	}
	db, err := knownhosts.NewDB("known_hosts")
	if err != nil {
		panic(err)
	}
	at := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 22}
	for _, file := range []string{"host.pub", "host-cert.pub"} {
		fmt.Printf("x/crypto, %s: %v\n", file, plain("n1:22", at, key(file)))
		fmt.Printf("skeema, %s: %v\n", file, db.HostKeyCallback()("n1:22", at, key(file)))
	}
}
END
{ go mod init repro && go get "golang.org/x/crypto@$crypto" "github.com/skeema/knownhosts@$skeema" && go mod tidy; } >log 2>&1 || { cat log >&2; exit 1; }
echo "golang.org/x/crypto $crypto, github.com/skeema/knownhosts $skeema:"
go run . | tee out
grep -qx 'x/crypto, host.pub: knownhosts: key is revoked' out
grep -qx 'skeema, host.pub: knownhosts: key is revoked' out
grep -qx 'x/crypto, host-cert.pub: <nil>' out
grep -qx 'skeema, host-cert.pub: <nil>' out
echo "so it is: a revoked key is trusted by its certificate"
