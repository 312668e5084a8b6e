package image

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layer is a v1.Layer that lies nowhere: it is made each time it is read, from
// its files, and has the same bytes each time. A program of 70 MB is never in
// memory.
type layer struct {
	files          []File
	directories    []string
	what           string
	digest, diffID v1.Hash
	size           int64
}

func newLayer(files []File, directories []string) (*layer, error) {
	l := &layer{files: slices.Clone(files), directories: parents(files, directories)}
	for i, f := range l.files {
		f.To = strings.TrimPrefix(f.To, "/")
		l.files[i] = f
	}
	slices.SortFunc(l.files, func(a, b File) int { return strings.Compare(a.To, b.To) })
	l.what = "directories"
	if len(l.files) > 0 {
		l.what = l.files[0].To
	}
	packed, plain, size := sha256.New(), sha256.New(), new(counter)
	if err := l.write(io.MultiWriter(packed, size), plain); err != nil {
		return nil, err
	}
	l.digest, l.diffID, l.size = sum(packed), sum(plain), int64(*size)
	return l, nil
}

// parents are all directories of a layer, without the slash before them, sorted:
// each comes before what lies in it.
func parents(files []File, directories []string) []string {
	var out []string
	add := func(dir string) {
		for ; dir != "/" && dir != "."; dir = path.Dir(dir) {
			out = append(out, strings.TrimPrefix(dir, "/"))
		}
	}
	for _, f := range files {
		add(path.Dir(f.To))
	}
	for _, dir := range directories {
		add(path.Clean(dir))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// write writes the compressed layer to packed, and what it is made of to plain.
func (l *layer) write(packed, plain io.Writer) error {
	// The fastest level: a registry's gain is small, and this is done twice.
	z, err := gzip.NewWriterLevel(packed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := writeTar(io.MultiWriter(z, plain), l.files, l.directories); err != nil {
		return err
	}
	return z.Close()
}

// Digest is v1.Layer's.
func (l *layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is v1.Layer's.
func (l *layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size is v1.Layer's.
func (l *layer) Size() (int64, error) { return l.size, nil }

// MediaType is v1.Layer's.
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed is v1.Layer's. It fails at its end if the files are others by now.
func (l *layer) Compressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() {
		packed := sha256.New()
		err := l.write(io.MultiWriter(packed, w), io.Discard)
		if err == nil && sum(packed) != l.digest {
			err = errors.New("a file of the layer changed while it was read")
		}
		_ = w.CloseWithError(err)
	}()
	return r, nil
}

// Uncompressed is v1.Layer's.
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(l.write(io.Discard, w)) }()
	return r, nil
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// counter is a writer that counts.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
