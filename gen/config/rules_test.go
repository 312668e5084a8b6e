package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/config/rules"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// effective is what rules see of a node in these tests.
func effective(c *spec.Cluster) []spec.EffectiveNode {
	var out []spec.EffectiveNode
	for i := range c.Nodes {
		n := &c.Nodes[i]
		flags := []spec.EffectiveFlag{
			{Name: "kube-api-qps", Value: json.Number("20"), Field: "flagDefaults"},
			{Name: "profiling", Value: false, Field: "flagDefaults"},
		}
		for _, name := range []string{"leader-elect-lease-duration", "v"} {
			if s, ok := n.Flags[name]; ok {
				flags = append(flags, spec.EffectiveFlag{Name: name, Value: s.Value, Field: finding.Path("nodes", n.Name, "flags", name)})
			}
		}
		out = append(out, spec.EffectiveNode{Name: n.Name, Layout: c.LayoutOf(n), Flags: flags})
	}
	return out
}

var testRules = &RuleOptions{Taken: func(id string) bool { return id == "profiling-on" }, Effective: effective}

// judged loads the clusters of a module, and returns what its own rules find, one line for
// each, without the positions' directories.
func judged(t testing.TB, files map[string]string) (*Result, string) {
	t.Helper()
	root := module(t, files)
	res, err := Load(t.Context(), root, []string{root + "/..."}, Options{Version: "v1", Rules: testRules})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range res.Findings {
		fmt.Fprintf(&b, "%s [%s] %s\n", f.Pos, f.Rule, f.Message)
	}
	for _, c := range res.Clusters {
		for _, f := range c.Own.Findings {
			fmt.Fprintf(&b, "%s [%s] %s | %s | %s\n", f.Pos, f.Rule, f.Field, f.Message, f.Expected)
		}
	}
	return res, b.String()
}

func policyOf(check string) string {
	return "package policy\n\nimport (\n\t\"list\"\n\t\"net\"\n\t\"strings\"\n\t\"struct\"\n\t\"time\"\n)\n\n_used: [time.Second, strings.MinRunes(1), net.IPv4, list.MaxItems(1), struct.MinFields(1)]\n\nrules: \"acme-x\": {message: \"no\", check: " + check + "}\n"
}

