package schemas_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cuelang.org/go/cue/format"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/kcmgen/kcmgen/gen/flags"
)

// TestTyped: each minor version that there is data of has a package whose flags
// are those of the data, and there are no others.
func TestTyped(t *testing.T) {
	want := map[string]bool{}
	for _, minor := range flags.Minors() {
		name := fmt.Sprintf("v1_%d/flags.cue", minor)
		want[name] = true
		got := typed(t, minor)
		if *update {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(old, got) {
			t.Errorf("type: go test ./schemas -update\n%s", diff.Diff(name, old, "gen/flags", got))
		}
	}
	found, err := filepath.Glob("v1_*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		if !want[filepath.ToSlash(name)] {
			t.Errorf("%s comes from no data", name)
		}
	}
}

const typedHead = `// Made by go test ./schemas -update from gen/flags: don't edit.

// Package v1_%[1]d is the schema for clusters of v1.%[1]d: it takes no other minor
// version, and the flags of that kube-controller-manager.
//
//	import "github.com/kcmgen/kcmgen/schemas/v1_%[1]d"
//
//	cluster: v1_%[1]d.#Cluster & {
//		version: "%[2]s"
//		...
//	}
package v1_%[1]d

import (
	%[3]s"github.com/kcmgen/kcmgen/schemas"
	"github.com/kcmgen/kcmgen/schemas/types"
)

// #Cluster is a cluster of v1.%[1]d.
#Cluster: schemas.#Cluster & {
	version!: =~"^v1\\.%[1]d\\."
	flags: #Flags
	#typed: true
	nodes: [string]: N={
		// Only the flags that the node has: CUE would try all others too.
		_flags: N.flags & #FlagNames & {for name, value in N.flags {(name): ({(name): value} & #Flags)[name]}}
	}
}

// #Node is one host that runs kube-controller-manager v1.%[1]d.
#Node: schemas.#Node & {flags: #Flags}

`

// typed is the package of a minor version.
func typed(t *testing.T, minor int) []byte {
	t.Helper()
	m := flags.Of(minor)
	var body bytes.Buffer
	var names []string
	fmt.Fprintf(&body, "// #Flags are all flags of kube-controller-manager v1.%d, under their real names\n// without the leading dashes. null leaves out a flag that kcmgen would pass.\n#Flags: {\n", minor)
	for _, d := range m.Flags {
		if d.Name == "help" || d.Name == "version" { // they end the process at once
			continue
		}
		fmt.Fprintf(&body, "\t// %s\n\t%q?: %s | null\n", remark(d), d.Name, typeOf(t, m, minor, d))
		names = append(names, d.Name)
	}
	body.WriteString("}\n\n")
	fmt.Fprintf(&body, "// #FlagNames are flags of these names, with any value.\n#FlagNames: [=~\"^(\\(_flagNames))$\"]: _\n\n_flagNames: %s\n\n", joined(names))
	writeControllers(&body, m)
	writeGates(&body, m)
	if d, ok := m.Flag("tls-cipher-suites"); ok {
		fmt.Fprintf(&body, "// #CipherSuite is one of --tls-cipher-suites.\n#CipherSuite: =~\"^(\\(_cipherSuites))$\"\n\n_cipherSuites: %s\n", joined(d.Allowed))
	}
	imports := `"strings"` + "\n\n\t"
	if strings.Contains(body.String(), "time.Parse") {
		imports = `"strings"` + "\n\t" + `"time"` + "\n\n\t"
	}
	out, err := format.Source([]byte(fmt.Sprintf(typedHead, minor, m.Version, imports) + body.String()))
	if err != nil {
		t.Fatalf("v1.%d: %v", minor, err)
	}
	return out
}

// remark is what people should know of a flag at first sight.
func remark(d flags.Def) string {
	out := "default " + d.Default
	if plain := cmp.Or(d.Default, "[]") == "[]"; plain || d.Type == "string" {
		out = fmt.Sprintf("default %q", strings.Trim(d.Default, "[]"))
	}
	life, _ := flags.LifeOf(d.Name)
	if d.Deprecated {
		out += "; deprecated"
		if removed := life.Removed(); removed > 0 {
			out += fmt.Sprintf(", removed in v1.%d", removed)
		}
		if life.ReplacedBy != "" {
			out += ": use " + life.ReplacedBy
		}
	}
	if d.Hidden {
		out += "; hidden from --help"
	}
	return out
}

