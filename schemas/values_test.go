package schemas_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/schemas"
)

// values are what flags of a type take and don't take, as CUE. Those with allowed
// values or a range have more, by valuesOf.
var values = map[string]struct{ good, bad []string }{
	"bool":     {[]string{`true`, `false`}, []string{`"true"`, `1`, `"yes"`, `["true"]`}},
	"string":   {[]string{`""`, `"a,b"`, `"/etc/x"`}, []string{`1`, `true`, `["a"]`, `{a: true}`}},
	"int":      {[]string{`0`, `8080`, `0x10`}, []string{`"0"`, `1.5`, `true`, `9223372036854775808`}},
	"int32":    {[]string{`5`, `50`}, []string{`"5"`, `2147483648`, `1.5`, `true`, `[1]`}},
	"uint64":   {[]string{`0`, `18446744073709551615`}, []string{`-1`, `18446744073709551616`, `"0"`}},
	"float32":  {[]string{`0.1`, `20`, `1e3`, `-1`}, []string{`"0.1"`, `true`, `1e39`}},
	"float64":  {[]string{`0.1`, `20`, `1e39`}, []string{`"0.1"`, `true`}},
	"duration": {[]string{`"90s"`, `"1h30m"`, `"1.5h"`, `"100000µs"`, `"+5m"`}, []string{`"40"`, `40`, `""`, `"1d"`, `"s"`, `true`, `" 1s"`}},
	"ip":       {[]string{`"127.0.0.1"`, `"::1"`, `"0.0.0.0"`}, []string{`"localhost"`, `"10.0.0.256"`, `"fe80::1%eth0"`, `"1.2.3.4/8"`, `1`}},
	"Level":    {[]string{`0`, `4`, `2147483647`}, []string{`"4"`, `2147483648`, `1.5`, `true`}},
	"quantity": {[]string{`0`, `65536`, `"64Ki"`, `"1.5M"`, `"1e3"`, `"+.5G"`}, []string{`"64KB"`, `""`, `"Ki"`, `"1 Ki"`, `true`, `"ten"`}},
	"severity": {[]string{`2`, `"INFO"`, `"warning"`, `"Fatal"`}, []string{`"debug"`, `""`, `true`, `1.5`}},
	"stringSlice": {
		[]string{`"a"`, `"a,b"`, `["a", "b"]`, `[]`, `["a b"]`},
		[]string{`["a,b"]`, `["a\"b"]`, `["a\nb"]`, `[["a"]]`, `[1]`, `true`, `{a: "b"}`},
	},
	"int32Slice":     {[]string{`"29"`, `"29,23"`, `[29, 23]`}, []string{`["x"]`, `"x"`, `"29,"`, `[2147483648]`, `true`}},
	"cidrs":          {[]string{`"10.0.0.0/8"`, `"10.0.0.0/8,fd00::/8"`, `["10.0.0.0/8"]`}, []string{`"10.0.0.0"`, `""`, `["x"]`, `[]`, `true`}},
	"stringToString": {[]string{`"a=b"`, `"m,l=x"`, `"a=1,b=2"`}, []string{`"a"`, `""`, `true`, `["a=b"]`, `{a: "b"}`}},
	"namedCertKey": {
		[]string{`"a.crt,a.key"`, `"a.crt,a.key:a.example,b.example"`, `"a.crt,a.key:[::1]"`},
		[]string{`"a.crt"`, `"a,b,c"`, `"a.crt,a.key:"`, `"a.crt,a.key: "`, `["a.crt", "a.key"]`, `true`},
	},
	"moduleSpec":    {[]string{`"a=1"`, `"a*=1,b=2"`, `""`, `"a=1,"`}, []string{`"a"`, `"a=b"`, `"=1"`, `"a=-1"`, `"a=1=2"`, `true`}},
	"pattern=N,...": {[]string{`"a=1"`, `"a*=1,b=2"`, `""`, `"a=1,"`}, []string{`"a"`, `"a=b"`, `"=1"`, `"a=-1"`, `"a=1=2"`, `true`}},
	"traceLocation": {[]string{`"a.go:12"`}, []string{`"a.go"`, `"a:1"`, `"a.go:0"`, `":0"`, `12`}},
	"mapStringBool": {
		[]string{`"AllBeta=true"`, `"A=true,B=F"`, `" A = true "`, `""`, `{AllBeta: true}`, `{AllBeta: true, AllAlpha: false}`, `{}`},
		[]string{`"AllBeta"`, `"AllBeta=yes"`, `{AllBeta: "true"}`, `{NoGate: true}`, `["AllBeta=true"]`, `true`},
	},
	"colonSeparatedMultimapStringString": {
		[]string{`"AllBeta=true"`, `"A=true,kube:B=false"`, `""`, `{AllBeta: true}`, `{}`},
		[]string{`"AllBeta"`, `"kube:AllBeta"`, `"AllBeta=yes"`, `{AllBeta: "true"}`, `{NoGate: true}`, `["AllBeta=true"]`, `true`},
	},
}

