package config

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/mod/modfile"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// modules are what several places want to know of theirs, each looked at once.
type modules map[string]moduleInfo

type moduleInfo struct {
	faults []finding.Finding // what keeps CUE from reading its file
	ours   string            // the directory of the vocabulary, if the module is the one that it's of
}

// has reports whether a package is one of the vocabulary's own.
func (m moduleInfo) has(p place) bool {
	return m.ours != "" && strings.HasPrefix(p.dir+string(filepath.Separator), m.ours+string(filepath.Separator))
}

// of looks at a module. CUE would tell its faults of every package, and of none with
// a place.
func (m modules) of(l *loader, root string) moduleInfo {
	if got, ok := m[root]; ok {
		return got
	}
	var out moduleInfo
	for _, base := range []string{"module.cue", "local-module.cue"} {
		out.faults = append(out.faults, l.moduleFile(filepath.Join(root, "cue.mod", base), base == "module.cue")...)
	}
	if f := readModule(root); f != nil && isOurs(f.Module) {
		out.ours = filepath.Join(root, path.Base(schemaPath))
	}
	m[root] = out
	return out
}

func (l *loader) moduleFile(name string, parse bool) []finding.Finding {
	f := finding.Finding{Rule: "cue-module", Severity: finding.Error, Pos: finding.Pos{File: l.rel(name)}}
	data, own := l.opts.Overlay[name]
	if !own {
		var err error
		data, err = l.shelf.budget.Read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // an old module has none
		case err != nil:
			f.Rule, f.Message, f.Expected = "cue-unreadable", unnamed(err).Error(), "a file of CUE"
			return []finding.Finding{f}
		case !parse:
			return nil
		}
	}
	_, err := modfile.ParseNonStrict(data, name)
	if err == nil {
		return nil
	}
	first := errors.Errors(err)[0]
	f.Message = strings.ReplaceAll(oneLine(first), name, l.rel(name))
	if places := positions(first); len(places) > 0 && places[0].Filename() == name {
		f.Pos.Line, f.Pos.Col = places[0].Line(), places[0].Column()
	}
	f.Expected = `a module's name and its language, such as language: version: "` + moduleLanguage + `"`
	if strings.Contains(f.Message, "language version") {
		f.Expected = `language: version: "` + moduleLanguage + `", or another that CUE has`
	}
	return []finding.Finding{f}
}

// unnamed is an error without the name of the file, where that is said already.
func unnamed(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// dropUnused takes out of the module's file the dependencies that nothing here imports:
// CUE would want all of them, and nothing is fetched.
func (r *reach) dropUnused() {
	name := filepath.Join(r.root, "cue.mod", "module.cue")
	data, own := r.over[name]
	if f := r.shelf.directory(filepath.Dir(name)); !own && f != nil {
		data = f.files[name]
	}
	file, err := modfile.ParseNonStrict(data, name)
	if err != nil {
		return // told of elsewhere
	}
	n := len(file.Deps)
	for dep := range file.Deps {
		base, _, _ := strings.Cut(dep, "@")
		if !r.imports(base) {
			delete(file.Deps, dep)
		}
	}
	if len(file.Deps) == n {
		return
	}
	if text, err := modfile.Format(file); err == nil {
		r.out[name] = load.FromBytes(text)
	}
}

// imports reports whether something imports a package of a module.
func (r *reach) imports(module string) bool {
	for seen := range r.seen {
		if path, ok := strings.CutPrefix(seen, "import "); ok && (path == module || strings.HasPrefix(path, module+"/")) {
			return true
		}
	}
	return false
}
