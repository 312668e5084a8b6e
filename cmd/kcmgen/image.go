package main

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

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/binary"
	"github.com/kcmgen/kcmgen/gen/image"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/spec"
)

type imageOptions struct {
	out    string
	archs  []string
	format string
}

func newImage(std stdio) *cobra.Command {
	var o imageOptions
	cmd := &cobra.Command{
		Use:   "image [CLUSTER | DIR | DIR/...]...",
		Short: "Make container images, without a daemon",
		Long: `Image vets clusters, fetches the programs that aren't there yet as "kcmgen fetch"
does, and makes for each architecture among the nodes an image from scratch:

  OUT/<cluster>/image/<arch>.tar    an OCI archive, named as pod.image says

It holds the program at paths.binary, the folders of image.directories, and the
files of image.copy as the last export wrote them; no key is in it unless
image.copy says so. The same cluster gives the same bytes, and the digest is the
one that a registry tells.

` + exitCodes,
		Example: `  kcmgen image ./cue/prod                 write out/prod/image/amd64.tar
  kcmgen image --arch amd64,arm64 ./cue/prod
  buildah pull oci-archive:out/prod/image/amd64.tar`,
		ValidArgsFunction: completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runImage(cmd.Context(), o, args, time.Now(), std)
		},
	}
	outFlag(cmd, &o.out)
	cmd.Flags().StringSliceVar(&o.archs, "arch", nil, "architectures, such as amd64,arm64 (default those of the nodes)")
	completeFlag(cmd, "arch", completeWords(spec.Archs...))
	cmd.Flags().StringVar(&o.format, "format", "text", "how to print what was made: text or json")
	completeFlag(cmd, "format", completeWords("text", "json"))
	return cmd
}

func runImage(ctx context.Context, o imageOptions, args []string, now time.Time, std stdio) (err error) {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	if err := checkArchs(o.archs); err != nil {
		return err
	}
	if o.out, err = outFolder(o.out, args); err != nil {
		return err
	}
	if err := outdir.Writable(o.out); err != nil {
		return err
	}
	r, err := loadVetted(ctx, o.out, args, now, std)
	if err != nil {
		return err
	}
	todo, err := imagesOf(ctx, r, o, std)
	if err != nil {
		return err
	}
	made, err := makeImages(ctx, todo, o, now, std)
	if len(made) == 0 && err != nil {
		return err
	}
	return errors.Join(err, printImages(std.out, made, o.format))
}

// anImage is one that is to be made.
type anImage struct {
	v       *gen.Vetted
	arch    string
	program binary.File
}

// imagesOf decides what to make, and brings the programs: a fault of the last
// image is no reason to have made the first, nor to download anything.
func imagesOf(ctx context.Context, r *loaded, o imageOptions, std stdio) ([]anImage, error) {
	var out []anImage
	var errs []error
	for _, v := range r.clusters {
		c := v.Cluster
		if c.Binary == nil && len(r.clusters) > 1 {
			continue // of many clusters, some have nothing to do with images
		}
		archs := o.archs
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
		return nil, &noSourceError{text: "no cluster here names a program (binary.source)"}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s, err := programStore()
	if err != nil {
		return nil, err
	}
	for n, i := range out {
		if out[n].program, err = programOf(ctx, s, i.v.Cluster, i.arch, std); err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", i.v.Cluster.Name, err))
		}
	}
	return out, errors.Join(errs...)
}

// basedImageError is an image that has to be built on another.
type basedImageError struct{ base string }

func (e *basedImageError) Error() string {
	return fmt.Sprintf("image.base is %s: kcmgen makes images from scratch, which is all that the program needs", e.base)
}

// makeable returns an error if an image can't be made of what the cluster says.
func makeable(c *spec.Cluster, arch string) error {
	if c.Image != nil && c.Image.Base != "scratch" {
		return &basedImageError{c.Image.Base}
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

// programOf is the program of an image, brought here if need be.
func programOf(ctx context.Context, s binary.Store, c *spec.Cluster, arch string, std stdio) (binary.File, error) {
	f, _, err := bring(ctx, s, c, arch, telling(c.Name, std))
	if err != nil {
		return f, err
	}
	d, _ := c.Download(arch)
	return f, f.Static(d.Origin())
}

// madeImage is a line of the listing.
type madeImage struct {
	Cluster string `json:"cluster"`
	Arch    string `json:"arch"`
	Name    string `json:"name"`
	File    string `json:"file"`
	Digest  string `json:"digest"`
	Size    int64  `json:"size"`
}

// makeImages returns those that it made, also where it couldn't make them all.
func makeImages(ctx context.Context, todo []anImage, o imageOptions, now time.Time, std stdio) (made []madeImage, err error) {
	for _, i := range todo {
		if err := outdir.Writable(filepath.Join(o.out, i.v.Cluster.Name)); err != nil {
			return nil, err
		}
	}
	out, err := openOut(ctx, o.out, std)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	images := make([]image.Image, len(todo))
	for n, i := range todo {
		if images[n], err = i.content(ctx, out, now, std); err != nil {
			return nil, fmt.Errorf("cluster %s: %w", i.v.Cluster.Name, inTree(err, i.v.Cluster, out, o.out))
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

// content is what goes into the image, with files as they lie in the tree.
func (i anImage) content(ctx context.Context, out *outdir.Dir, now time.Time, std stdio) (image.Image, error) {
	c, have := i.v.Cluster, &outdir.State{}
	if copies(c) {
		err := recoverTree(out, c.Name, std)
		if err != nil {
			return image.Image{}, err
		}
		if have, err = out.Read(c.Name); err != nil {
			return image.Image{}, err
		}
	}
	img, err := imageOf(ctx, i.v, i.arch, have, now)
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
func imageOf(ctx context.Context, v *gen.Vetted, arch string, have *outdir.State, now time.Time) (image.Image, error) {
	c := v.Cluster
	d, _ := c.Download(arch)
	img := image.Image{
		Name: imageName(c), Arch: arch, Version: c.Version.String(),
		Program: image.File{To: c.Paths.Binary, Mode: 0o755, Sum: d.SHA256},
	}
	if c.Image != nil {
		img.Folders = c.Image.Directories
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

func (i anImage) write(out *outdir.Dir, img image.Image) (madeImage, error) {
	m := madeImage{Cluster: i.v.Cluster.Name, Arch: i.arch, Name: img.Name}
	var err error
	m.File, err = out.PutImage(m.Cluster, i.arch, func(w io.Writer) (err error) {
		m.Digest, m.Size, err = img.Write(w)
		return err
	})
	return m, err
}

func printImages(w io.Writer, made []madeImage, format string) error {
	if format == "json" {
		return printJSON(w, struct {
			Images []madeImage `json:"images"`
		}{made})
	}
	for _, m := range made {
		if _, err := fmt.Fprintf(w, "%s %s %d bytes\n", m.File, m.Digest, m.Size); err != nil {
			return err
		}
	}
	return nil
}