// typeOf is the CUE expression for the values that a flag takes.
func typeOf(t *testing.T, m *flags.Minor, minor int, d flags.Def) string {
	t.Helper()
	switch {
	case d.Name == "controllers":
		return "[#Controller, ...#Controller]"
	case d.Name == "tls-cipher-suites":
		return `[...#CipherSuite] | =~"^((\(_cipherSuites))(,(\(_cipherSuites)))*)?$"`
	case len(d.Allowed) > 0 && d.Type != "string":
		t.Fatalf("v1.%d --%s: allowed values of a %s", minor, d.Name, d.Type)
	}
	switch d.Type {
	case "bool":
		return "bool"
	case "string":
		return enum(d)
	case "int", "int32", "uint64", "float32", "float64":
		return number(d)
	case "duration":
		return duration(t, d)
	case "ip":
		if minor >= 34 { // since when an empty address is all of them
			return `types.#IP | ""`
		}
		return "types.#IP"
	case "Level":
		if vmodule, _ := m.Flag("vmodule"); vmodule.Type == "moduleSpec" {
			return "int32" // klog's own, which takes what is below 0 too
		}
		return fmt.Sprintf("int & >=0 & <=%d", math.MaxInt32)
	case "mapStringBool":
		return "#FeatureGates | types.#Gates"
	case "colonSeparatedMultimapStringString":
		return "#FeatureGates | types.#ComponentGates"
	}
	name, ok := map[string]string{
		"stringSlice": "Strings", "cidrs": "CIDRs", "traceLocation": "Line", "severity": "Severity", "namedCertKey": "CertKey",
		"moduleSpec": "Levels", "pattern=N,...": "Levels", "stringToString": "Pairs", "quantity": "Quantity", "int32Slice": "Numbers",
	}[d.Type]
	if !ok {
		t.Fatalf("v1.%d --%s has a type that has no form in CUE yet: %s", minor, d.Name, d.Type)
	}
	return "types.#" + name
}

// enum is a string, or one of those that are taken. Whether the gate is on that
// some need is for a rule to see.
func enum(d flags.Def) string {
	if len(d.Allowed) == 0 {
		return "string"
	}
	all := slices.Clone(d.Allowed)
	for _, values := range d.AllowedWithGate {
		all = append(all, values...)
	}
	slices.Sort(all)
	for i, v := range all {
		all[i] = strconv.Quote(v)
	}
	return strings.Join(slices.Compact(all), " | ")
}

func number(d flags.Def) string {
	kind := d.Type
	if kind == "int" {
		kind = "int64"
	}
	if d.Min != nil && d.Max != nil && strings.HasPrefix(kind, "int") {
		kind = "int"
	}
	if d.Min != nil {
		kind += " & >=" + strconv.FormatFloat(*d.Min, 'f', -1, 64)
	}
	if d.Max != nil {
		kind += " & <=" + strconv.FormatFloat(*d.Max, 'f', -1, 64)
	}
	return kind
}

func duration(t *testing.T, d flags.Def) string {
	t.Helper()
	if d.MinDuration == "" {
		return "types.#Duration"
	}
	least, err := time.ParseDuration(d.MinDuration)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("D={types.#Duration, _atLeast%s: time.ParseDuration(D) & >=%d}", strings.ToUpper(d.MinDuration), least.Nanoseconds())
}

func writeControllers(b *bytes.Buffer, m *flags.Minor) {
	var names []string
	for _, c := range m.Controllers {
		names = append(append(names, c.Name), c.Aliases...)
	}
	slices.Sort(names)
	fmt.Fprintf(b, "// #Controller is one of --controllers: \"*\", a name, or \"-name\".\n#Controller: \"*\" | =~\"^-?(\\(_controllers))$\"\n\n_controllers: %s\n\n", joined(names))
}

// joined is an expression for alternatives in a regular expression.
func joined(names []string) string {
	var b strings.Builder
	b.WriteString("strings.Join([\n")
	for _, n := range names {
		fmt.Fprintf(&b, "\t%q,\n", n)
	}
	b.WriteString(`], "|")`)
	return b.String()
}

func writeGates(b *bytes.Buffer, m *flags.Minor) {
	fmt.Fprintf(b, "// #FeatureGates are feature gates by name.\n#FeatureGates: {\n")
	for _, g := range m.FeatureGates {
		state := map[bool]string{true: "on", false: "off"}[g.Default]
		if g.Locked {
			state += ", locked"
		}
		fmt.Fprintf(b, "\t%s?: bool // %s: %s\n", g.Name, strings.ToLower(g.Stage), state)
	}
	b.WriteString("}\n\n")
}
