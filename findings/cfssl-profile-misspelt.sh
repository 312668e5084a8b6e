#!/bin/sh
# cfssl signs with the default profile, and says nothing, if -profile names one that its
# configuration hasn't got. A guide's "-profile=kubernetes" beside a configuration that calls
# it "Kubernetes" gives a certificate of the default's life and usages, with exit code 0: one
# without "client auth", say, which the apiserver refuses much later.
set -eu
version=v1.6.5
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
export GOBIN="$dir/bin" GOFLAGS=-modcacherw
go install "github.com/cloudflare/cfssl/cmd/cfssl@$version" "github.com/cloudflare/cfssl/cmd/cfssljson@$version" >log 2>&1 || { cat log >&2; exit 1; }
cat >config.json <<'END'
{"signing": {
  "default": {"expiry": "24h", "usages": ["signing", "server auth"]},
  "profiles": {"controllers": {"expiry": "8760h", "usages": ["signing", "client auth"]}}
}}
END
echo '{"CN": "an authority", "key": {"algo": "ecdsa", "size": 256}}' >ca.json
echo '{"CN": "system:kube-controller-manager", "key": {"algo": "ecdsa", "size": 256}}' >leaf.json
bin/cfssl gencert -loglevel=5 -initca ca.json | bin/cfssljson -bare ca
for profile in controllers Controllers; do
	code=0
	bin/cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=config.json -profile=$profile leaf.json >out.json 2>$profile.log || code=$?
	bin/cfssljson -bare $profile <out.json
	echo "cfssl $version -profile=$profile: exit $code, $(openssl x509 -in $profile.pem -noout -ext extendedKeyUsage | tail -n 1 | sed 's/^ *//'), it names the profile: $(grep -ci profile $profile.log || :)"
done | tee said
grep -q '^cfssl .*=controllers: exit 0, TLS Web Client Authentication,' said
grep -q '^cfssl .*=Controllers: exit 0, TLS Web Server Authentication, it names the profile: 0$' said
