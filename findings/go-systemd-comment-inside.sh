#!/bin/sh
# coreos/go-systemd: a comment between the lines of a continued value becomes a part of the
# value. systemd drops it (systemd.syntax(7)), so people switch a flag off in the middle of
# ExecStart= by a "#" before its line. A reader that only knows this library takes the
# switched-off flag for one that is in force, or, where the comment doesn't end in a
# backslash, ends the value there and refuses the unit.
#
# Needs systemd-analyze.
set -eu
version=v22.7.0
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
cd "$D"
cat >flag.service <<'END'
[Service]
ExecStart=/bin/echo \
  --first \
# --switched-off="open \
  --last
END
sed 's/^# .*/# a remark/' flag.service >remark.service
cat >main.go <<'END'
package main

import (
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/unit"
)

func main() {
	for _, name := range []string{"flag.service", "remark.service"} {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		options, err := unit.Deserialize(f)
		for _, o := range options {
			fmt.Printf("%s: %s=%q\n", name, o.Name, o.Value)
		}
		fmt.Printf("%s: error: %v\n", name, err)
	}
}
END
{ go mod init repro && go get "github.com/coreos/go-systemd/v22@$version"; } >log 2>&1 || { cat log >&2; exit 1; }
echo "go-systemd $version:"
go run . | tee said
grep -q '^flag.service: ExecStart=.*--switched-off=.*--last"$' said
grep -q '^flag.service: error: <nil>$' said
grep -q '^remark.service: ExecStart=.*a remark"$' said
grep -q '^remark.service: error: unexpected newline' said

# systemd sees the open quote only without the sign before it.
systemd-analyze --version | head -n 1
judge() { systemd-analyze verify --man=no "./$1" 2>&1 | grep -F "$1" || echo "$1: no complaint"; }
sed 's/^# /  /' flag.service >switched-on.service
for unit in flag remark switched-on; do judge "$unit.service"; done | tee said
[ "$(grep -c -e '^flag.service: no complaint$' -e '^remark.service: no complaint$' said)" = 2 ]
grep -q '^switched-on.service.*: no complaint' said && exit 1
echo "so it is: systemd drops the comment, the library keeps it"