// checks are checks, and what their rule finds.
var checks = map[string]struct{ check, want string }{
	"nothing is demanded":             {"{}", ""},
	"a value that fits":               {`{layout: "systemd"}`, ""},
	"a value that differs":            {`{layout: "staticPod"}`, `[acme-x] layout | no | "staticPod"`},
	"a default counts as a value":     {`{profile: "slowBoards"}`, `[acme-x] profile | no | "slowBoards"`},
	"a default can't be replaced":     {`{generations: false}`, `[acme-x] generations | no | false`},
	"a bound":                         {`{name: =~"^eu-"}`, `[acme-x] name | no | =~"^eu-"`},
	"a validator":                     {`{name: strings.MinRunes(9)}`, `[acme-x] name | no | strings.MinRunes(9)`},
	"one of several":                  {`{name: "a" | "b"}`, `[acme-x] name | no | "a" or "b"`},
	"another type":                    {`{name: int}`, `[acme-x] name | no | int`},
	"a field that is missing":         {`{labels: team: string}`, `[acme-x] labels.team | no | a field labels.team`},
	"a missing field with a value":    {`{labels: team: "x"}`, `[acme-x] labels.team | no | a field labels.team`},
	"a missing choice":                {`{labels: team: "x" | "y", if labels.team == "x" {name: "z"}}`, `[acme-x] labels.team | no | a field labels.team`},
	"a missing struct":                {`{labels: {}}`, `[acme-x] labels | no | a field labels`},
	"a required field":                {`{labels!: team!: string}`, `[acme-x] labels | no | a field labels`},
	"an optional field":               {`{labels?: team?: "x"}`, ""},
	"every node":                      {`{nodes: [string]: arch: "arm64"}`, `[acme-x] nodes."cp-1".arch | no | "arm64"`},
	"an element of a list":            {`{networks: pods: [...=~"^172"]}`, `[acme-x] networks.pods[0] | no | =~"^172"`},
	"a list's length":                 {`{networks: pods: [_, _]}`, `[acme-x] networks.pods | no | `},
	"an effective flag":               {`{effective: nodes: [string]: flags: "kube-api-qps": >=50}`, `[acme-x] flagDefaults | no | >=50`},
	"an effective flag that fits":     {`{effective: nodes: [string]: flags: {profiling: false, "kube-api-qps": <50}}`, ""},
	"a flag that isn't passed":        {`{effective: nodes: [string]: flags: "use-x": true}`, `[acme-x] flags."use-x" | no | a node that is started with --use-x`},
	"a hidden helper":                 {`{_max: 3, name: strings.MaxRunes(_max)}`, `[acme-x] name | no | strings.MaxRunes(3)`},
	"a hidden condition":              {`{effective: nodes: [string]: flags: {Q="kube-api-qps": int, _d: Q*2 & >=50}}`, `[acme-x] flags | no | >=50`},
	"an address":                      {`{networks: pods: [...net.IPv4]}`, `[acme-x] networks.pods[0] | no | net.IPv4`},
	"a duration":                      {`{name: time.Duration}`, `[acme-x] name | no | time.Duration`},
	"a number of elements":            {`{networks: pods: list.MinItems(3)}`, `[acme-x] networks.pods | no | list.MinItems(3)`},
	"a number of fields":              {`{nodes: struct.MinFields(3)}`, `[acme-x] nodes | no | struct.MinFields(3)`},
	"one of two checks":               {`{matchN(1, [{layout: "staticPod", ...}, {profile: "slowBoards", ...}])}`, `[acme-x]  | no | `},
	"an error with a text":            {`{layout: _, if layout == "systemd" {_no: error("units are out")}}`, `[acme-x]  | no | `},
	"alternatives of structs":         {`{layout: "staticPod"} | {profile: "slowBoards"}`, `[acme-x] layout | no | "staticPod"`},
	"alternatives, one of which fits": {`{layout: "staticPod"} | {profile: "standard"}`, ""},
	"a let":                           {`{let ok = "prod", name: ok}`, ""},
	"a condition that holds":          {`{layout: _, if layout == "systemd" {profile: "slowBoards"}}`, `[acme-x] profile | no | "slowBoards"`},
	"a condition that doesn't":        {`{layout: _, if layout == "staticPod" {profile: "slowBoards"}}`, ""},
	"a condition that demands":        {`{layout: _, if layout == "systemd" {labels: a: "b"}}`, `[acme-x] labels.a | no | a field labels.a`},
	"an explicit refusal":             {`{layout: _, if layout == "systemd" {_refuse: true & false}}`, `[acme-x]  | no | `},
	"a closed check":                  {`close({name: string})`, "[acme-x] apiserver | no | a field that the check has: the check is closed"},
	"a closed part":                   {`{networks: close({pods: [...]})}`, "[acme-x] networks.nodeMask | no | a field that the check has"},
	"a definition that is open":       {`{#A, #A: {name: string, ...}}`, ""},

	"a conflict of its own":        {`{a: 1 & 2}`, "[rule-invalid]  | rule acme-x can't be evaluated: conflicting values 2 and 1 | CUE"},
	"a structural cycle":           {`{#A: {b: #A}, c: #A}`, "[rule-invalid]  | rule acme-x can't be evaluated: structural cycle"},
	"a cycle":                      {`{a: b + 1, b: a + 1}`, "[rule-invalid]  | rule acme-x can't be evaluated for this cluster: cycle"},
	"a call that fails":            {`{name: _, _d: time.ParseDuration(name)}`, "[rule-invalid]  | rule acme-x can't be evaluated for this cluster: "},
	"an unguarded field":           {`{labels?: _, if labels.a == "b" {name: "c"}}`, "[rule-invalid]  | rule acme-x can't be evaluated for this cluster: "},
	"not a struct":                 {`"systemd"`, "[rule-invalid]  | the check of rule acme-x is not a struct"},
	"a condition that isn't known": {`{_on: bool, pod: {if _on {image: "x"}}}`, "[rule-invalid]  | rule acme-x can't be evaluated for this cluster: "},
	"a name that isn't known":      {`{_n: string, labels?: {(_n): "x"}, nodes: {(_n): _}}`, "[rule-invalid]  | rule acme-x can't be evaluated for this cluster: "},
	"a division":                   {`{networks: _, _x: 1 / (networks.nodeMask.ipv4 - networks.nodeMask.ipv4)}`, "[rule-invalid]  | rule acme-x can't be evaluated for this cluster: "},
}

