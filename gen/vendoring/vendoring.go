// Package vendoring keeps the copy of the vocabulary in a user's repository:
// what it holds, whether it is still what kcmgen put there, and whose it is.
package vendoring

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/semver"

	"github.com/kcmgen/kcmgen/schemas"
)

// Dir is where a CUE module holds the copy, relative to the module's root. CUE
// finds packages there that no module of the registry provides.
const Dir = "cue.mod/pkg/" + schemas.Path

// UsrDir is where a site's own constraints on the vocabulary lie: CUE unifies
// them with the copy.
const UsrDir = "cue.mod/usr/" + schemas.Path

// Package is the import path of the vocabulary for clusters of a minor version of
// Kubernetes: the base's for one that has no package of its own.
func Package(minor int) string { return schemas.Package(minor) }

// File is one file of the vocabulary, by its name below the package's directory.
type File struct {
	Name string
	Data []byte
}

// Read returns the CUE files of a directory, sorted by name; a directory that isn't
// there has none.
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
		panic(err) // an embedded file can't fail to be read
	}
	return files
})

// Sum names a vocabulary by what its files hold, 16 hex digits. It tells
// versions apart; it is no proof against forgery.
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

// Copies are the files as they are put into a user's repository: each begins
// with a line that says whose it is and how to tell whether it was edited.
func Copies(version string) []File {
	sum := Sum(Ours())
	out := make([]File, 0, len(Ours()))
	for _, f := range Ours() {
		head := fmt.Sprintf("// From kcmgen %s, schemas %s, file %s. Don't edit: kcmgen schema vendor renews it.\n\n", version, sum, sumOf(f.Data))
		out = append(out, File{f.Name, append([]byte(head), f.Data...)})
	}
	return out
}

var header = regexp.MustCompile(`^// From kcmgen (\S+), schemas ([0-9a-f]{16}), file ([0-9a-f]{16})\.[^\n]*\r?\n\r?\n`)

// Copy is what a repository holds of the vocabulary.
type Copy struct {
	Files   []File // without their headers, sorted by name
	Version string // of the kcmgen it came from; empty without headers
	// Partial: files are missing, or came from different kcmgens.
	Partial bool
	// Edited are files that hold neither what their header says nor, without one,
	// what this program carries.
	Edited []string
}

// Inspect tells what files are. Line ends of another system are no edit.
func Inspect(files []File) Copy {
	var c Copy
	whole := map[string]bool{} // the vocabularies that the files are said to be of
	for _, f := range files {
		data := bytes.ReplaceAll(f.Data, []byte("\r\n"), []byte("\n"))
		m := header.FindSubmatch(data)
		if m == nil {
			c.Files = append(c.Files, File{f.Name, data})
			if !slices.ContainsFunc(Ours(), func(o File) bool { return o.Name == f.Name && bytes.Equal(o.Data, data) }) {
				c.Edited = append(c.Edited, f.Name)
			}
			continue
		}
		whole[string(m[2])] = true
		rest := data[len(m[0]):]
		c.Files = append(c.Files, File{f.Name, rest})
		if sumOf(rest) != string(m[3]) {
			c.Edited = append(c.Edited, f.Name)
		}
		// A copy that was renewed by halves is as new as its newest file.
		if v := string(m[1]); c.Version == "" || semver.Compare(v, c.Version) > 0 {
			c.Version = v
		}
	}
	c.Partial = len(c.Edited) == 0 && len(whole) > 0 && (len(whole) > 1 || !whole[Sum(c.Files)])
	return c
}

// Current reports whether the copy holds what this program carries.
func (c Copy) Current() bool { return Sum(c.Files) == Sum(Ours()) }

// Newer reports whether the copy came from a later kcmgen than this version. A
// build that knows of no release, such as one of a shallow clone, can't tell.
func (c Copy) Newer(version string) bool {
	released := func(v string) bool { return semver.IsValid(v) && !strings.HasPrefix(v, "v0.0.0-") }
	return released(version) && released(c.Version) && semver.Compare(c.Version, version) > 0
}

// Change is a difference between a copy and what this program carries.
type Change struct {
	Name string
	What string // one of the words below
}

// What a file of a copy is.
const (
	Missing = "is missing"
	Differs = "differs"
	Extra   = "is not part of it"
)

// Changes lists how a copy differs from what this program carries.
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
