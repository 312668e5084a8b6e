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

// Files are CUE files to edit. Each is parsed once, even if it belongs to several
// packages. Nothing is written: Changed returns the new contents.
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

// Add parses a file. name is its name in Changed, shown its name in messages.
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

// Has reports whether a file was added.
func (fs *Files) Has(name string) bool { return fs.sources[name] != nil }

// Shown returns the name of an added file for messages.
func (fs *Files) Shown(name string) string { return fs.sources[name].shown }

// Data returns the contents of an added file, without edits.
func (fs *Files) Data(name string) []byte { return fs.sources[name].data }

// Package returns a package of some of the files, with its own edits.
func (fs *Files) Package(names []string) *Package {
	p := &Package{all: fs, changes: newChanges()}
	for _, name := range names {
		if s := fs.sources[name]; s != nil {
			p.files = append(p.files, s)
		}
	}
	// Files of the package's own directory come before those of directories above.
	slices.SortStableFunc(p.files, func(a, b *source) int { return len(filepath.Dir(b.name)) - len(filepath.Dir(a.name)) })
	return p
}

// Merge adds the edits of a package. It returns an error if two packages change the same
// position of a shared file differently.
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

// Changed returns the new contents of the files that the merged edits change, by name.
// Files in CUE's standard format stay so; in others the layout is kept.
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

// Package is a package of files to edit. Its edits don't see those of other packages.
type Package struct {
	all     *Files
	files   []*source
	changes changes
}

// pos returns the position of a node for messages.
func (p *Package) pos(n ast.Node) finding.Pos {
	at := n.Pos()
	name := at.Filename()
	if s := p.all.sources[name]; s != nil {
		name = s.shown
	}
	return finding.Pos{File: name, Line: at.Line(), Col: at.Column()}
}

// changes are edits by syntax node.
type changes struct {
	text    map[ast.Node]string   // the new text of a label, literal or identifier
	dropped map[ast.Node]ast.Node // dropped nodes, each with its parent
	bare    map[ast.Node]bool     // aliases that lose their name
}

func newChanges() changes {
	return changes{map[ast.Node]string{}, map[ast.Node]ast.Node{}, map[ast.Node]bool{}}
}
