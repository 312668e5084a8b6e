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
	// inputsKey annotates the archive's index, which no registry gets: neither the
	// image nor its digest knows of it.
	inputsKey = "io.github.kcmgen.inputs"
	// recipe goes up when the same inputs make another image.
	recipe = 1
)

// Inputs is a checksum of all that the image is made of: equal ones make equal
// images. No file is read for it, and it is empty where a file's sum isn't known.
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

// maxIndex is more than an index takes that Write wrote.
const maxIndex = 1 << 20

// InputsOf is what Inputs was of the image in an archive, or an error if Write
// didn't write it. Blobs are passed over, not read.
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
