package edit

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Files are CUE files that are being edited, each read once, however many
// packages it belongs to. Nothing is written: Changed returns what they become.
type Files struct {
	sources map[string]*source
	changes changes // of all packages that were merged
}

// source is one file as it was read.
type source struct {
	name, shown string
	data        []byte
	tree        *ast.File
}

// Add reads a file. name is what Changed calls it, shown what people do.
func (fs *Files) Add(name, shown string, data []byte) error {
	if fs.sources == nil {
		fs.sources, fs.changes = map[string]*source{}, newChanges()
	}
	if fs.sources[name] != nil {
		return nil
	}
	tree, err := parser.ParseFile(name, data, parser.ParseComments)
	if err != nil {
		return syntaxError(shown, err)
	}
	fs.sources[name] = &source{name, shown, data, tree}
	return nil
}

// Has reports whether a file was read.
func (fs *Files) Has(name string) bool { return fs.sources[name] != nil }

// Shown is what people call a file that was read.
func (fs *Files) Shown(name string) string { return fs.sources[name].shown }

// Data is a file as it was read.
func (fs *Files) Data(name string) []byte { return fs.sources[name].data }

// Package is the package that some of the files make, for edits of its own.
func (fs *Files) Package(names []string) *Package {
	p := &Package{all: fs, changes: newChanges()}
	for _, name := range names {
		if s := fs.sources[name]; s != nil {
			p.files = append(p.files, s)
		}
	}
	// What the package says itself comes before what it has from directories above.
	slices.SortStableFunc(p.files, func(a, b *source) int { return len(filepath.Dir(b.name)) - len(filepath.Dir(a.name)) })
	return p
}

// Merge takes over the edits of a package. Packages that share a file and would
// have one place of it read differently are an error.
func (fs *Files) Merge(p *Package) error {
	for node, text := range p.changes.text {
		if was, ok := fs.changes.text[node]; ok && was != text {
			return fmt.Errorf("%s: one cluster needs %s here, another one %s", p.pos(node), was, text)
		}
		fs.changes.text[node] = text
	}
	maps.Copy(fs.changes.dropped, p.changes.dropped)
	return nil
}

// Changed returns the files that the merged edits change. What was in CUE's
// standard format stays so; another layout is left as it is.
func (fs *Files) Changed() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, s := range fs.sources {
		fs.changes.dropOrphans(s)
	}
	splices := fs.changes.splices(fs.sources)
	for _, name := range slices.Sorted(maps.Keys(splices)) {
		s := fs.sources[name]
		data := splice(s.data, splices[name])
		if _, err := parser.ParseFile(s.shown, data); err != nil {
			return nil, fmt.Errorf("%s: the edited file can't be parsed: %w", s.shown, err)
		}
		if was, err := Format(s.shown, s.data); err == nil && string(was) == string(s.data) {
			formatted, err := Format(s.shown, data)
			if err != nil {
				return nil, err
			}
			data = formatted
		}
		out[name] = data
	}
	return out, nil
}

// Package is a package of files that are being edited. Its edits see each other,
// not those of other packages.
type Package struct {
	all     *Files
	files   []*source
	changes changes
}

// pos is where a node stands, for people.
func (p *Package) pos(n ast.Node) finding.Pos {
	at := n.Pos()
	name := at.Filename()
	if s := p.all.sources[name]; s != nil {
		name = s.shown
	}
	return finding.Pos{File: name, Line: at.Line(), Col: at.Column()}
}

// changes are edits by the nodes that they concern.
type changes struct {
	text    map[ast.Node]string   // what a label, a literal or a name becomes
	dropped map[ast.Node]ast.Node // fields and elements of lists, and what holds them
	bare    map[ast.Node]bool     // aliases whose name goes
}

func newChanges() changes {
	return changes{map[ast.Node]string{}, map[ast.Node]ast.Node{}, map[ast.Node]bool{}}
}