// TestChecks: what a check refuses, accepts, and what can't be evaluated.
func TestChecks(t *testing.T) {
	for name, c := range checks {
		t.Run(name, func(t *testing.T) {
			_, got := judged(t, map[string]string{"policy/p.cue": policyOf(c.check)})
			if c.want == "" && got != "" || c.want != "" && !strings.Contains(got, c.want) {
				t.Errorf("got %swant %s", got, c.want)
			}
			// An alias anywhere means that no part of the cluster can be left out.
			if _, whole := judged(t, map[string]string{"policy/p.cue": policyOf(c.check) + "_all: A={b: 1, c: A.b}\n"}); whole != got {
				t.Errorf("with the whole cluster: %swith what it names: %s", whole, got)
			}
		})
	}
}

// TestRefusedTogether: what a check refuses, it refuses with any other check, too.
func TestRefusedTogether(t *testing.T) {
	var refused []string
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if c := checks[name]; c.want != "" && c.check[0] == '{' {
			refused = append(refused, c.check)
		}
	}
	for i, check := range refused {
		for _, other := range []string{refused[(i+1)%len(refused)], refused[(i+7)%len(refused)], "{}"} {
			if _, got := judged(t, map[string]string{"policy/p.cue": policyOf("(" + check + ") & (" + other + ")")}); got == "" {
				t.Errorf("%s & %s passes", check, other)
			}
		}
	}
}

// TestRuleShape: a rule that says something else than a rule must say is refused, and
// never a pass; stock CUE refuses it by #Rules, too.
func TestRuleShape(t *testing.T) {
	for name, c := range map[string]struct{ rules, want string }{
		"no message":          {`"acme-x": check: {}`, "no message of one line"},
		"an empty message":    {`"acme-x": {message: " ", check: {}}`, "no message of one line"},
		"two lines":           {`"acme-x": {message: "a\nb", check: {}}`, "no message of one line"},
		"a long message":      {`"acme-x": {message: "` + strings.Repeat("x", 301) + `", check: {}}`, "too long"},
		"a number":            {`"acme-x": {message: 3, check: {}}`, "message of rule acme-x is not a text"},
		"no check":            {`"acme-x": message: "m"`, "has no check"},
		"another severity":    {`"acme-x": {message: "m", severity: "info", check: {}}`, `severity of rule acme-x is "info"`},
		"an unknown field":    {`"acme-x": {message: "m", chekc: {}, check: {}}`, `unknown field "chekc"`},
		"fixed is no bool":    {`"acme-x": {message: "m", fixed: "yes", check: {}}`, "not true or false"},
		"capital letters":     {`"Acme": {message: "m", check: {}}`, `"Acme" is no id of a rule`},
		"a dot":               {`"acme.x": {message: "m", check: {}}`, "is no id of a rule"},
		"a control character": {`"acme\u0007": {message: "m", check: {}}`, "is no id of a rule"},
		"a long id":           {`"` + strings.Repeat("x", 64) + `": {message: "m", check: {}}`, "is no id of a rule"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, schema := range []string{"", "import \"" + schemaPath + "\"\n\nrules: schemas.#Rules\n"} {
				_, got := judged(t, map[string]string{"policy/p.cue": "package policy\n\n" + schema + "rules: {" + c.rules + "}\n"})
				if !strings.Contains(got, "["+rules.Invalid+"]") || schema == "" && !strings.Contains(got, c.want) {
					t.Errorf("schema %v: got %q, want %s", schema != "", got, c.want)
				}
			}
		})
	}
	_, got := judged(t, map[string]string{"policy/p.cue": "package policy\n\nrules: \"profiling-on\": {message: \"m\", check: {}}\n"})
	if !strings.Contains(got, "profiling-on is a rule of kcmgen's own") {
		t.Errorf("an id of kcmgen's own: %s", got)
	}
	for _, rules := range []string{"3", "[]", `"acme-x"`, "{_|_}"} {
		if _, got := judged(t, map[string]string{"policy/p.cue": "package policy\n\nrules: " + rules + "\n"}); got == "" {
			t.Errorf("rules: %s passes", rules)
		}
	}
}

