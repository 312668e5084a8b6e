// Package vendoring makes and inspects the copy of the vocabulary in a user's
// repository: its version, and whether it was edited.
package vendoring

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/semver"

	"github.com/kcmgen/kcmgen/internal/lazy"
	"github.com/kcmgen/kcmgen/schemas"
)

// Dir is the directory of the copy, relative to a CUE module's root. CUE looks there for
// packages that no module in the registry provides.
const Dir = "cue.mod/pkg/" + schemas.Path

// UsrDir is the directory of a site's own constraints on the vocabulary, which CUE
// unifies with the copy.
const UsrDir = "cue.mod/usr/" + schemas.Path

// Package returns the import path of the vocabulary for a minor version of Kubernetes,
// or of the base vocabulary if that version has no package.
func Package(minor int) string { return schemas.Package(minor) }

// File is a file of the vocabulary. Its name is relative to the package's directory.
type File struct {
	Name string
	Data []byte
}

// Read returns the CUE files of a directory, sorted by name, or none if it is missing.
func Read(fsys fs.FS) ([]File, error) {
	var out []File
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || path.Ext(p) != ".cue" {
			return nil
		}
		data, err := fs.ReadFile(fsys, p)
		out = append(out, File{p, data})
		return err
	})
	if err != nil && len(out) == 0 && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return out, err
}

// Ours returns the files of the vocabulary that this program carries.
var Ours = sync.OnceValue(func() []File {
	files, err := Read(schemas.Files)
	if err != nil {
		panic(err) // can't happen: the files are embedded
	}
	return files
})

// Sum returns a checksum of a vocabulary, 16 hex digits. It distinguishes versions and
// doesn't protect against forgery.
func Sum(files []File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s\x00%x\x00", f.Name, sha256.Sum256(f.Data))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:16]
}

// Copies returns the files for a user's repository. Each begins with a header that has
// kcmgen's version and checksums to detect edits.
func Copies(version string) []File {
	sum := Sum(Ours())
	out := make([]File, 0, len(Ours()))
	for _, f := range Ours() {
		head := fmt.Sprintf("// From kcmgen %s, schemas %s, file %s. Don't edit: kcmgen schema vendor renews it.\n\n", version, sum, sumOf(f.Data))
		out = append(out, File{f.Name, append([]byte(head), f.Data...)})
	}
	return out
}

var header = lazy.Regexp(`^// From kcmgen (\S+), schemas ([0-9a-f]{16}), file ([0-9a-f]{16})\.[^\n]*\r?\n\r?\n`)

// Copy is the copy of the vocabulary in a repository.
type Copy struct {
	Files   []File // without their headers, sorted by name
	Version string // of the kcmgen that wrote it; empty without headers
	// Partial means that files are missing, or are of different versions.
	Partial bool
	// Edited are the files that differ from the checksum in their header or, without a
	// header, from this program's.
	Edited []string
}

// Inspect inspects the files of a copy. CRLF line ends don't count as an edit. A copy of
// this program's vocabulary needs no checksums: nothing in it is edited or missing.
func Inspect(files []File) Copy {
	var c Copy
	sums := make([]string, len(files))
	whole := map[string]bool{} // the vocabularies in the files' headers
	for i, f := range files {
		data := f.Data
		if bytes.Contains(data, []byte("\r\n")) {
			data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		}
		if m := header().FindSubmatch(data); m != nil {
			whole[string(m[2])] = true
			sums[i] = string(m[3])
			// A partly renewed copy is as new as its newest file.
			if v := string(m[1]); c.Version == "" || semver.Compare(v, c.Version) > 0 {
				c.Version = v
			}
			data = data[len(m[0]):]
		}
		c.Files = append(c.Files, File{f.Name, data})
	}
	if c.Current() {
		return c
	}
	for i, f := range c.Files {
		if sums[i] == "" && !isOurs(f) || sums[i] != "" && sums[i] != sumOf(f.Data) {
			c.Edited = append(c.Edited, f.Name)
		}
	}
	c.Partial = len(c.Edited) == 0 && len(whole) > 0 && (len(whole) > 1 || !whole[Sum(c.Files)])
	return c
}

func isOurs(f File) bool {
	return slices.ContainsFunc(Ours(), func(o File) bool { return o.Name == f.Name && bytes.Equal(o.Data, f.Data) })
}

// Current reports whether the copy is this program's vocabulary.
func (c Copy) Current() bool {
	return slices.EqualFunc(c.Files, Ours(), func(a, b File) bool { return a.Name == b.Name && bytes.Equal(a.Data, b.Data) })
}

// Newer reports whether the copy was written by a later kcmgen than version. It returns
// false for a build without a release, such as one of a shallow clone.
func (c Copy) Newer(version string) bool {
	released := func(v string) bool { return semver.IsValid(v) && !strings.HasPrefix(v, "v0.0.0-") }
	return released(version) && released(c.Version) && semver.Compare(c.Version, version) > 0
}

// Change is a difference between a copy and this program's vocabulary.
type Change struct {
	Name string
	What string // Missing, Differs or Extra
}

// Values of Change.What.
const (
	Missing = "is missing"
	Differs = "differs"
	Extra   = "is not part of it"
)

// Changes returns how a copy differs from this program's vocabulary, sorted by name.
func (c Copy) Changes() []Change {
	var out []Change
	at := func(files []File, name string) int {
		return slices.IndexFunc(files, func(f File) bool { return f.Name == name })
	}
	for _, f := range Ours() {
		switch i := at(c.Files, f.Name); {
		case i < 0:
			out = append(out, Change{f.Name, Missing})
		case !bytes.Equal(c.Files[i].Data, f.Data):
			out = append(out, Change{f.Name, Differs})
		}
	}
	for _, f := range c.Files {
		if at(Ours(), f.Name) < 0 {
			out = append(out, Change{f.Name, Extra})
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return out
}
