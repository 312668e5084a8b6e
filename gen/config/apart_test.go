package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/config/apart"
	"github.com/kcmgen/kcmgen/gen/config/bounds"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/child"
)

// TestChildSaysTheSame: what a child answers becomes the outcome that an evaluation in this
// process has.
func TestChildSaysTheSame(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"valid":       {},
		"embedded":    {"prod/a.json": `{"word": "` + canary + `", "n": "10.0.0.12"}`, "prod/cluster.cue": clusterOf("_a: _ @embed(file=a.json)", `"cp-1": {address: _a.n}, "cp-1": ssh: user: "x"`)},
		"wrong":       {"prod/a.json": `{"word": "` + canary + ` x"}`, "prod/cluster.cue": clusterOf("_a: _ @embed(file=a.json)", `"cp-1": {address: "10.0.0.11", hostname: _a.word}`)},
		"type errors": {"prod/cluster.cue": strings.ReplaceAll(clusterOf("", `"cp-1": address: "10.0.0.11", "cp-1": flags: profiling: "perhaps"`), "schemas\"", "schemas/v1_37\"")},
		"syntax":      {"prod/cluster.cue": "package prod\n\ncluster: {"},
		"no cluster":  {"prod/cluster.cue": "package prod\n\na: 1\n"},
		"no schema":   {"prod/cluster.cue": "package prod\n\ncluster: {name: \"x\"}\n"},
		"other":       {"prod/more.cue": "package other\n\ncluster: 1\n"},
	} {
		if name == "type errors" {
			files["prod/cluster.cue"] = strings.ReplaceAll(files["prod/cluster.cue"], "schemas.#", "v1_37.#")
		}
		root := module(t, files)
		p := place{dir: filepath.Join(root, "prod"), root: root}
		shown := func(o outcome) string {
			o.data = nil
			if o.keep != nil { // an answer has it, too
				o.keep = []byte("kept")
			}
			text := fmt.Sprintf("%+v %+v %v %v %v\n", o.findings, o.differs, o.isCluster, o.other, o.skipped)
			if c := o.cluster; c != nil {
				data, err := json.MarshalIndent(c, "", " ")
				if err != nil {
					t.Fatal(err)
				}
				text += string(data) + fmt.Sprint(c.Source, c.TypeErrors, c.Dir, c.Embedded.Redact("x "+canary+" y 10.0.0.12"))
			}
			return text
		}
		one := newLoader(root, Options{Version: "v1"})
		want := shown(one.instance(one.instances([]place{p}, []int{0})[0], p, nil))
		two := newLoader(root, Options{Version: "v1"})
		two.serves = true
		serving := &server{loader: two}
		var a answer
		for _, r := range []apart.Request[errandPlace]{{Load: []errandPlace{{p.dir, p.root, p.deep}}}, {At: 0}} {
			request, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(serving.answer(request))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &a); err != nil {
				t.Fatal(err)
			}
		}
		if got := shown(two.outcome(p, a, nil)); got != want {
			t.Errorf("%s: a child says\n%s\nnot\n%s", name, got, want)
		}
	}
}

// TestOverLimit: each cause has a finding that says what to type.
func TestOverLimit(t *testing.T) {
	l := newLoader("/m", Options{})
	p := place{dir: "/m/prod", root: "/m"}
	for cause, want := range map[child.Cause]string{
		child.Time:   "it takes more than 8s; the first thing in it that may be the cause: a call of x|KCMGEN_MAX_TIME=60s kcmgen vet ./prod",
		child.Memory: "it needs more than 768 MiB of memory; the first thing|KCMGEN_MAX_MEMORY=4GiB kcmgen vet ./prod",
		child.Stack:  "nested too deeply, or contain themselves without end|look for a very long",
		child.Failed: "fails in CUE itself|cue vet ./prod",
	} {
		e := &child.EndedError{Cause: cause, Limits: child.Limits{Time: 8 * time.Second, Memory: 768 << 20}}
		f := l.overLimit(p, &bounds.Reason{What: "a call of x"}, e)
		message, hint, _ := strings.Cut(want, "|")
		if f.Pos.File != "prod" || f.Rule != "cue-limit" || f.Severity != finding.Error || !strings.Contains(f.Message, message) || !strings.Contains(f.Hint, hint) {
			t.Errorf("%+v has no %q", f, want)
		}
	}
}

// TestLarge: only the vocabulary as it is in this program is trusted.
func TestLarge(t *testing.T) {
	const policy = "cue.mod/usr/github.com/kcmgen/kcmgen/schemas/policy.cue"
	for name, c := range map[string]struct {
		files map[string]string
		large bool
	}{
		"plain":    {nil, false},
		"call":     {map[string]string{"prod/more.cue": "package prod\n\nimport \"strings\"\n\n_a: strings.ToUpper(\"x\")\n"}, true},
		"policy":   {map[string]string{policy: "package schemas\n\n#Cluster: name: \"prod\"\n"}, false},
		"regexp":   {map[string]string{policy: "package schemas\n\n#Cluster: name: =~\"^p\"\n"}, true},
		"imported": {map[string]string{"prod/more.cue": "package prod\n\nimport \"example.com/clusters/p\"\n\n_a: p.a\n", "p/p.cue": "package p\n\na: \"x\" * 3\n"}, true},
	} {
		root := module(t, c.files)
		l := newLoader(root, Options{})
		p := place{dir: filepath.Join(root, "prod"), root: root}
		l.reach(root, []string{p.dir}, nil)
		inst := l.instances([]place{p}, []int{0})[0]
		if inst.Err != nil {
			t.Fatalf("%s: %v", name, inst.Err)
		}
		if why := l.large(inst); (why != nil) != c.large {
			t.Errorf("%s: %+v", name, why)
		}
	}
}