// TestRulesWithTheSchema: #Rules changes nothing about what a check means.
func TestRulesWithTheSchema(t *testing.T) {
	for _, check := range []string{`{pod: image: string}`, `{pod: {}}`, `{nodes: {}, flags: {}}`, `{nodes: [string]: {}}`, `{effective: nodes: "cp-1": {}}`} {
		_, got := judged(t, map[string]string{"policy/p.cue": "package policy\n\nimport \"" + schemaPath + "\"\n\nrules: schemas.#Rules & {\"acme-x\": {message: \"m\", severity: \"warning\", check: " + check + "}}\n"})
		if got != "" {
			t.Errorf("%s: %s", check, got)
		}
	}
}

// TestRulePlaces: where rules stand, and for which clusters they hold.
func TestRulePlaces(t *testing.T) {
	const other = `"cp-2": {address: "10.0.0.12"}`
	rule := func(id, message string) string {
		return fmt.Sprintf("rules: %q: {message: %q, check: layout: \"staticPod\"}\n", id, message)
	}
	second := strings.NewReplacer(`"prod"`, `"other"`, "package prod", "package other").Replace(clusterOf("", other))
	for name, c := range map[string]struct {
		files map[string]string
		want  []string // clusters and messages
	}{
		"the module's":            {map[string]string{"policy/p.cue": "package policy\n" + rule("acme-x", "all")}, []string{"other all", "prod all"}},
		"beside a cluster":        {map[string]string{"prod/rules.cue": "package prod\n" + rule("acme-x", "one")}, []string{"prod one"}},
		"in a directory above":    {map[string]string{"rules.cue": "package prod\n" + rule("acme-x", "above")}, []string{"prod above"}},
		"imported":                {map[string]string{"shared/p.cue": "package shared\n" + rule("acme-x", "far"), "prod/rules.cue": "package prod\n\nimport \"example.com/clusters/shared\"\n\nrules: shared.rules\n"}, []string{"prod far"}},
		"both":                    {map[string]string{"policy/p.cue": "package policy\n" + rule("acme-x", "all"), "prod/rules.cue": "package prod\n" + rule("acme-y", "one")}, []string{"other all", "prod all", "prod one"}},
		"the same by an import":   {map[string]string{"policy/p.cue": "package policy\n" + rule("acme-x", "all"), "prod/rules.cue": "package prod\n\nimport \"example.com/clusters/policy\"\n\nrules: policy.rules\n"}, []string{"other all", "prod all"}},
		"a weaker one of its own": {map[string]string{"policy/p.cue": "package policy\n" + rule("acme-x", "all"), "prod/rules.cue": "package prod\n\nrules: \"acme-x\": {message: \"m\", check: {}}\n"}, []string{"other all", `prod there is another rule "acme-x", which this can't replace`, "prod all"}},
		"a limit that is imported": {map[string]string{
			"limits/l.cue":   "package limits\n\nLayout: \"staticPod\"\n",
			"policy/p.cue":   "package policy\n\nimport \"example.com/clusters/limits\"\n\nrules: \"acme-x\": {message: \"all\", check: layout: limits.Layout}\n",
			"prod/rules.cue": "package prod\n\nimport \"example.com/clusters/limits\"\n\nrules: \"acme-y\": {message: \"one\", check: {layout: _, if layout != limits.Layout {name: \"x\"}}}\n",
		}, []string{"other all", "prod all", "prod one"}},
		"hidden from stock CUE":    {map[string]string{"policy/p.cue": "package policy\n_" + rule("acme-x", "all"), "prod/rules.cue": "package prod\n_" + rule("acme-y", "one")}, []string{"other all", "prod all", "prod one"}},
		"hidden, and replaced":     {map[string]string{"policy/p.cue": "package policy\n_" + rule("acme-x", "all"), "prod/rules.cue": "package prod\n\nrules: \"acme-x\": {message: \"m\", check: {}}\n"}, []string{"other all", `prod there is another rule "acme-x"`, "prod all"}},
		"under a condition":        {map[string]string{"policy/p.cue": "package policy\n\nif true {" + rule("acme-x", "all") + "}\n"}, []string{"other all", "prod all"}},
		"under no condition yet":   {map[string]string{"policy/p.cue": "package policy\n\n_on: bool\nif _on {" + rule("acme-x", "all") + "}\n"}, []string{"other the rules can't be evaluated", "prod the rules can't be evaluated"}},
		"embedded":                 {map[string]string{"policy/p.cue": "package policy\n\n#R: {" + rule("acme-x", "all") + "}\n#R\n"}, []string{"other all", "prod all"}},
		"embedded with an error":   {map[string]string{"policy/p.cue": "package policy\n\n#R: {" + rule("acme-x", "all") + "}\n#R\n1 & 2\n"}, []string{"other the rules can't be evaluated", "other the rules can't be evaluated", "other all", "prod the rules can't be evaluated"}},
		"an error elsewhere":       {map[string]string{"prod/x.cue": "package prod\n\nx: 1 & 2\n"}, nil},
		"a package without rules":  {map[string]string{"policy/p.cue": "package policy\n\nLevel: 3\n"}, nil},
		"a syntax error":           {map[string]string{"policy/p.cue": "package policy\n\nrules: {\n"}, []string{" expected '}', found 'EOF'"}},
		"a policy that is a cycle": {map[string]string{"policy/p.cue": "package policy\n\nimport \"example.com/clusters/a\"\n\nrules: a.rules\n", "a/a.cue": "package a\n\nimport \"example.com/clusters/policy\"\n\nrules: policy.rules\n"}, []string{" package import cycle not allowed"}},
		"nothing to import":        {map[string]string{"policy/p.cue": "package policy\n\nimport \"example.com/clusters/none\"\n\nrules: none.rules\n"}, []string{" cannot find package"}},
		"an unknown name":          {map[string]string{"policy/p.cue": "package policy\n\nrules: \"acme-x\": {message: \"m\", check: nme: nam}\n"}, []string{`other reference "nam" not found`, `prod reference "nam" not found`}},
	} {
		t.Run(name, func(t *testing.T) {
			c.files["other/cluster.cue"] = second
			res, _ := judged(t, c.files)
			var got []string
			for _, cl := range res.Clusters {
				for _, f := range cl.Own.Findings {
					got = append(got, cl.Name+" "+f.Message)
				}
			}
			for _, f := range res.Findings {
				got = append(got, " "+f.Message)
			}
			for i, want := range c.want {
				if i >= len(got) || !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got, c.want)
					break
				}
			}
			if len(c.want) == 0 && len(got) > 0 {
				t.Errorf("got %q", got)
			}
			if strings.HasPrefix(strings.Join(c.want, ""), " ") && len(res.Clusters) > 0 {
				t.Errorf("a policy that can't be loaded lets %d clusters pass", len(res.Clusters))
			}
		})
	}
}

