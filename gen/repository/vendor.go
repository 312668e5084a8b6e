package repository

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

// EditedError is a copy of the vocabulary that was edited by hand.
type EditedError struct{ File string }

func (e *EditedError) Error() string { return e.File + " was edited by hand" }

// NewerCopyError is a copy of the vocabulary by a later kcmgen.
type NewerCopyError struct{ Dir, Theirs, Ours string }

func (e *NewerCopyError) Error() string {
	return fmt.Sprintf("%s is that of kcmgen %s, newer than this one (%s)", e.Dir, e.Theirs, e.Ours)
}

// Vocabulary is the copy of the vocabulary in a CUE module.
type Vocabulary struct {
	Root, Dir string // of the module, and of the copy
	// Provided means that there is no copy and none is needed: the module has the
	// vocabulary itself, or by a dependency.
	Provided bool
	Missing  bool
	// Current means that the copy is what this program writes.
	Current bool
	Edited  []string // the files that were edited by hand
	Differs []Difference

	copy vendoring.Copy
}

// Difference is how a file of the copy differs, other than by edits.
type Difference struct{ File, What string }

// ReadVocabulary reads the copy of the vocabulary in the CUE module around dir.
func ReadVocabulary(dir string) (*Vocabulary, error) {
	root, err := config.ModuleRoot(dir)
	if err != nil {
		return nil, err
	}
	v := &Vocabulary{Root: root, Dir: filepath.Join(root, filepath.FromSlash(vendoring.Dir))}
	files, err := config.Vendored(v.Dir)
	if err != nil {
		return nil, err
	}
	v.copy = vendoring.Inspect(files)
	v.Missing = len(files) == 0
	v.Provided = v.Missing && config.ProvidesSchema(root)
	v.Current = v.copy.Current()
	edited := map[string]bool{}
	for _, name := range v.copy.Edited {
		edited[name] = true
		v.Edited = append(v.Edited, v.path(name))
	}
	for _, ch := range v.copy.Changes() {
		if !edited[ch.Name] {
			v.Differs = append(v.Differs, Difference{v.path(ch.Name), string(ch.What)})
		}
	}
	return v, nil
}

func (v *Vocabulary) path(name string) string {
	return filepath.Join(v.Dir, filepath.FromSlash(name))
}

// Renew writes this program's vocabulary over the copy, and reports whether that was
// needed. Without force it returns an EditedError or a NewerCopyError instead of
// overwriting edits or a newer copy.
func (v *Vocabulary) Renew(version string, force bool) (wrote bool, err error) {
	was := v.copy
	if was.Current() && len(was.Edited) == 0 && was.Version != "" {
		return false, nil
	}
	if !force && len(v.Edited) > 0 {
		return false, &EditedError{v.Edited[0]}
	}
	if !force && was.Newer(version) {
		return false, &NewerCopyError{v.Dir, was.Version, version}
	}
	return true, writeCopy(v.Dir, version, was.Changes())
}

// writeCopy writes the files one by one, each atomically. An interrupted run leaves a
// copy that is neither edited nor current, and the next run completes it.
func writeCopy(at, version string, changes []vendoring.Change) error {
	for _, f := range vendoring.Copies(version) {
		name := filepath.Join(at, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := disk.ReplaceFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	var err error
	for _, ch := range changes {
		if ch.What == vendoring.Extra {
			err = errors.Join(err, os.Remove(filepath.Join(at, filepath.FromSlash(ch.Name))))
		}
	}
	return err
}

// Report returns how the copy differs from what this program writes, and the command that
// ends that; nothing if it is current and unedited.
func (v *Vocabulary) Report() (lines []string, hint string) {
	if v.Missing {
		return []string{v.Dir + " is missing"}, "kcmgen schema vendor"
	}
	for _, name := range v.Edited {
		lines = append(lines, name+" was edited by hand")
	}
	for _, d := range v.Differs {
		lines = append(lines, d.File+" "+d.What)
	}
	switch {
	case len(v.Edited) > 0:
		hint = "constraints of your own go to " + OwnDir + "; then type: kcmgen schema vendor --force"
	case !v.Current:
		hint = "kcmgen schema vendor"
	}
	return lines, hint
}
