#!/bin/sh
# sigs.k8s.io/yaml: a string that holds U+0085 (NEXT LINE) comes out of Marshal
# with a space in its place. Marshal encodes the value as JSON and reads that with
# a YAML parser. JSON lets U+0085 stand in a string as it is; for YAML 1.1 it is a
# line break, which a quoted scalar folds to a space. No error is returned.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
cat >go.mod <<'EOF'
module reproduction

go 1.22

require sigs.k8s.io/yaml v1.6.0
EOF
cat >main.go <<'EOF'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v2"
	k8syaml "sigs.k8s.io/yaml"
)

func main() {
	in := map[string]string{"key": "a\u0085b"}
	fmt.Printf("value:                        %q\n", in["key"])

	var viaJSON map[string]string
	data, _ := json.Marshal(in)
	_ = json.Unmarshal(data, &viaJSON)
	fmt.Printf("through encoding/json:        %q\n", viaJSON["key"])

	var viaV2 map[string]string
	data, _ = yaml.Marshal(in)
	_ = yaml.Unmarshal(data, &viaV2)
	fmt.Printf("through go.yaml.in/yaml/v2:   %q\n", viaV2["key"])

	var out map[string]string
	data, err := k8syaml.Marshal(in)
	if err == nil {
		err = k8syaml.Unmarshal(data, &out)
	}
	fmt.Printf("through sigs.k8s.io/yaml:     %q, error %v; the text is %q\n", out["key"], err, data)

	if err != nil || out["key"] != "a b" || viaJSON["key"] != in["key"] || viaV2["key"] != in["key"] {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}
EOF
go mod tidy >log 2>&1 || { cat log; exit 1; }
go list -m sigs.k8s.io/yaml go.yaml.in/yaml/v2
go run .
echo "as described: sigs.k8s.io/yaml turns U+0085 in a string into a space, without an error"
