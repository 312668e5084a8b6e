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

// layer is a v1.Layer that isn't stored: each read makes the same bytes again from its
// files, so that a program of 70 MB is never in memory.
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

// parents returns all directories of a layer without a leading slash, sorted, so that
// parents come first.
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

// write writes the layer to packed, compressed, and to plain, uncompressed.
func (l *layer) write(packed, plain io.Writer) error {
	// The fastest level: better ones save little space, and this runs twice.
	z, err := gzip.NewWriterLevel(packed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := writeTar(io.MultiWriter(z, plain), l.files, l.directories); err != nil {
		return err
	}
	return z.Close()
}

// Digest implements v1.Layer.
func (l *layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID implements v1.Layer.
func (l *layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size implements v1.Layer.
func (l *layer) Size() (int64, error) { return l.size, nil }

// MediaType implements v1.Layer.
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed implements v1.Layer. The last read fails if the files have changed.
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

// Uncompressed implements v1.Layer.
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(l.write(io.Discard, w)) }()
	return r, nil
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// counter is a writer that counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
