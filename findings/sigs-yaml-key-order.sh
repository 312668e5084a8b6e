#!/bin/sh
# sigs.k8s.io/yaml: Marshal writes one and the same map in several orders. The
# encoder below it (go.yaml.in/yaml/v2) sorts keys by a "natural" order in which
# 10 < 1a, 1a < 2b and 2b < 10: numbers are compared as numbers, and a digit comes
# before a letter. No order of the three keys is sorted, so which one comes out
# hangs on the order in which Go iterates over the map.
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

	"sigs.k8s.io/yaml"
)

func main() {
	texts, jsons := map[string]int{}, map[string]int{}
	for range 1000 {
		m := map[string]string{"example.com/10": "a", "example.com/1a": "b", "example.com/2b": "c"}
		text, err := yaml.Marshal(m)
		if err != nil {
			panic(err)
		}
		texts[string(text)]++
		data, _ := json.Marshal(m)
		jsons[string(data)]++
	}
	fmt.Printf("1,000 times the same map: encoding/json wrote %d text(s), sigs.k8s.io/yaml %d:\n", len(jsons), len(texts))
	for text := range texts {
		fmt.Print("---\n", text)
	}
	for _, pair := range [][2]string{{"10", "1a"}, {"1a", "2b"}, {"2b", "10"}} {
		text, _ := yaml.Marshal(map[string]string{pair[0]: "first", pair[1]: "second"})
		fmt.Printf("%s and %s alone: %q\n", pair[0], pair[1], text)
	}
	if len(jsons) != 1 || len(texts) < 2 {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}
EOF
go mod tidy >log 2>&1 || { cat log; exit 1; }
go list -m sigs.k8s.io/yaml go.yaml.in/yaml/v2
go run .
echo "as described: sigs.k8s.io/yaml writes the same map in several orders"
