package gen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/binary"
	"github.com/kcmgen/kcmgen/gen/image"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// MadeImage is an image that was written.
type MadeImage struct {
	Cluster string `json:"cluster"`
	Arch    string `json:"arch"`
	Name    string `json:"name"`
	File    string `json:"file"`
	Digest  string `json:"digest"` // as a registry tells it
	Size    int64  `json:"size"`   // of the archive, in bytes
}

// ImageOptions are those of MakeImages.
type ImageOptions struct {
	Out      string   // the directory of the clusters' trees
	Archs    []string // nil: those of the nodes
	Programs Programs
	Now      time.Time
	Progress
	Hear func(Event)
}

// anImage is one that is to be made.
type anImage struct {
	v       *Vetted
	arch    string
	program binary.File
}

// MakeImages makes the images of clusters, and brings the programs that go into them.
// It returns those that it made, also where it couldn't make them all.
func MakeImages(ctx context.Context, l *Loaded, o ImageOptions) (made []MadeImage, err error) {
	todo, err := o.decide(ctx, l)
	if err != nil {
		return nil, err
	}
	for _, i := range todo {
		if err := outdir.Writable(filepath.Join(o.Out, i.v.Cluster.Name)); err != nil {
			return nil, err
		}
	}
	out, err := outdir.Open(ctx, o.Out, lockWait, o.waiting(o.Out))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	images := make([]image.Image, len(todo))
	for n, i := range todo {
		if images[n], err = i.content(ctx, out, o); err != nil {
			return nil, fmt.Errorf("cluster %s: %w", i.v.Cluster.Name, inTree(err, i.v.Cluster, out, o.Out))
		}
	}
	for n, i := range todo {
		if err := ctx.Err(); err != nil {
			return made, err
		}
		m, err := i.write(out, images[n])
		if err != nil {
			return made, fmt.Errorf("cluster %s: %w", i.v.Cluster.Name, err)
		}
		made = append(made, m)
	}
	return made, nil
}

// decide says what to make, and brings the programs: a fault of the last image is no
// reason to have made the first, nor to download anything.
func (o ImageOptions) decide(ctx context.Context, l *Loaded) ([]anImage, error) {
	var out []anImage
	var errs []error
	for _, v := range l.Clusters {
		c := v.Cluster
		if c.Binary == nil && len(l.Clusters) > 1 {
			continue // of many clusters, some have nothing to do with images
		}
		archs := o.Archs
		if len(archs) == 0 {
			archs = c.NodeArchs()
		}
		for _, arch := range slices.Compact(slices.Sorted(slices.Values(archs))) {
			if err := makeable(c, arch); err != nil {
				errs = append(errs, fmt.Errorf("cluster %s: %w", c.Name, err))
			}
			out = append(out, anImage{v: v, arch: arch})
		}
	}
	if len(out) == 0 {
		return nil, &NoSourceError{Text: "no cluster here names a program (binary.source)"}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s, err := o.Programs.store()
	if err != nil {
		return nil, err
	}
	for n, i := range out {
		c := i.v.Cluster
		if out[n].program, err = o.program(ctx, s, c, i.arch); err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", c.Name, err))
		}
	}
	return out, errors.Join(errs...)
}

// BasedImageError is an image that has to be built on another.
type BasedImageError struct{ Base string }

func (e *BasedImageError) Error() string {
	return fmt.Sprintf("image.base is %s: kcmgen makes images from scratch, which is all that the program needs", e.Base)
}

// makeable returns an error if an image can't be made of what the cluster says.
func makeable(c *spec.Cluster, arch string) error {
	if c.Image != nil && c.Image.Base != "scratch" {
		return &BasedImageError{c.Image.Base}
	}
	d, ok := c.Download(arch)
	switch {
	case !ok:
		return noSource(arch)
	case d.SHA256 == "":
		return fmt.Errorf("the program for %s: %w", arch, binary.ErrNoChecksum)
	case copies(c) && !slices.Contains(c.NodeArchs(), arch):
		return fmt.Errorf("image.copy puts files of nodes into the image, and no node is %s", arch)
	}
	return nil
}

// program is the program of an image, brought here if need be.
func (o ImageOptions) program(ctx context.Context, s binary.Store, c *spec.Cluster, arch string) (binary.File, error) {
	f, _, err := bring(ctx, s, c, arch, o.Programs.opening(c.Name, o.Progress))
	if err != nil {
		return f, err
	}
	d, _ := c.Download(arch)
	return f, f.Static(d.Origin())
}

// content is what goes into the image, with files as they lie in the tree.
func (i anImage) content(ctx context.Context, out *outdir.Dir, o ImageOptions) (image.Image, error) {
	c, have := i.v.Cluster, &outdir.State{}
	if copies(c) {
		err := recoverTree(out, c.Name, o.Hear)
		if err != nil {
			return image.Image{}, err
		}
		if have, err = out.Read(c.Name); err != nil {
			return image.Image{}, err
		}
	}
	img, err := imageOf(ctx, i.v, i.arch, have, o.Now)
	img.Program.Size = i.program.Size
	img.Program.Open = func() (io.ReadCloser, error) { return openUntil(ctx, i.program.Path) }
	return img, err
}

// copies reports whether a cluster's images hold files of its tree: nothing is
// kept off a host that has no pods.
func copies(c *spec.Cluster) bool {
	return c.Image != nil && len(c.Image.Copy) > 0 && c.Layout == spec.StaticPod
}

// imageOf is the image of a cluster that is makeable, with files as a tree has
// them, and without what its program is read from.
func imageOf(ctx context.Context, v *Vetted, arch string, have *outdir.State, now time.Time) (image.Image, error) {
	c := v.Cluster
	d, _ := c.Download(arch)
	img := image.Image{
		Name: imageName(c), Arch: arch, Version: c.Version.String(),
		Program: image.File{To: c.Paths.Binary, Mode: 0o755, Sum: d.SHA256},
	}
	if c.Image != nil {
		img.Directories = c.Image.Directories
	}
	if !copies(c) {
		return img, nil
	}
	files, err := v.ImageFiles(ctx, have, arch, now)
	for _, f := range files {
		img.Files = append(img.Files, image.Bytes(f.To, f.Mode, f.Bytes()))
	}
	return img, err
}

// openUntil opens a file that can be read until ctx ends: packing it takes seconds.
func openUntil(ctx context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	return endable{f, ctx}, err
}

type endable struct {
	io.ReadCloser
	ctx context.Context
}

func (e endable) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.ReadCloser.Read(p)
}

// imageName is what pod.image calls the image, with a tag: the digest of one
// that is being made can't be said beforehand.
func imageName(c *spec.Cluster) string {
	name, _, _ := strings.Cut(c.Pod.Image, "@")
	if !strings.Contains(name[strings.LastIndex(name, "/")+1:], ":") {
		name += ":" + c.Version.String()
	}
	return name
}

func (i anImage) write(out *outdir.Dir, img image.Image) (MadeImage, error) {
	m := MadeImage{Cluster: i.v.Cluster.Name, Arch: i.arch, Name: img.Name}
	var err error
	m.File, err = out.PutImage(m.Cluster, i.arch, func(w io.Writer) (err error) {
		m.Digest, m.Size, err = img.Write(w)
		return err
	})
	return m, err
}
