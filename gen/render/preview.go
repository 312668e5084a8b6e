package render

import (
	"io/fs"

	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Form is what starts a node's process, and the files for it, without their contents.
type Form struct {
	Text  []byte // the unit, or the manifest
	Files []FormFile
}

// FormFile is a file that the process reads.
type FormFile struct {
	Name    string // in the generation's directory
	Path    string // as the process sees it
	Mode    fs.FileMode
	Owner   string // "": the image holds it
	InImage bool
}

// Preview renders what a node starts. It needs no key, so the generation's name is a
// placeholder.
func Preview(c *spec.Cluster, h plan.Host) (Form, error) {
	c = c.For(h.Node)
	text, err := start(c, h, generationWord)
	out := Form{Text: text}
	owner := policy.Owner(c, h.Flags)
	for _, r := range h.Placed {
		e := file{role: r}.entry(c.Paths.Of(r), owner)
		out.Files = append(out.Files, FormFile{Name: r.FileName(), Path: e.Path, Mode: e.Mode, Owner: e.Owner})
	}
	for _, r := range h.InImage {
		e := file{role: r}.entry(c.Paths.Of(r), owner)
		out.Files = append(out.Files, FormFile{Name: r.FileName(), Path: e.Path, Mode: e.Mode, InImage: true})
	}
	return out, err
}