// valuesOf are values that one flag of a minor version takes, and others.
func valuesOf(t *testing.T, m *flags.Minor, d flags.Def) (good, bad []string) {
	t.Helper()
	of, ok := values[d.Type]
	if !ok {
		t.Fatalf("--%s: no values of a %s", d.Name, d.Type)
	}
	good, bad = slices.Concat(of.good, []string{"null"}), slices.Clone(of.bad)
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	switch {
	case d.Name == "controllers":
		c := m.Controllers[0]
		good = []string{`["*"]`, fmt.Sprintf("[%q, %q]", c.Name, "-"+c.Name), "null"}
		for _, alias := range c.Aliases {
			good = append(good, fmt.Sprintf("[%q, %q]", alias, "-"+alias))
		}
		bad = []string{`"*"`, `["-*"]`, `["missing"]`, `["--` + c.Name + `"]`, `[]`, `["*,` + c.Name + `"]`, `true`}
	case d.Type == "stringSlice" && len(d.Allowed) > 0:
		a, b := d.Allowed[0], d.Allowed[1]
		good = []string{strconv.Quote(a), strconv.Quote(a + "," + b), fmt.Sprintf("[%q, %q]", a, b), `[]`, `""`, "null"}
		bad = []string{`"x"`, `["x"]`, strconv.Quote(a + ",x"), strconv.Quote(a + b), `true`}
	case len(d.Allowed) > 0:
		good = []string{"null"}
		for _, v := range d.Allowed {
			good, bad = append(good, strconv.Quote(v)), append(bad, strconv.Quote(v+"x"))
		}
		for _, all := range d.AllowedWithGate {
			for _, v := range all {
				good = append(good, strconv.Quote(v))
			}
		}
	case d.Min != nil:
		good, bad = []string{number(*d.Min), "null"}, append(bad, number(*d.Min-1))
		if d.Max != nil {
			good, bad = append(good, number(*d.Max)), append(bad, number(*d.Max+1))
		}
	case d.MinDuration != "":
		good, bad = []string{strconv.Quote(d.MinDuration), `"1h"`, "null"}, append(bad, `"1ms"`, `"-1h"`, `"999ms"`)
		return good, bad
	case d.Type == "int32", d.Type == "int":
		good = append(good, "-1", "0")
	case d.Type == "duration":
		good = append(good, `"0"`, `"-1s"`)
	case d.Type == "Level":
		if v, _ := m.Flag("vmodule"); v.Type == "moduleSpec" {
			good = append(good, "-1")
		} else {
			bad = append(bad, "-1")
		}
	case d.Type == "ip" && m.Number() >= 34:
		good = append(good, `""`)
	case d.Type == "ip":
		bad = append(bad, `""`)
	}
	return good, bad
}

