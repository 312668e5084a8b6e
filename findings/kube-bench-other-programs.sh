#!/bin/sh
# kube-bench's checks of kube-controller-manager need a kube-apiserver and a kube-scheduler on the
# same host, which no check says: where one of them isn't running, kube-bench puts no program's
# name into its commands, these fail, and it says FAIL of flags that are set. So a host that runs
# kube-controller-manager alone fails every check of it.
# It looks for processes by their names, so programs of these names that only wait stand for the
# real ones here.
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
for name in kube-apiserver kube-scheduler kube-controller-manager; do cp wait "$name"; done
start() {
	"./$@" &
	pids="$pids $!"
}
check() {
	echo "$1"
	./kube-bench run --benchmark cis-1.9 --config-dir src/cfg --config src/cfg/config.yaml \
		--targets master --check 1.3.2,1.3.5 2>/dev/null | grep '^\[[A-Z]*\] 1\.3\.[25]' | cut -c1-12
}
start kube-controller-manager --profiling=false --root-ca-file=/c
start kube-apiserver
for _ in 1 2 3 4 5 6 7 8 9; do ps -ef | grep -q '[k]ube-controller-manager --' && break || sleep 0.2; done
echo "kube-bench $version, cis-1.9, for --profiling=false --root-ca-file=/c:"
check "without a kube-scheduler:" | tee said
start kube-scheduler
for _ in 1 2 3 4 5 6 7 8 9; do ps -ef | grep -q '[/]kube-scheduler' && break || sleep 0.2; done
check "with a kube-scheduler:" | tee -a said
cat >want <<'END'
without a kube-scheduler:
[FAIL] 1.3.2
[FAIL] 1.3.5
with a kube-scheduler:
[PASS] 1.3.2
[PASS] 1.3.5
END
cmp want said
