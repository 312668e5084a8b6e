package vet

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/rules.md")

const rulesDoc = "../../docs/rules.md"

// TestRulesDocument: docs/rules.md is up to date.
func TestRulesDocument(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`# The rules

` + "`kcmgen vet`" + ` checks these. After an **error** it exits with code 3, and ` + "`kcmgen export`" + ` writes nothing; with ` + "`--strict`" + ` the same holds for a
**warning** and for **not checked**, which a rule reports where a fact is missing (a key file that isn't on this machine, an apiserver whose flags aren't stated).

A finding that has to stay is accepted in the cluster itself, with its reason:

` + "```cue" + `
waivers: "bind-address-public": {
	reason: "Prometheus scrapes the node address; the firewall lets only it through"
	fields: ["cluster.nodes.\"cp-1\".flags.\"bind-address\""] // optional: only these, as findings print them
}
` + "```" + `

Fixed rules can't be waived: what they reject can't work. ` + "`kcmgen vet --waived`" + ` shows what is accepted, and a waiver that no longer
covers anything is a finding itself (` + "`waiver`" + `). With ` + "`until: \"2027-03-01\"`" + ` a waiver ends after that day, in UTC: ` + "`waiver-expires`" + ` is a warning in the 30 days before,
` + "`waiver-expired`" + ` is as severe as what the waiver accepted, which counts again. Errors in the CUE (` + "`cue-syntax`, `cue-import`, `cue-reference`, `cue-type`, `cue-missing`, `cue-unknown-field`, `cue-embedded`, `cue-embed`, `cue-schema`, `cue-module`, `cue-no-cluster`, `cue-unreadable`, `cue-limit`, `cue-other-package`, `schema-differs`, `schema-newer`, `schema-default`, `node-name`, `cluster-name-duplicate`" + `) come
before the rules. An organisation can have [rules of its own](policy.md); ` + "`rule-invalid`" + ` is one that can't be evaluated.

| rule | | requires |
|---|---|---|
`)
	for _, id := range reserved {
		if id != "rule-untested" && !bytes.Contains(b.Bytes(), []byte("`"+id+"`")) {
			t.Errorf("the page doesn't name %s", id)
		}
	}
	for _, r := range Rules() {
		kind := string(r.Severity)
		if r.Fixed {
			kind += ", fixed"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.ID, kind, r.Doc)
	}
	if *update {
		if err := os.WriteFile(rulesDoc, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(rulesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is not the table; type: go test ./gen/vet -update", rulesDoc)
	}
}