// TestValues: the package of a minor version takes what its flags take, and refuses
// the rest.
func TestValues(t *testing.T) {
	for _, minor := range []int{20, 30, 37} {
		t.Run(fmt.Sprintf("v1.%d", minor), func(t *testing.T) {
			m := flags.Of(minor)
			body, n := build(t, minor), 0
			for _, d := range m.Flags {
				if d.Name == "help" || d.Name == "version" {
					refuses(t, body, d.Name, "true")
					continue
				}
				good, bad := valuesOf(t, m, d)
				for _, v := range good {
					n++
					if err := unified(body, d.Name, v); err != nil {
						t.Errorf("--%s doesn't take %s: %v", d.Name, v, err)
					}
				}
				for _, v := range bad {
					n++
					refuses(t, body, d.Name, v)
				}
			}
			refuses(t, body, "no-such-flag", "true")
			if n < 900 {
				t.Errorf("only %d values were tried", n)
			}
		})
	}
}

// build is #Flags of a minor version.
func build(t *testing.T, minor int) cue.Value {
	t.Helper()
	inst := load.Instances([]string{fmt.Sprintf("./v1_%d", minor)}, nil)[0]
	v := cuecontext.New().BuildInstance(inst).LookupPath(cue.ParsePath("#Flags"))
	if err := v.Err(); err != nil {
		t.Fatal(err)
	}
	return v
}

// unified is the fault of a flag's value.
func unified(body cue.Value, flag, value string) error {
	v := cuecontext.New().CompileString(fmt.Sprintf("%q: %s", flag, value))
	if err := v.Err(); err != nil {
		panic(err) // of the table
	}
	return body.Unify(v).Validate(cue.Concrete(true), cue.Final())
}

func refuses(t *testing.T, body cue.Value, flag, value string) {
	t.Helper()
	if unified(body, flag, value) == nil {
		t.Errorf("--%s takes %s", flag, value)
	}
}

// TestBase: what the packages of minor versions take of feature gates and lists,
// the base takes too, under the same names.
func TestBase(t *testing.T) {
	inst := load.Instances([]string{"."}, nil)[0]
	base := cuecontext.New().BuildInstance(inst)
	body := base.LookupPath(cue.ParsePath("#Flags")).Unify(base.LookupPath(cue.ParsePath("#UntypedFlags")))
	for _, c := range []struct{ flag, value string }{
		{"feature-gates", `{AllBeta: true}`},
		{"feature-gates", `"AllBeta=true"`},
		{"feature-gates", `null`},
		{"tls-cipher-suites", `["a", "b"]`},
		{"tls-curve-preferences", `[29, 23]`},
		{"controllers", `["*"]`},
	} {
		if err := unified(body, c.flag, c.value); err != nil {
			t.Errorf("--%s doesn't take %s: %v", c.flag, c.value, err)
		}
	}
	for _, c := range []struct{ flag, value string }{
		{"feature-gates", `{AllBeta: "true"}`},
		{"feature-gates", `["AllBeta=true"]`},
		{"feature-gates", `{"all-beta": true}`},
		{"tls-cipher-suites", `["a,b"]`},
		{"tls-cipher-suites", `["a\"b"]`},
		{"tls-cipher-suites", `[true]`},
		{"cluster_cidr", `"x"`},
		{"controllers", `"*"`},
	} {
		refuses(t, body, c.flag, c.value)
	}
}

// TestEmbedded: the program carries every file of the vocabulary.
func TestEmbedded(t *testing.T) {
	n := 0
	for _, pattern := range []string{"*.cue", "*/*.cue"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			n++
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := schemas.Files.ReadFile(filepath.ToSlash(name)); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s isn't carried: %v", name, err)
			}
		}
	}
	if minors := schemas.Minors(); !slices.Equal(minors, flags.Minors()) || n < len(minors)+8 {
		t.Errorf("%d files, packages of %v, data of %v", n, minors, flags.Minors())
	}
	for minor, want := range map[int]string{37: "/v1_37", 99: ""} {
		if got := strings.TrimPrefix(schemas.Package(minor), schemas.Path); got != want {
			t.Errorf("v1.%d: %q", minor, got)
		}
	}
}
