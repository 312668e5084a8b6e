package gen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// ExportPlan is what an export would do to a cluster's tree, for other programs.
type ExportPlan struct {
	Cluster   string `json:"cluster"`
	Directory string `json:"directory"` // of its tree
	Changes   bool   `json:"changes"`   // the export would write something
	// Defaults is the generation of kcmgen's defaults.
	Defaults string `json:"defaults"`
	// Files are the numbers of files by what happens to them: "new", "changed", "removed".
	Files  map[tree.Kind]int `json:"files"`
	Nodes  []NodePlan        `json:"nodes"` // by name
	Keys   []KeyPlan         `json:"keys"`
	Accept []AcceptPlan      `json:"accept"` // what is accepted, and what has to be
}

// NodePlan is what an export would do to a node's files.
type NodePlan struct {
	Node    string       `json:"node"`
	State   string       `json:"state"`          // "new", "changed", "gone" or "same"
	From    string       `json:"from,omitempty"` // generation
	To      string       `json:"to,omitempty"`   // generation; none if a new key is part of its name
	Reasons []ReasonPlan `json:"reasons,omitempty"`
	Retire  string       `json:"retire,omitempty"` // of a node that is gone: what to do on its host
}

// ReasonPlan is why a node's files change.
type ReasonPlan struct {
	Kind string  `json:"kind"` // "flag", "certificate", "unit", "pod", "kubeconfig", "node", "cluster", "program" or "file"
	Name string  `json:"name"`
	Old  *string `json:"old,omitempty"`
	New  *string `json:"new,omitempty"`
	Own  bool    `json:"own,omitempty"` // kcmgen's defaults differ, and not what the user wrote
	At   string  `json:"at,omitempty"`  // "file:line:column" of what the user wrote
	Text string  `json:"text"`
}

// KeyPlan is what an export would do with a key or a certificate.
type KeyPlan struct {
	ID     string `json:"id"`     // of pki/<id>.crt and pki/<id>.key
	Action string `json:"action"` // "keep" or "make"
	Reason string `json:"reason"`
}

// AcceptPlan is a change that an export makes only if it is accepted.
type AcceptPlan struct {
	ID       string `json:"id"` // the word of --accept
	Accepted bool   `json:"accepted"`
	Text     string `json:"text"`
	Command  string `json:"command,omitempty"` // that accepts it
}

// Plan returns what a dry run found. Values from embedded files are redacted.
func (e *Exported) Plan() *ExportPlan {
	p := &ExportPlan{
		Cluster: e.hide(e.Cluster.Name), Directory: e.Dir, Changes: len(e.Changes) > 0 || len(e.Needed) > 0,
		Defaults: string(e.Cluster.DefaultsOf()), Files: map[tree.Kind]int{}, Nodes: []NodePlan{}, Keys: []KeyPlan{}, Accept: []AcceptPlan{},
	}
	for _, c := range e.Changes {
		if !c.Old.Dir && !c.New.Dir {
			p.Files[c.Kind]++
		}
	}
	for _, n := range slices.Concat(e.Nodes, e.Same) {
		p.Nodes = append(p.Nodes, e.nodePlan(n))
	}
	slices.SortFunc(p.Nodes, func(a, b NodePlan) int { return strings.Compare(a.Node, b.Node) })
	for _, k := range e.Keys {
		action := "keep"
		if k.Made {
			action = "make"
		}
		p.Keys = append(p.Keys, KeyPlan{e.hide(k.ID), action, e.hide(k.Reason)})
	}
	for _, c := range e.Accepted {
		if !slices.ContainsFunc(e.Needed, func(n plan.Change) bool { return n.ID == c.ID }) {
			p.Accept = append(p.Accept, AcceptPlan{ID: c.ID, Accepted: true, Text: e.hide(c.String())})
		}
	}
	for _, c := range e.Needed {
		p.Accept = append(p.Accept, AcceptPlan{ID: c.ID, Text: e.hide(c.String()), Command: e.acceptance(c.ID)})
	}
	return p
}

func (e *Exported) hide(text string) string { return e.Cluster.Embedded.Redact(text) }

// acceptance returns the command that accepts changes.
func (e *Exported) acceptance(words ...string) string {
	return treeHint{&TreeError{Cluster: e.Cluster, Out: e.Out}}.export(strings.Join(words, ","))
}

func (e *Exported) nodePlan(n NodeChange) NodePlan {
	out := NodePlan{Node: e.hide(n.Node), State: "same", From: n.From, To: n.To}
	switch n.Kind {
	case tree.Added, tree.Changed:
		out.State = string(n.Kind)
	case tree.Removed:
		out.State, out.Retire = "gone", e.Retirement(n.Node)
	}
	for _, r := range n.Reasons {
		was, is := e.sides(r)
		out.Reasons = append(out.Reasons, ReasonPlan{r.Kind, e.hide(r.Name), was, is, strings.HasPrefix(r.Own, "kcmgen"), r.At, e.reason(r)})
	}
	return out
}

// sides returns the values of a reason without what must not be shown. If the new value
// comes from an embedded file, so did the old one, most likely, and it isn't known any more.
func (e *Exported) sides(r Reason) (was, is *string) {
	hidden := false
	side := func(v *review.Value) *string {
		if v == nil {
			return nil
		}
		text := e.hide(v.Text)
		hidden = hidden || text != v.Text
		return &text
	}
	is = side(r.New)
	was = side(r.Old)
	if hidden && was != nil {
		text := e.Cluster.Embedded.Place()
		was = &text
	}
	return was, is
}

