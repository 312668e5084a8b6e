package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/image"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// ReadDesired returns what each host of a cluster should have, by node: its exported tree,
// which is the directory dir, and the image that was made for its pod.
func ReadDesired(c *spec.Cluster, s *outdir.State, dir string) (map[string]*plan.Desired, error) {
	out, err := plan.ReadDesired(c, s)
	if err != nil || !c.Uses(spec.StaticPod) {
		return out, err
	}
	byArch := map[string]*plan.Image{}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if out[n.Name].Pod == nil {
			continue
		}
		if _, ok := byArch[n.Arch]; !ok {
			file := filepath.Join(dir, filepath.FromSlash(layout.Image(n.Arch)))
			if byArch[n.Arch], err = readImage(file, n.Arch, out[n.Name].Image()); err != nil {
				return nil, fmt.Errorf("%s: %w: type kcmgen image %s", file, err, c.Name)
			}
		}
		out[n.Name].Archived = byArch[n.Arch]
	}
	return out, nil
}

// maxImage is the maximum size of an image's archive, in bytes. The program has about 70 MB.
const maxImage = 1 << 30

// readImage returns the image in an archive; nil if there is no archive.
func readImage(file, arch, name string) (*plan.Image, error) {
	f, err := regular.Open(file, maxImage)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	is, err := image.Describe(f)
	switch {
	case err != nil:
		return nil, err
	case is.Arch != arch:
		return nil, fmt.Errorf("it is an image for %s, and not for %s", is.Arch, arch)
	case plan.ImageName(is.Name) != name:
		return nil, fmt.Errorf("it is the image %s, and the pod's is %s", is.Name, name)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &plan.Image{Name: name, Digest: is.Digest, Archive: tree.Blob{Path: file, Size: info.Size()}}, nil
}

// withSum returns an archive with its checksum, which only an image that is brought needs.
func withSum(archive tree.Blob) (tree.Blob, error) {
	f, err := regular.Open(archive.Path, maxImage)
	if err != nil {
		return archive, err
	}
	defer f.Close()
	sum := sha256.New()
	if archive.Size, err = io.Copy(sum, f); err != nil {
		return archive, err
	}
	archive.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return archive, nil
}
