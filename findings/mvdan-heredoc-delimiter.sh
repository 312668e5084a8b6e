#!/bin/sh
# A here-document whose delimiter is quoted in any part is literal (POSIX 2.7.4): a shell
# expands nothing in it. mvdan.cc/sh looks at the delimiter's last part only. With <<"E"ND its
# syntax tree has the expansion of $HOME in the body, which no shell makes, and its formatter's
# users that walk the tree rewrite or check what is plain text.
set -eu
version=v3.13.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"
	"os"

	"mvdan.cc/sh/v3/syntax"
)

// It says whether the tree of a script has an expansion.
func main() {
	for _, name := range os.Args[1:] {
		text, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		f, err := syntax.NewParser().Parse(text, name)
		if err != nil {
			panic(err)
		}
		expansions := 0
		syntax.Walk(f, func(n syntax.Node) bool {
			if _, ok := n.(*syntax.ParamExp); ok {
				expansions++
			}
			return true
		})
		fmt.Printf("%s: %d expansions in the tree\n", name, expansions)
	}
}
END
printf 'cat <<"E"ND\n$HOME\nEND\n' >first.sh
printf 'cat <<E"ND"\n$HOME\nEND\n' >last.sh
go mod init repro 2>/dev/null
go get "mvdan.cc/sh/v3@$version" >log 2>&1 || { cat log >&2; exit 1; }
echo "mvdan.cc/sh $version:"
go run . first.sh last.sh | tee said
for f in first.sh last.sh; do
	echo "sh, $f: $(HOME=/home/x sh $f)"
	[ "$(HOME=/home/x sh $f)" = '$HOME' ]
done
printf 'first.sh: 1 expansions in the tree\nlast.sh: 0 expansions in the tree\n' >want
cmp want said
