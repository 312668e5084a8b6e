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
	Digest  string `json:"digest"` // as a registry shows it
	Size    int64  `json:"size"`   // of the archive, in bytes
}

// ImageOptions are the options of MakeImages.
type ImageOptions struct {
	Out      string   // the directory of the clusters' trees
	Archs    []string // nil: the architectures of the nodes
	Programs Programs
	Now      time.Time
	Progress
	OnEvent func(Event)
}

// imageJob is an image to make.
type imageJob struct {
	v       *Vetted
	arch    string
	program binary.File
}

// MakeImages makes the images of clusters, and fetches missing programs. It returns the
// images that it made, also together with an error.
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
			return nil, fmt.Errorf("cluster %s: %w", i.v.Cluster.Name, withTree(err, i.v.Cluster, out, o.Out))
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

// decide returns the images to make, and fetches their programs. It checks all of them
// before it downloads anything.
func (o ImageOptions) decide(ctx context.Context, l *Loaded) ([]imageJob, error) {
	var out []imageJob
	var errs []error
	for _, v := range l.Clusters {
		c := v.Cluster
		if c.Binary == nil && len(l.Clusters) > 1 {
			continue // not every cluster has images
		}
		archs := o.Archs
		if len(archs) == 0 {
			archs = c.NodeArchs()
		}
		for _, arch := range slices.Compact(slices.Sorted(slices.Values(archs))) {
			if err := checkImage(c, arch); err != nil {
				errs = append(errs, fmt.Errorf("cluster %s: %w", c.Name, err))
			}
			out = append(out, imageJob{v: v, arch: arch})
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

// BasedImageError is an image with a base image, which kcmgen doesn't build.
type BasedImageError struct{ Base string }

func (e *BasedImageError) Error() string {
	return fmt.Sprintf("image.base is %s: kcmgen makes images from scratch, which is all that the program needs", e.Base)
}

// checkImage returns an error if kcmgen can't make the cluster's image.
func checkImage(c *spec.Cluster, arch string) error {
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

// program returns the program of an image, and fetches it if it is missing.
func (o ImageOptions) program(ctx context.Context, s binary.Store, c *spec.Cluster, arch string) (binary.File, error) {
	f, _, err := provide(ctx, s, c, arch, o.Programs.opener(c.Name, o.Progress))
	if err != nil {
		return f, err
	}
	d, _ := c.Download(arch)
	return f, f.Static(d.Origin())
}

// content returns the content of the image, with files from the tree.
func (i imageJob) content(ctx context.Context, out *outdir.Dir, o ImageOptions) (image.Image, error) {
	c, have := i.v.Cluster, &outdir.State{}
	if copies(c) {
		err := recoverTree(out, c.Name, o.OnEvent)
		if err != nil {
			return image.Image{}, err
		}
		if have, err = out.Read(c.Name); err != nil {
			return image.Image{}, err
		}
	}
	img, err := imageOf(ctx, i.v, i.arch, have, o.Now)
	img.Program.Size = i.program.Size
	img.Program.Open = func() (io.ReadCloser, error) { return openCancellable(ctx, i.program.Path) }
	return img, err
}

// copies reports whether a cluster's images hold files of its tree. Only static pods
// have such images.
func copies(c *spec.Cluster) bool {
	return c.Image != nil && len(c.Image.Copy) > 0 && c.Uses(spec.StaticPod)
}

// imageOf returns the image of a cluster that passed checkImage, with files from a
// tree. Size and Open of its program are not set.
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

// openCancellable opens a file whose reads fail once ctx ends: packing takes seconds.
func openCancellable(ctx context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	return cancellableFile{f, ctx}, err
}

type cancellableFile struct {
	io.ReadCloser
	ctx context.Context
}

func (f cancellableFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.ReadCloser.Read(p)
}

// imageName returns the name in pod.image with a tag, and without a digest: that is
// unknown before the image is made.
func imageName(c *spec.Cluster) string {
	name, _, _ := strings.Cut(c.Pod.Image, "@")
	if !strings.Contains(name[strings.LastIndex(name, "/")+1:], ":") {
		name += ":" + c.Version.String()
	}
	return name
}

func (i imageJob) write(out *outdir.Dir, img image.Image) (MadeImage, error) {
	m := MadeImage{Cluster: i.v.Cluster.Name, Arch: i.arch, Name: img.Name}
	var err error
	m.File, err = out.PutImage(m.Cluster, i.arch, func(w io.Writer) (err error) {
		m.Digest, m.Size, err = img.Write(w)
		return err
	})
	return m, err
}
