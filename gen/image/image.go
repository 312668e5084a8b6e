// Package image makes container images without a daemon: a program in an image from
// scratch, for one architecture, as an OCI archive. The same input gives the same bytes.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image is the content of an image.
type Image struct {
	Name        string // with a tag; the name after loading
	Arch        string
	Version     string
	Program     File // the entrypoint
	Directories []string
	Files       []File // in a layer of their own
}

// File is a file of an image. Its owner is root.
type File struct {
	To   string // absolute path in the image
	Mode fs.FileMode
	Size int64
	Sum  string // SHA-256 of the contents in hex; may be empty
	// Open is called twice: the digest of a layer is needed before its contents.
	Open func() (io.ReadCloser, error)
}

// Bytes returns a file in memory.
func Bytes(to string, mode fs.FileMode, data []byte) File {
	sum := sha256.Sum256(data)
	return File{To: to, Mode: mode, Size: int64(len(data)), Sum: hex.EncodeToString(sum[:]), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// epoch is the time of all files, so that digests don't depend on time.
var epoch = time.Unix(0, 0).UTC()

// Write writes the image as an OCI archive. It returns the digest that the image has in
// a registry, and the size of the archive in bytes.
func (i Image) Write(w io.Writer) (digest string, size int64, err error) {
	layers, err := i.layers()
	if err != nil {
		return "", 0, err
	}
	img, err := i.assemble(layers)
	if err != nil {
		return "", 0, err
	}
	hash, err := img.Digest()
	if err != nil {
		return "", 0, err
	}
	var n counter
	err = archive(io.MultiWriter(w, &n), i, img, layers)
	return hash.String(), int64(n), err
}

// layers returns a layer for the program, and one for the other files, if any.
func (i Image) layers() ([]*layer, error) {
	if err := i.checkPaths(); err != nil {
		return nil, err
	}
	program, err := newLayer([]File{i.Program}, nil)
	if err != nil {
		return nil, err
	}
	out := []*layer{program}
	if len(i.Files) > 0 || len(i.Directories) > 0 {
		files, err := newLayer(i.Files, i.Directories)
		if err != nil {
			return nil, err
		}
		out = append(out, files)
	}
	return out, nil
}

// checkPaths returns an error if a path is repeated, or lies below a file.
func (i Image) checkPaths() error {
	files := append([]File{i.Program}, i.Files...)
	paths := slices.Clone(i.Directories)
	for _, f := range files {
		paths = append(paths, f.To)
	}
	for n, f := range files {
		for m, p := range paths {
			if p == f.To && m != len(i.Directories)+n || strings.HasPrefix(p, f.To+"/") {
				return fmt.Errorf("%s and %s are in each other's way in the image", f.To, p)
			}
		}
	}
	return nil
}

// variants are the variants of architectures that Kubernetes is built for.
var variants = map[string]string{"arm": "v7", "arm64": "v8"}

func (i Image) platform() *v1.Platform {
	return &v1.Platform{OS: "linux", Architecture: i.Arch, Variant: variants[i.Arch]}
}

func (i Image) assemble(layers []*layer) (v1.Image, error) {
	p := i.platform()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, Created: v1.Time{Time: epoch},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
		Config: v1.Config{
			Entrypoint: []string{i.Program.To},
			Labels: map[string]string{
				"org.opencontainers.image.title":   "kube-controller-manager",
				"org.opencontainers.image.version": i.Version,
			},
		},
	})
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		img, err = mutate.Append(img, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "kcmgen image", Comment: l.what}})
		if err != nil {
			return nil, err
		}
	}
	return img, nil
}

// archive writes a tar of an OCI layout: blobs by digest, and an index that
// names the image.
func archive(w io.Writer, i Image, img v1.Image, layers []*layer) error {
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	name, err := img.ConfigName()
	if err != nil {
		return err
	}
	index, err := json.Marshal(v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex,
		Manifests: []v1.Descriptor{{
			MediaType: types.OCIManifestSchema1, Size: int64(len(manifest)), Digest: digest, Platform: i.platform(),
			// containerd uses the second one.
			Annotations: map[string]string{"org.opencontainers.image.ref.name": i.Name, nameKey: i.Name},
		}},
		Annotations: i.annotations(),
	})
	if err != nil {
		return err
	}
	entries := []File{
		Bytes("oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)),
		Bytes(indexName, 0o644, index),
		Bytes(blobPath(digest), 0o644, manifest),
		Bytes(blobPath(name), 0o644, config),
	}
	for _, l := range layers {
		entries = append(entries, File{To: blobPath(l.digest), Mode: 0o644, Size: l.size, Open: l.Compressed})
	}
	slices.SortFunc(entries, func(a, b File) int { return strings.Compare(a.To, b.To) })
	entries = slices.CompactFunc(entries, func(a, b File) bool { return a.To == b.To })
	return writeTar(w, entries, []string{"blobs", "blobs/sha256"})
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// writeTar writes directories and then files, owned by root and with the time epoch.
func writeTar(w io.Writer, files []File, directories []string) error {
	t := tar.NewWriter(w)
	for _, dir := range directories {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: epoch}); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.To, Mode: int64(f.Mode.Perm()), Size: f.Size, ModTime: epoch}); err != nil {
			return err
		}
		if err := copyFile(t, f); err != nil {
			return err
		}
	}
	return t.Close()
}

func copyFile(w io.Writer, f File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(w, r)
	if errors.Is(err, tar.ErrWriteTooLong) || err == nil && n != f.Size {
		err = fmt.Errorf("%s: it changed while it was read, and had %d bytes", f.To, f.Size)
	}
	return err
}
