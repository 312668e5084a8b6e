package gen

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// parseAccepted parses words of plan.Acceptable and plan.NodeGone. They apply to one
// cluster: accepting a change of one must not accept an accident of another.
func parseAccepted(words []string, clusters []*Vetted) (plan.Accepted, error) {
	out := plan.Accepted{}
	for _, w := range words {
		if _, gone := plan.GoneNode(w); !gone && !slices.Contains(plan.Acceptable(), w) {
			text := fmt.Sprintf("--accept %s: it takes %s, or node/NAME", w, strings.Join(plan.Acceptable(), ", "))
			if near := spec.Nearest(w, plan.Acceptable()); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			}
			return nil, badOption(text)
		}
		out[w] = true
	}
	if len(words) > 0 && len(clusters) > 1 {
		return nil, badOption("--accept is about one cluster: name it")
	}
	return out, nil
}

// planned plans a cluster. An export refuses changes that aren't accepted; a dry run goes
// on as if they were, and notes them.
func (e exporter) planned(v *Vetted, x *export) (*plan.Plan, keys.Bundle, error) {
	p, have, err := v.PlanAccepting(x.old, e.accepted, e.Now)
	var trust *plan.TrustError
	if err != nil && !errors.As(err, &trust) {
		return nil, nil, err
	}
	var refused []plan.Change
	if trust != nil {
		refused = slices.Clone(trust.Changes)
	}
	for _, node := range x.gone() {
		if word := plan.NodeGone(node); !e.accepted[word] {
			refused = append(refused, plan.Change{ID: word, Kind: plan.Left})
		}
	}
	switch {
	case len(refused) == 0:
		return p, have, nil
	case !e.DryRun:
		return nil, nil, &plan.TrustError{Changes: refused}
	}
	x.Needed = refused
	accepted := maps.Clone(e.accepted)
	for _, c := range refused {
		accepted[c.ID] = true
	}
	return v.PlanAccepting(x.old, accepted, e.Now)
}

// gone returns the nodes that the last export had and the cluster hasn't, sorted.
func (x *export) gone() []string {
	if x.old.Manifest == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(x.old.Manifest.Nodes)), x.has)
}

// has reports whether the cluster has a node.
func (x *export) has(node string) bool {
	return slices.ContainsFunc(x.Cluster.Nodes, func(n spec.Node) bool { return n.Name == node })
}

// stillHere returns the accepted words for nodes that weren't there, or still are.
func (x *export) stillHere(accepted plan.Accepted) []string {
	var out []string
	for _, word := range slices.Sorted(maps.Keys(accepted)) {
		if node, ok := plan.GoneNode(word); ok && !slices.Contains(x.gone(), node) {
			out = append(out, word)
		}
	}
	return out
}

// read reads a cluster's tree. An export recovers what a killed run left of it first; a dry
// run reads it where it is, and says so.
func (e exporter) read(x *export, emit func(Event)) (*outdir.State, error) {
	name := x.Cluster.Name
	if e.DryRun {
		at, text := e.out.Unfinished(name)
		if text != "" {
			emit(Recovered{name, text})
		}
		return e.out.Read(at)
	}
	if err := outdir.Writable(filepath.Join(e.Out, name)); err != nil {
		return nil, err
	}
	if err := recoverTree(e.out, name, emit); err != nil {
		return nil, err
	}
	return e.out.Read(name)
}
