#!/bin/sh
# Kubernetes' programs take "_" for "-" in the names of flags, so --root_ca_file is --root-ca-file.
# kube-bench searches the command line for the dashed names: it says FAIL of flags that are set.
# It looks for processes by their names, so programs of these names that only wait stand for the
# real ones here, with command lines that the real ones take.
set -eu
version=v0.8.0
dir=$(mktemp -d)
pids=
trap 'for p in $pids; do kill "$p" || true; done; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
go mod init repro 2>/dev/null
src=$(go mod download -json "github.com/aquasecurity/kube-bench@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
cp -r "$src" src
chmod -R u+w src
(cd src && go build -o ../kube-bench .) >log 2>&1 || { cat log >&2; exit 1; }
printf 'package main\n\nimport "time"\n\nfunc main() { time.Sleep(time.Minute) }\n' >wait.go
go build -o wait wait.go
for name in kube-apiserver kube-scheduler etcd kube-controller-manager; do cp wait "$name"; done
for name in kube-apiserver kube-scheduler etcd; do # kube-bench wants all of them
	"./$name" &
	pids="$pids $!"
done
check() {
	echo "$@"
	./kube-controller-manager "$@" &
	pid=$!
	pids="$pids $pid"
	for _ in 1 2 3 4 5 6 7 8 9; do ps -ef | grep -q '[k]ube-controller-manager --' && break || sleep 0.2; done
	./kube-bench run --benchmark cis-1.9 --config-dir src/cfg --config src/cfg/config.yaml \
		--targets master --check 1.3.4,1.3.5 2>/dev/null | grep '^\[[A-Z]*\] 1\.3\.[45]' | cut -c1-12
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	pids=${pids% "$pid"}
}
echo "kube-bench $version, cis-1.9:"
{
	check --service-account-private-key-file=/k --root-ca-file=/c
	check --service_account_private_key_file=/k --root_ca_file=/c
} | tee said
cat >want <<'END'
--service-account-private-key-file=/k --root-ca-file=/c
[PASS] 1.3.4
[PASS] 1.3.5
--service_account_private_key_file=/k --root_ca_file=/c
[FAIL] 1.3.4
[FAIL] 1.3.5
END
cmp want said
