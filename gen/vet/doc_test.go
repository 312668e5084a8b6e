package vet

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/rules.md anew")

const rulesDoc = "../../docs/rules.md"

// TestRulesDocument: docs/rules.md lists the table as it is.
func TestRulesDocument(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`# The rules

` + "`kcmgen vet`" + ` checks these. An **error** ends it with exit code 3 and keeps ` + "`kcmgen export`" + ` from writing anything; a **warning** does with
` + "`--strict`" + `, and so does what was not checked. Where a fact is missing (a key file that isn't on this machine, an apiserver nobody has described), a rule reports
**not checked**; it never passes for that reason.

A finding that has to stay is accepted in the cluster itself, with its reason:

` + "```cue" + `
waivers: "bind-address-public": {
	reason: "Prometheus scrapes the node address; the firewall lets only it through"
	fields: ["cluster.nodes.\"cp-1\".flags.\"bind-address\""] // optional: only there, as findings name it
}
` + "```" + `

Fixed rules can't be waived: what they refuse doesn't work at all. ` + "`kcmgen vet --waived`" + ` shows what is accepted, and a waiver that no longer
covers anything is a finding itself. Faults of the CUE (` + "`cue-syntax`, `cue-import`, `cue-reference`, `cue-type`, `cue-missing`, `cue-unknown-field`, `cue-embedded`, `cue-embed`, `cue-schema`, `cue-module`, `cue-no-cluster`, `cue-unreadable`, `cue-other-package`, `schema-differs`, `schema-newer`, `schema-default`, `node-name`, `cluster-name-duplicate`" + `) come
before the rules.

| rule | | demands |
|---|---|---|
`)
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
