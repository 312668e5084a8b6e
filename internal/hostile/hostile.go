// Package hostile makes clusters whose evaluation takes too much: CUE that grows, never
// ends, or is long. Each is generated, so that no file of them lies in the repository.
package hostile

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Input is a CUE module with a cluster's package in the directory prod.
type Input struct {
	Name  string
	Files func() map[string]string // by name, relative to the module's root
}

// Write writes the files of an input below a directory.
func (in Input) Write(dir string) error {
	files := in.Files()
	if _, own := files[module]; !own {
		files[module] = "module: \"example.com/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n"
	}
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const (
	module = "cue.mod/module.cue"
	file   = "prod/cluster.cue"
)

// cluster is a cluster's file: imports, fields before the cluster, and lines in it.
func cluster(imports []string, top, body string) string {
	var b strings.Builder
	if strings.Contains(top+body, "@embed(") {
		b.WriteString("@extern(embed)\n")
	}
	b.WriteString("package prod\n\nimport (\n\t\"github.com/kcmgen/kcmgen/schemas\"\n")
	for _, path := range imports {
		fmt.Fprintf(&b, "\t%q\n", path)
	}
	fmt.Fprintf(&b, ")\n\n%s\n\ncluster: schemas.#Cluster & {\n\tname: \"prod\"\n\tversion: \"v1.37.1\"\n\tlayout: \"systemd\"\n"+
		"\tnodes: \"cp-1\": address: \"10.0.0.11\"\n\tnetworks: {pods: [\"10.200.0.0/16\"], services: [\"10.32.0.0/16\"]}\n%s\n}\n", top, body)
	return b.String()
}

// use is a line of a cluster that needs a value, of whatever kind.
func use(value string) string { return "\tflags: \"cluster-name\": \"\\(" + value + ")\"" }

// of is an input of one file. imports are separated by spaces.
func of(name, imports, top, body string) Input {
	return Input{name, func() map[string]string {
		return map[string]string{file: cluster(strings.Fields(imports), top, body)}
	}}
}

// chain returns n lines from a first one, each made of the one before it: format has the
// number of the line, and %[2]d for the number before.
func chain(n int, first, format string) string {
	var b strings.Builder
	b.WriteString(first + "\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, format+"\n", i, i-1)
	}
	return b.String()
}

// lines returns n lines of a format with their number.
func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+"\n", i)
	}
	return b.String()
}

func repeat(s string, n int) string { return strings.Repeat(s, n) }

// Inputs has all inputs, the same at each call. Names are unique. Some hold megabytes, so
// they are made family by family.
func Inputs() iter.Seq[Input] {
	return func(yield func(Input) bool) {
		for _, family := range []func() []Input{
			doubling, ranges, numbers, choices, loops, chains, expressions, templates, long, recursion, deep, embedded, many, patterns,
		} {
			for _, in := range family() {
				if !yield(in) {
					return
				}
			}
		}
	}
}