// TestNotApplied: a cluster that rules weren't applied to, for whatever reason, is refused.
func TestNotApplied(t *testing.T) {
	root := module(t, nil)
	l := newLoader(root, Options{Rules: testRules})
	f, args, err := l.find(nil)
	if err != nil {
		t.Fatal(err)
	}
	for applied, want := range map[bool]int{true: 0, false: 1} {
		c := &spec.Cluster{Name: "prod", Dir: f.places[0].dir, Own: spec.Own{Applied: applied}}
		res := &Result{ByDir: map[string][]finding.Finding{}}
		if err := res.collect(l, args, f, []outcome{{cluster: c, isCluster: true}}); err != nil {
			t.Fatal(err)
		}
		if len(res.Findings) != want || len(res.ByDir[c.Dir]) != want {
			t.Errorf("applied %v: %v, %v", applied, res.Findings, res.ByDir)
		}
	}
}

// TestRuleBounds: findings of one rule are bounded, and say how many more there are.
func TestRuleBounds(t *testing.T) {
	var nodes strings.Builder
	for i := range 40 {
		fmt.Fprintf(&nodes, "\"n-%02d\": {address: \"10.0.1.%d\"}\n", i, i+1)
	}
	res, got := judged(t, map[string]string{
		"prod/more.cue": "package prod\n\ncluster: nodes: {" + nodes.String() + "}\n",
		"policy/p.cue":  policyOf(`{nodes: [string]: arch: "arm64"}`),
	})
	if n := len(res.Clusters[0].Own.Findings); n != 10 || !strings.Contains(got, "no (and 31 more fields)") {
		t.Errorf("%d findings\n%s", n, got)
	}
}

