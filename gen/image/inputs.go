package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	indexName = "index.json"
	// inputsKey is an annotation of the archive's index. The index isn't pushed, so
	// the image and its digest don't depend on it.
	inputsKey = "io.github.kcmgen.inputs"
	// nameKey is containerd's annotation with the name after loading.
	nameKey = "io.containerd.image.name"
	// recipe must be increased when the same inputs make another image.
	recipe = 1
)

// Inputs returns a checksum of all inputs of the image: equal inputs make equal images.
// It reads no file, and returns "" if the sum of a file is unknown.
func (i Image) Inputs() string {
	type file struct {
		To, Sum string
		Mode    uint32
	}
	in := struct {
		Recipe                       int
		Name, Arch, Version, Program string
		Directories                  []string
		Files                        []file
	}{Recipe: recipe, Name: i.Name, Arch: i.Arch, Version: i.Version, Program: i.Program.To, Directories: slices.Sorted(slices.Values(i.Directories))}
	for _, f := range append([]File{i.Program}, i.Files...) {
		if f.Sum == "" {
			return ""
		}
		in.Files = append(in.Files, file{f.To, f.Sum, uint32(f.Mode.Perm())})
	}
	slices.SortFunc(in.Files, func(a, b file) int { return strings.Compare(a.To, b.To) })
	data, err := json.Marshal(in)
	if err != nil {
		return "" // strings and numbers always marshal
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (i Image) annotations() map[string]string {
	if sum := i.Inputs(); sum != "" {
		return map[string]string{inputsKey: sum}
	}
	return nil
}

// maxIndex is larger than any index by Write, in bytes.
const maxIndex = 1 << 20

// InputsOf returns the value of Inputs of the image in an archive, or an error if Write
// didn't write it. It doesn't read the blobs.
func InputsOf(archive io.ReadSeeker) (string, error) {
	index, err := readIndex(archive)
	if err != nil {
		return "", err
	}
	if index.Annotations[inputsKey] == "" {
		return "", errors.New(indexName + " has no " + inputsKey)
	}
	return index.Annotations[inputsKey], nil
}

// Archived is the image in an archive.
type Archived struct {
	Name   string // after loading
	Digest string // as a registry shows it
	Arch   string
}

// Describe returns the image in an archive that Write wrote. It doesn't read the blobs.
func Describe(archive io.ReadSeeker) (Archived, error) {
	index, err := readIndex(archive)
	if err != nil {
		return Archived{}, err
	}
	if len(index.Manifests) != 1 || index.Manifests[0].Platform == nil {
		return Archived{}, fmt.Errorf("%s lists %d images, expected one with its platform", indexName, len(index.Manifests))
	}
	m := index.Manifests[0]
	return Archived{m.Annotations[nameKey], m.Digest.String(), m.Platform.Architecture}, nil
}

func readIndex(archive io.ReadSeeker) (v1.IndexManifest, error) {
	var index v1.IndexManifest
	for t := tar.NewReader(archive); ; {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			return index, errors.New("it has no " + indexName)
		case err != nil:
			return index, err
		case h.Name != indexName:
			continue
		}
		if err := json.NewDecoder(io.LimitReader(t, maxIndex)).Decode(&index); err != nil {
			return index, fmt.Errorf("%s: %w", indexName, err)
		}
		return index, nil
	}
}
