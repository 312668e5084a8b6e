// Package gen takes a cluster from CUE to its tree: load, vet, plan, issue, render and
// write.
package gen

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/pki"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/readback"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/gen/trial"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// Vetted is a cluster with its findings and the user's own keys.
type Vetted struct {
	Cluster  *spec.Cluster
	Findings []finding.Finding
	given    keys.Bundle
	seen     *NodesSeen
}

// Vet checks a cluster against every rule, and against what an export made in out, the
// directory of the clusters' trees ("" for none).
func Vet(c *spec.Cluster, out string, now time.Time) *Vetted {
	return VetIn(c, out, &facts.Index{}, nil, now)
}

// VetIn is Vet for many clusters: with a shared index git is asked once for all. existing
// are the cluster's nodes, nil if they aren't known.
func VetIn(c *spec.Cluster, out string, index *facts.Index, existing *vet.Existing, now time.Time) *Vetted {
	f, given := facts.Read(c, out, index, now)
	f.Existing = existing
	f.Refusals = trial.Run(c, trial.Authorities{
		CA:         cmp.Or(f.CA.Cert, f.MadeCA.Cert),
		FrontProxy: cmp.Or(f.FrontProxy.Cert, f.MadeFrontProxy.Cert),
	}, now)
	found := vet.Check(c, f)
	for i := range found {
		found[i] = c.Embedded.Finding(found[i])
	}
	return &Vetted{c, finding.EnsureMessages(found), given, seen(c, f)}
}

// Plan decides what an export makes. old is the cluster's tree in out/.
func (v *Vetted) Plan(old *outdir.State, now time.Time) (*plan.Plan, keys.Bundle, error) {
	return v.PlanAccepting(old, nil, now)
}

// PlanAccepting is Plan with accepted changes of what others trust.
func (v *Vetted) PlanAccepting(old *outdir.State, accepted plan.Accepted, now time.Time) (*plan.Plan, keys.Bundle, error) {
	have := keys.Bundle{}
	for _, path := range old.Gone {
		have.Add(path, nil, keys.Secret{})
	}
	for _, e := range old.Ours.Entries() {
		have.Add(e.Path, e.Data, e.Secret)
	}
	p, err := plan.Follow(v.Cluster, pastOf(old), have, v.given, accepted, now)
	if err != nil {
		return nil, nil, err
	}
	for id, pair := range v.given {
		have[id] = pair
	}
	return p, have, nil
}

// pastOf returns what the last export wrote, by the tree's manifest.
func pastOf(old *outdir.State) plan.Past {
	if old.Manifest == nil {
		return plan.Past{}
	}
	out := plan.Past{Cluster: old.Manifest.Cluster}
	for _, f := range old.Manifest.Files {
		if f.Dir {
			continue
		}
		e, _ := old.Ours.Get(f.Path)
		out.Files = append(out.Files, plan.PastFile{Path: f.Path, Sum: f.SHA256, Data: e.Data, Secret: e.Secret})
	}
	return out
}

// StaleError is a tree that is out of date: an export would change it.
type StaleError struct{ Reason string }

func (e *StaleError) Error() string { return e.Reason }

// ImageFiles returns the files of an architecture's image, except the program, as the
// last export wrote them. It makes no files: it returns a StaleError if the tree is out
// of date.
func (v *Vetted) ImageFiles(ctx context.Context, old *outdir.State, arch string, now time.Time) ([]render.Copied, error) {
	p, have, err := v.Plan(old, now)
	if err != nil {
		return nil, err
	}
	if todo := p.ToMake(); len(todo) > 0 {
		return nil, &StaleError{fmt.Sprintf("the image holds exported files, and an export would make pki/%s: %s", todo[0].ID, todo[0].Reason)}
	}
	bundle, err := pki.Issue(ctx, p, have, now)
	if err != nil {
		return nil, err
	}
	files, err := render.ImageFiles(p, bundle, arch)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if e, ok := old.Ours.Get(f.Path); !ok || !e.Same(f.Entry) {
			return nil, &StaleError{fmt.Sprintf("the image holds exported files, and an export would change %s", f.Path)}
		}
	}
	return files, nil
}

// Generate carries out a plan in memory, and returns the tree with its manifest.
// Programs stay in their files.
func Generate(ctx context.Context, p *plan.Plan, have keys.Bundle, programs render.Programs, now time.Time, version string) (tree.Tree, error) {
	bundle, err := pki.Issue(ctx, p, have, now)
	if err != nil {
		return tree.Tree{}, err
	}
	out, err := render.Tree(p, bundle, programs)
	if err != nil {
		return tree.Tree{}, err
	}
	if err := readback.Check(p, out.Tree); err != nil {
		return tree.Tree{}, err
	}
	return outdir.WithManifest(out.Tree, outdir.Manifest{
		Kcmgen: version, Cluster: p.Cluster.Name, Kubernetes: p.Cluster.Version.String(), Nodes: out.Generations,
	}.WithDefaults(p.Cluster.DefaultsOf()))
}
