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

// oldImages compares what the archives beside a tree were made from with what they
// would be, once the tree is written.
func (x *export) oldImages(ctx context.Context, out *outdir.Dir, v *Vetted, prune bool, now time.Time) ([]OldImage, error) {
	var old []OldImage
	for _, arch := range spec.Archs {
		if !x.old.HasImage(arch) {
			continue
		}
		if makeable(v.Cluster, arch) != nil {
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

// inputsOf is what an archive was made from, or nothing: one that can't be read
// isn't the image either, and is no reason to write no tree.
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

// Outdated says what an export would do to a tree, "" if nothing: what is deployed then
// isn't what the CUE says.
func Outdated(ctx context.Context, v *Vetted, state *outdir.State, p Programs, now time.Time) string {
	todo, have, err := v.Plan(state, now)
	if err != nil {
		return "be refused: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	if made := todo.ToMake(); len(made) > 0 {
		return fmt.Sprintf("make pki/%s: %s", made[0].ID, made[0].Reason)
	}
	programs, err := p.carried(ctx, v.Cluster)
	if err != nil {
		return "" // what isn't at hand was exported once all the same
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