// reason returns a reason on one line.
func (e *Exported) reason(r Reason) string {
	switch {
	case r.Kind == review.OfCertificate:
		return "pki/" + e.hide(r.Name) + ": " + e.hide(r.Because)
	case r.Because != "":
		return e.hide(r.Because)
	}
	was, is := e.sides(r)
	name := e.hide(r.Name)
	subject := r.Kind + " " + name
	if r.Kind == review.OfFlag {
		subject = "--" + name
	}
	var text string
	switch {
	case r.Kind == review.OfFile && name == "":
		text = "its files are gone from the tree"
	case was == nil && r.Kind == review.OfFile:
		text = subject + " is new"
	case is == nil && r.Kind == review.OfFile:
		text = subject + " is gone"
	default:
		text = subject + " " + sideText(was, r.Old) + " → " + sideText(is, r.New)
	}
	if r.Own != "" {
		return text + ": " + r.Own
	}
	if r.At != "" {
		text += " (" + r.At + ")"
	}
	return text
}

// sideText returns one side of a value that differs.
func sideText(text *string, v *review.Value) string {
	if text == nil || *text == "" && v.Origin == review.ByKubernetes {
		return "not set"
	}
	out := strings.ReplaceAll(*text, "\n", ", ")
	if out == "" {
		out = `""`
	}
	if v.Origin == review.ByKubernetes {
		out += " (Kubernetes' default)"
	}
	return out
}

// Note says what an export does to a node, and why, on one line.
func (e *Exported) Note(n NodeChange) string {
	switch n.Kind {
	case tree.Added:
		return "node " + n.Node + " is new"
	case tree.Removed:
		return fmt.Sprintf("node %s is gone; what runs on its host runs on: %s", n.Node, e.Retirement(n.Node))
	}
	text := "node " + n.Node + " gets another generation"
	switch {
	case n.Restored():
		text = "node " + n.Node + " keeps its generation, and its files are put back"
	case n.From == "" && e.hasNoGenerations():
		text = "node " + n.Node + " gets other files"
	}
	return text + ": " + strings.Join(e.reasons(n), "; ")
}

// reasons returns the reasons of a node, each on one line.
func (e *Exported) reasons(n NodeChange) []string {
	var out []string
	for _, r := range n.Reasons {
		out = append(out, e.reason(r))
	}
	return out
}

func (e *Exported) hasNoGenerations() bool { return !e.Cluster.Generations }

// PlanLines says for a person what a dry run found.
func (e *Exported) PlanLines() []string {
	name := e.Cluster.Name
	var out []string
	add := func(format string, args ...any) { out = append(out, name+": "+fmt.Sprintf(format, args...)) }
	for _, k := range groupKeys(e.Keys) {
		add("%s", e.hide(k))
	}
	for i, n := range e.Nodes {
		if n.Kind != tree.Changed {
			add("%s", e.Note(n))
			continue
		}
		add("%s", e.step(n))
		why := e.reasons(n)
		if i+1 < len(e.Nodes) && slices.Equal(why, e.reasons(e.Nodes[i+1])) {
			continue // the next one says it
		}
		for _, line := range why {
			add("    %s", line)
		}
	}
	for _, o := range e.Others {
		if o.Removed {
			add("an export would remove %q: kcmgen didn't write it", o.Path)
		}
	}
	if len(e.Same) > 0 && len(e.Nodes) > 0 {
		add("%s", sameLine(e.Same))
	}
	var words []string
	for _, c := range e.Accepted {
		if !slices.ContainsFunc(e.Needed, func(n plan.Change) bool { return n.ID == c.ID }) {
			add("accepted: %s", e.hide(c.String()))
		}
	}
	for _, c := range e.Needed {
		words = append(words, c.ID)
		add("an export refuses this without --accept %s: %s", spec.ShellWord(c.ID), e.hide(c.String()))
	}
	if len(words) > 0 {
		add("if that is meant: %s", e.acceptance(words...))
	}
	if len(e.Changes) == 0 {
		return append(out, name+": nothing would change")
	}
	return append(out, fmt.Sprintf("%s: an export would write %s", e.Dir, Counts(e.Changes)))
}

// step says from which generation to which a host goes.
func (e *Exported) step(n NodeChange) string {
	to := n.To
	if to == "" {
		to = "another one, named once its key is made"
	}
	switch {
	case n.Restored():
		return "node " + n.Node + ": generation " + n.From + " stays, and its files are put back:"
	case e.hasNoGenerations() && n.From == "":
		return "node " + n.Node + " gets other files:"
	case e.hasNoGenerations():
		return "node " + n.Node + ": generation " + n.From + " → files at fixed paths:"
	case n.From == "":
		return "node " + n.Node + ": files at fixed paths → generation " + to + ":"
	}
	return "node " + n.Node + ": generation " + n.From + " → " + to + ":"
}

// maxNames is the number of names in a line; the others are counted.
const maxNames = 4

func sameLine(some []NodeChange) string {
	var names []string
	for _, n := range some {
		names = append(names, n.Node)
	}
	if len(names) == 1 {
		return "node " + names[0] + " stays as it is"
	}
	return "nodes " + fewNames(names) + " stay as they are"
}

func fewNames(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames-1], ", "), len(names)-maxNames+1)
}

// groupKeys says what becomes of keys and certificates: those that are made each on a line
// of its own, then those that are kept for the same reason together.
func groupKeys(all []KeyDecision) []string {
	var out, order []string
	kept := map[string][]string{}
	for _, k := range all {
		if k.Made {
			out = append(out, "make pki/"+k.ID+": "+k.Reason)
			continue
		}
		if kept[k.Reason] == nil {
			order = append(order, k.Reason)
		}
		kept[k.Reason] = append(kept[k.Reason], "pki/"+k.ID)
	}
	for _, reason := range order {
		out = append(out, "keep "+fewNames(kept[reason])+": "+reason)
	}
	return out
}
