package explain

import "github.com/kcmgen/kcmgen/gen/finding"

// other are the ids of findings that come from no rule: of reading CUE, of the schema, of
// waivers, and of an organisation's own rules.
var other = []otherText{
	{finding.Error, "a CUE file parses", Text{
		ID:  "cue-syntax",
		Why: "A file that does not parse has no cluster: nothing else of it is checked.",
		Fix: "Correct the line; kcmgen fmt shows the same error.",
	}},
	{finding.Error, "every import is found, and used", Text{
		ID:  "cue-import",
		Why: "Without the package the cluster cannot be evaluated. Nothing is downloaded: packages are the module's own, or a copy in cue.mod/pkg.",
		Fix: "Correct the path, remove an import that is not used, or vendor the schema: kcmgen schema vendor.",
	}},
	{finding.Error, "every reference is to a field that exists", Text{
		ID:  "cue-reference",
		Why: "A name that refers to nothing has no value, and the cluster cannot be evaluated.",
		Fix: "Correct the name, or declare the field.",
	}},
	{finding.Error, "every value is one that its field takes", Text{
		ID:  "cue-type",
		Why: "The schema accepts the value of no such type or form. Two values for one field conflict, and neither is taken.",
		Fix: "Write what the finding shows as expected; kcmgen schema --doc lists fields and types.",
		CUE: `flags: "secure-port": 10257`,
	}},
	{finding.Error, "every required field has a value", Text{
		ID:  "cue-missing",
		Why: "A field without a value leaves a hole that no default fills.",
		Fix: "Write the field.",
		CUE: `nodes: "cp-1": address: "10.0.0.11"`,
	}},
	{finding.Error, "every field is one of the schema", Text{
		ID:  "cue-unknown-field",
		Why: "A misspelt field would do nothing. The schema is closed, so that it is found.",
		Fix: "Write the name that the finding suggests.",
		CUE: `flags: "leader-elect": true`,
	}},
	{finding.Error, "a cluster is a field, not embedded at the top of a file", Text{
		ID:  "cue-embedded",
		Why: "CUE lets misspelt fields through in an embedded definition.",
		Fix: "Write cluster: v1_37.#Cluster & {…}.",
	}},
	{finding.Error, "what a file embeds is a file of the module, of a kind that is read", Text{
		ID:  "cue-embed",
		Why: "kcmgen embeds regular files of the module alone, so that a change in CUE cannot show other files of the machine that checks it.",
		Fix: "Put the file into the module, as JSON, YAML, TOML or text, and begin the CUE file with @extern(embed).",
	}},
	{finding.Error, "a cluster has kcmgen's schema", Text{
		ID:  "cue-schema",
		Why: "Without the schema no field is checked, and there are no defaults.",
		Fix: "Unify it: cluster: v1_37.#Cluster & {…}, with import \"github.com/kcmgen/kcmgen/schemas/v1_37\".",
	}},
	{finding.Error, "the directory is in a CUE module that can be read", Text{
		ID:  "cue-module",
		Why: "Imports begin at the module: without cue.mod/module.cue none is found.",
		Fix: "Begin a module: kcmgen init DIR.",
	}},
	{finding.Error, "the directory has a cluster", Text{
		ID:  "cue-no-cluster",
		Why: "A directory that was named has nothing to check, which is easily taken for a pass.",
		Fix: "Name the directory of a cluster's package, or the cluster.",
	}},
	{finding.Error, "a file is a regular one of a bounded size", Text{
		ID:  "cue-unreadable",
		Why: "A fifo, a device or a huge file in place of CUE would stop a check, or fill its memory.",
		Fix: "Put a regular file of at most 10 MB there, 64 MB in all.",
	}},
	{finding.Error, "a package can be evaluated in bounded time and memory", Text{
		ID:  "cue-limit",
		Why: "CUE has no limits of its own: a few lines can grow until the machine's memory ends.",
		Fix: "Write values that end. KCMGEN_MAX_TIME and KCMGEN_MAX_MEMORY give an evaluation more.",
	}},
	{finding.Warning, "the files of a directory belong to one package", Text{
		ID:  "cue-other-package",
		Why: "CUE reads the files of one package. What stands in another's is not part of the cluster.",
		Fix: "Give all files the same package clause, or move the file.",
	}},
	{finding.Warning, "a copy of the schema is that of this kcmgen (an error where it can't be compared)", Text{
		ID:  "schema-differs",
		Why: "cue vet and the editor check against the copy, kcmgen against its own: one of them accepts what the other refuses.",
		Fix: "Renew the copy: kcmgen schema vendor.",
	}},
	{finding.Error, "a copy of the schema isn't newer than this kcmgen", Text{
		ID:  "schema-newer",
		Why: "This kcmgen does not know the copy's newer fields, and would leave out what they say.",
		Fix: "Use the kcmgen that wrote the copy, or a newer one.",
	}},
	{finding.Warning, "a default of the copied schema is that of this kcmgen", Text{
		ID:  "schema-default",
		Why: "The field has another value for cue and the editor than for kcmgen: hosts get kcmgen's.",
		Fix: "Renew the copy (kcmgen schema vendor), or write the value.",
	}},
	{finding.Error, "a node's name is a DNS name", Text{
		ID:      "node-name",
		Why:     "The name is a directory of out/, a name in certificates, and the node's in Kubernetes: other characters are possible in none of them.",
		Fix:     "Write lower-case letters, digits, dots and hyphens.",
		CUE:     `nodes: "cp-1": address: "10.0.0.11"`,
		Sources: []string{"https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"},
	}},
	{finding.Error, "no two clusters have one name", Text{
		ID:  "cluster-name-duplicate",
		Why: "Both would be exported to one directory, and each would replace the other's files and keys.",
		Fix: "Give each cluster its own name.",
	}},
	{finding.Error, "a waiver is for a rule that exists, can be waived, and finds something (a warning where it finds nothing)", Text{
		ID:  "waiver",
		Why: "A waiver that covers nothing hides a fault that may come later. One for a fixed rule would accept what cannot work.",
		Fix: "Remove it, or correct its rule.",
		CUE: "waivers: \"certificate-combined\": reason: \"the hosts of a laboratory\"\npki: separate: false",
	}},
	{finding.Warning, "a waiver doesn't end within 30 days", Text{
		ID:  "waiver-expires",
		Why: "After its last day, in UTC, the waiver accepts nothing: exports that pass today are refused then.",
		Fix: "Mend what the rule finds (kcmgen vet --waived shows it), or have it accepted until a later day.",
	}},
	{finding.Error, "a waiver has not ended (a warning where it accepted warnings only)", Text{
		ID:  "waiver-expired",
		Why: "What it accepted counts again. It was accepted until that day and no longer.",
		Fix: "Mend what the rule found, or have it accepted until a later day.",
		CUE: "waivers: \"certificate-combined\": {reason: \"the hosts of a laboratory\", until: \"2999-12-31\"}\npki: separate: false",
	}},
	{finding.Error, "an organisation's own rule can be evaluated", Text{
		ID:  "rule-invalid",
		Why: "A rule with a mistake refuses nothing, which is easily taken for a pass. So it refuses every cluster that it is for.",
		Fix: "Correct the rule, and add a case that breaks it: kcmgen vet --test.",
	}},
	{finding.Warning, "a case makes an organisation's own rule fail (vet --test only)", Text{
		ID:  "rule-untested",
		Why: "A rule that refuses nothing looks as if all were well.",
		Fix: "Add a case beside the rule: tests: \"what it refuses\": {rule: \"its-id\", cluster: {…}, fails: true}.",
	}},
}
