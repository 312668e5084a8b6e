package gen

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/image"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// oldImages returns the archives whose inputs differ from those of the new tree.
func (x *export) oldImages(ctx context.Context, out *outdir.Dir, v *Vetted, prune bool, now time.Time) ([]OldImage, error) {
	var old []OldImage
	for _, arch := range spec.Archs {
		if !x.old.HasImage(arch) {
			continue
		}
		if checkImage(v.Cluster, arch) != nil {
			old = append(old, OldImage{Arch: arch, Path: layout.Image(arch), Removed: prune})
			continue
		}
		img, err := imageOf(ctx, v, arch, &outdir.State{Ours: x.tree}, now)
		if err != nil {
			return nil, err
		}
		if img.Inputs() != inputsOf(out, v.Cluster.Name, arch) {
			old = append(old, OldImage{Arch: arch, Path: layout.Image(arch), Makes: true})
		}
	}
	return old, nil
}

// inputsOf returns the checksum of an archive's inputs, or "" if it can't be read,
// which counts as an old image and doesn't stop an export.
func inputsOf(out *outdir.Dir, name, arch string) string {
	f, err := out.OpenImage(name, arch)
	if err != nil {
		return ""
	}
	defer f.Close()
	sum, err := image.InputsOf(f)
	if err != nil {
		return ""
	}
	return sum
}

// Outdated returns what an export would do to a tree, in words, or "" if the tree is up
// to date.
func Outdated(ctx context.Context, v *Vetted, state *outdir.State, p Programs, now time.Time) string {
	todo, have, err := v.Plan(state, now)
	if err != nil {
		return "be refused: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	if made := todo.ToMake(); len(made) > 0 {
		return fmt.Sprintf("make pki/%s: %s", made[0].ID, made[0].Reason)
	}
	programs, err := p.inTree(ctx, v.Cluster)
	if err != nil {
		return "" // a missing program doesn't make the tree out of date
	}
	t, err := Generate(ctx, todo, have, programs, now, state.Manifest.Kcmgen)
	if err != nil {
		return err.Error()
	}
	if changes := tree.Diff(state.Ours, t); len(changes) > 0 {
		return "change files: " + tree.Counts(changes)
	}
	return ""
}
