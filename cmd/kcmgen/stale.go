package main

import (
	"context"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/image"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// oldImage is an archive in a cluster's folder that isn't what "kcmgen image"
// would make there, once the tree is written.
type oldImage struct {
	path  string
	renew string // the command to type; none: the cluster makes no such image
}

// oldImages compares what the archives were made from with what they would be.
func oldImages(ctx context.Context, out *outdir.Dir, e *export, v *gen.Vetted, dir string, now time.Time) ([]oldImage, error) {
	var old []oldImage
	for _, arch := range spec.Archs {
		at := layout.Image(arch)
		if !e.old.HasImage(arch) {
			continue
		}
		if makeable(v.Cluster, arch) != nil {
			old = append(old, oldImage{path: at})
			continue
		}
		img, err := imageOf(ctx, v, arch, &outdir.State{Ours: e.tree}, now)
		if err != nil {
			return nil, err
		}
		if img.Inputs() != inputsOf(out, e.name, arch) {
			old = append(old, oldImage{at, renewal(v.Cluster, arch, dir)})
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

// renewal is the command that makes an image again at its place.
func renewal(c *spec.Cluster, arch, dir string) string {
	cmd := "kcmgen image"
	if !slices.Contains(c.NodeArchs(), arch) {
		cmd += " --arch " + arch
	}
	folder := folderOf(c)
	if usual, err := outFolder("", []string{folder}); err != nil || usual != dir {
		cmd += " -o " + dir
	}
	return cmd + " " + folder
}

// keeps reports whether --prune leaves a path alone: what leads to a private key,
// and images that the cluster still makes. The keys in the others are copies.
func (e *export) keeps(path string) bool {
	if slices.Contains(e.old.Beside(), path) {
		return !slices.Contains(e.images, oldImage{path: path})
	}
	return holdsKey(path, e.old.Foreign)
}

func reportImages(e *export, std stdio) {
	for _, i := range e.images {
		switch {
		case i.renew != "":
			say(std.err, "%s: %s isn't what the cluster says now: %s renews it", e.name, i.path, i.renew)
		case e.prune(i.path):
			say(std.err, "%s: removed %s: the cluster makes no such image any more", e.name, i.path)
		default:
			say(std.err, "%s: kept %s: the cluster makes no such image any more (--prune removes it)", e.name, i.path)
		}
	}
}
