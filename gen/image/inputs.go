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
	for t := tar.NewReader(archive); ; {
		h, err := t.Next()
		if err == io.EOF {
			return "", errors.New("it has no " + indexName)
		}
		if err != nil {
			return "", err
		}
		if h.Name != indexName {
			continue
		}
		var index v1.IndexManifest
		if err := json.NewDecoder(io.LimitReader(t, maxIndex)).Decode(&index); err != nil {
			return "", fmt.Errorf("%s: %w", indexName, err)
		}
		if index.Annotations[inputsKey] == "" {
			return "", errors.New(indexName + " has no " + inputsKey)
		}
		return index.Annotations[inputsKey], nil
	}
}
