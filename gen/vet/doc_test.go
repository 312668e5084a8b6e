package vet_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/explain"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/vet"
)

var update = flag.Bool("update", false, "rewrite docs/rules.md")

const rulesDoc = "../../docs/rules.md"

// TestRulesDocument: docs/rules.md is up to date.
func TestRulesDocument(t *testing.T) {
	want := document(explain.Rules())
	if *update {
		if err := os.WriteFile(rulesDoc, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(rulesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what gen/explain says; type: go test ./gen/vet -update", rulesDoc)
	}
}

// TestFlagsOfTexts: the explanation of a rule names the flags that the rule finds faults in,
// so that the explanation of a flag names the rule.
func TestFlagsOfTexts(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range vet.Broken() {
		labels := finding.Labels(f.Field)
		i := slices.Index(labels, "flags")
		if i < 0 || i+1 == len(labels) || labels[0] == "apiserver" {
			continue
		}
		r, _ := explain.Of(f.Rule)
		pair := f.Rule + " --" + labels[i+1]
		if !seen[pair] && !slices.Contains(r.Flags, labels[i+1]) && !slices.Contains(r.Flags, "*") {
			t.Errorf("%s isn't in gen/explain", pair)
		}
		seen[pair] = true
	}
	if len(seen) < 100 {
		t.Errorf("only %d pairs of a rule and a flag were seen", len(seen))
	}
}

// shown is the rule that the document shows as the program prints it.
const shown = "leader-elect-timing"

// document is docs/rules.md: an introduction, a table of all rules, and their explanations.
func document(rules []explain.Rule) []byte {
	var b bytes.Buffer
	example, _ := explain.Of(shown)
	fmt.Fprintf(&b, intro, shown, strings.Join(example.Lines(), "\n"))
	table := func(rules []explain.Rule) {
		b.WriteString("| rule | | requires |\n|---|---|---|\n")
		for _, r := range rules {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", r.ID, r.ID, r.Kind(), r.Title)
		}
	}
	n := len(vet.Rules())
	b.WriteString("\n## All rules\n\n")
	table(rules[:n])
	b.WriteString("\nErrors in the CUE, and findings about the schema and about waivers, come with these names. No waiver accepts them.\n\n")
	table(rules[n:])
	b.WriteString("\n## Why, and how to mend it\n")
	for _, r := range rules {
		section(&b, r)
	}
	return b.Bytes()
}

func section(b *bytes.Buffer, r explain.Rule) {
	fmt.Fprintf(b, "\n### %s\n\n*%s: %s.*", r.ID, r.Kind(), r.Title)
	if len(r.Controls) > 0 {
		fmt.Fprintf(b, " (%s)", strings.Join(r.Controls, ", "))
	}
	fmt.Fprintf(b, "\n\n%s\n\n**To mend it:** %s\n", marked(r.Why), marked(r.Fix))
	if r.CUE != "" {
		fmt.Fprintf(b, "\n```cue\n%s\n```\n", r.CUE)
	}
	links := func(label string, of []string) {
		if len(of) > 0 {
			fmt.Fprintf(b, "\n%s: %s\n", label, strings.Join(of, ", "))
		}
	}
	var sources, incidents []string
	for _, s := range r.Sources {
		sources = append(sources, source(s))
	}
	for _, s := range r.Incidents {
		incidents = append(incidents, incident(s))
	}
	links("Known from", sources)
	links("It happened", incidents)
}

// marked escapes what Markdown would take for its own, and marks flags as code.
func marked(text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		bare := strings.TrimRight(w, ".,:;")
		if strings.HasPrefix(bare, "--") || strings.ContainsAny(bare, "*_<>[]") {
			words[i] = "`" + bare + "`" + w[len(bare):]
		}
	}
	return strings.Join(words, " ")
}

// source is a source in Markdown: a link, a path in another project, or a measurement.
func source(s string) string {
	if short, is := strings.CutPrefix(s, "https://"); is {
		return fmt.Sprintf("[%s](%s)", strings.TrimSuffix(short, "/"), s)
	}
	if what, is := strings.CutPrefix(s, "measured: "); is {
		return "*measured:* " + what
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		if bare := strings.TrimRight(w, ","); strings.Count(bare, "/") > 0 {
			words[i] = "`" + bare + "`" + w[len(bare):]
		}
	}
	return strings.Join(words, " ")
}

// incident is a link to an issue, with the short name that GitHub gives it.
func incident(url string) string {
	parts := strings.Split(url, "/")
	slices.Reverse(parts)
	return fmt.Sprintf("[%s#%s](%s)", parts[2], parts[0], url)
}

const intro = "# The rules\n" + `
` + "`kcmgen vet`" + ` checks these. After an **error** it exits with code 3, and ` + "`kcmgen export`" + ` writes nothing; with ` + "`--strict`" + ` the same holds for a
**warning** and for **not checked**, which a rule reports where a fact is missing (a key file that isn't on this machine, an apiserver whose flags aren't stated).
Rules about the nodes that exist belong to ` + "`kcmgen vet --nodes`" + `: other runs don't apply them, and neither pass nor report them.

A finding that has to stay is accepted in the cluster itself, with its reason:

` + "```cue" + `
waivers: "bind-address-public": {
	reason: "Prometheus scrapes the node address; the firewall lets only it through"
	fields: ["cluster.nodes.\"cp-1\".flags.\"bind-address\""] // optional: only these, as findings print them
}
` + "```" + `

Fixed rules can't be waived: what they reject can't work. ` + "`kcmgen vet --waived`" + ` shows what is accepted, and a waiver that no longer
covers anything is a finding itself. With ` + "`until: \"2027-03-01\"`" + ` a waiver ends after that day, in UTC.

An organisation can have [rules of its own](policy.md).

` + "`kcmgen explain`" + ` prints the same as this page, for rules and for flags:

` + "```console" + `
$ kcmgen explain %s
%s
` + "```" + `

Where a rule is known from: a path such as ` + "`k8s.io/kubernetes pkg/…`" + ` is in the source of that Go module; *measured* means that a real program, or the
library that is named, was run with it.
`