// TestRuleSecrets: what may be secret isn't in findings, whatever a rule says.
func TestRuleSecrets(t *testing.T) {
	_, got := judged(t, map[string]string{
		"prod/s.cue":   "package prod\n\ncluster: unit: Service: Environment: \"TOKEN=" + canary + "\"\n",
		"prod/r.cue":   "package prod\n\nrules: \"acme-y\": {message: \"see \\(cluster.unit.Service.Environment)\", check: layout: \"staticPod\"}\n",
		"policy/p.cue": policyOf(`{unit: Service: Environment: !~"."}`),
	})
	if !strings.Contains(got, "[acme-x] unit.Service.Environment | no | \n") || !strings.Contains(got, "see [secret]") || strings.Contains(got, canary) {
		t.Error(got)
	}
	_, got = judged(t, map[string]string{
		"policy/secret.txt": canary,
		"policy/p.cue":      "@extern(embed)\npackage policy\n\n_s: string @embed(file=secret.txt,type=text)\nrules: \"acme-x\": {message: \"not \\(_s)\", check: name: _s}\n",
	})
	if !strings.Contains(got, "[acme-x] name") || strings.Contains(got, canary) {
		t.Error(got)
	}
}

// TestManyRules: the work for rules grows with their number, not faster.
func TestManyRules(t *testing.T) {
	allocated := func(n int) uint64 {
		var b strings.Builder
		b.WriteString("package policy\n\n")
		for i := range n {
			fmt.Fprintf(&b, "rules: \"acme-%d\": {message: \"m\", check: {layout: \"systemd\", nodes: [string]: arch: \"amd64\", effective: nodes: [string]: flags: \"kube-api-qps\": <=%d}}\n", i, 20+i)
		}
		root := module(t, map[string]string{"policy/p.cue": b.String()})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		res, err := Load(t.Context(), root, []string{root + "/..."}, Options{Version: "v1", Rules: testRules})
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		t.Logf("%d rules: %v", n, time.Since(begin))
		if c := res.Clusters[0]; len(c.Own.Rules) != n || len(c.Own.Findings) > 0 {
			t.Errorf("%d rules: %d applied, %d findings", n, len(c.Own.Rules), len(c.Own.Findings))
		}
		return after.Mallocs - before.Mallocs
	}
	allocated(1)
	// The number of allocations doesn't depend on what else the machine does.
	if few, many := allocated(200), allocated(2000); many > 12*few {
		t.Errorf("200 rules make %d allocations, 2000 rules %d", few, many)
	}
}
