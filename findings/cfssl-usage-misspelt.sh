#!/bin/sh
# cfssl drops a usage that it doesn't know as long as it knows another one of the profile. So
# "client_auth" beside "signing" gives certificates that are of no use to a client, with exit
# code 0 and no word. Only a profile in which it knows none is refused. The names that it
# knows have blanks ("client auth"); openssl writes the same usage clientAuth.
set -eu
version=v1.6.5
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
export GOBIN="$dir/bin" GOFLAGS=-modcacherw
go install "github.com/cloudflare/cfssl/cmd/cfssl@$version" "github.com/cloudflare/cfssl/cmd/cfssljson@$version" >log 2>&1 || { cat log >&2; exit 1; }
echo '{"CN": "an authority", "key": {"algo": "ecdsa", "size": 256}}' >ca.json
echo '{"CN": "system:kube-controller-manager", "key": {"algo": "ecdsa", "size": 256}}' >leaf.json
bin/cfssl gencert -loglevel=5 -initca ca.json | bin/cfssljson -bare ca
try() { # NAME USAGES
	echo "{\"signing\": {\"default\": {\"expiry\": \"24h\", \"usages\": [$2]}}}" >config.json
	code=0
	bin/cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=config.json leaf.json >"$1.out" 2>"$1.log" || code=$?
	usages='no certificate'
	if [ $code = 0 ]; then
		bin/cfssljson -bare "$1" <"$1.out"
		usages=$(openssl x509 -in "$1.pem" -noout -text | grep -A 1 'Extended Key Usage' | tail -n 1 | sed 's/^ *//')
	fi
	echo "usages $2: exit $code, for: ${usages:-none}, it names the usage: $(grep -ci 'client.\?auth' "$1.log" || :)"
}
echo "cfssl $version"
{
	try known '"signing", "client auth"'
	try misspelt '"signing", "client_auth"'
	try alone '"client_auth"'
} | tee said
grep -q '^usages "signing", "client auth": exit 0, for: TLS Web Client Authentication,' said
grep -q '^usages "signing", "client_auth": exit 0, for: none, it names the usage: 0$' said
grep -q '^usages "client_auth": exit 1, for: no certificate' said
