package config

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"strings"

	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/mod/modfile"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// modules caches what is known about modules, by their root.
type modules map[string]moduleInfo

type moduleInfo struct {
	faults []finding.Finding // why CUE can't read its file
	ours   string            // the vocabulary's directory, if the module is kcmgen's own
}

// has reports whether a place is a package of the vocabulary.
func (m moduleInfo) has(p place) bool {
	return m.ours != "" && strings.HasPrefix(p.dir+string(filepath.Separator), m.ours+string(filepath.Separator))
}

// of reads a module's file. CUE would report its errors for every package, without a
// position.
func (m modules) of(l *loader, root string) moduleInfo {
	if got, ok := m[root]; ok {
		return got
	}
	var out moduleInfo
	for _, base := range []string{"module.cue", "local-module.cue"} {
		f, faults := l.moduleFile(filepath.Join(root, "cue.mod", base), base == "module.cue")
		out.faults = append(out.faults, faults...)
		if f != nil && isOurs(f.Module) {
			out.ours = filepath.Join(root, path.Base(schemaPath))
		}
	}
	m[root] = out
	return out
}

// maxModule is the maximum size of a module's file in bytes. It is evaluated in this
// process.
const maxModule = 256 << 10

// moduleFile reads a file of a module, and parses it if parse is set. The file it returns
// may be nil.
func (l *loader) moduleFile(name string, parse bool) (*modfile.File, []finding.Finding) {
	f := finding.Finding{Rule: "cue-module", Severity: finding.Error, Pos: finding.Pos{File: l.rel(name)}}
	data, own := l.opts.Overlay[name]
	if !own {
		var err error
		data, err = l.cache.budget.Read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil // an old module has none
		case err != nil:
			f.Rule, f.Message, f.Expected = "cue-unreadable", unnamed(err).Error(), "a file of CUE"
			return nil, []finding.Finding{f}
		case len(data) > maxModule:
			f.Rule, f.Message, f.Expected = "cue-unreadable", fmt.Sprintf("file is too large: %d KB", len(data)>>10), fmt.Sprintf("a module's file of at most %d KB", maxModule>>10)
			return nil, []finding.Finding{f}
		case !parse:
			return nil, nil
		}
	}
	file, err := l.cache.module(name, data)
	if err == nil {
		return file, nil
	}
	first := errors.Errors(err)[0]
	f.Message = strings.ReplaceAll(syntax.OneLine(first), name, l.rel(name))
	if places := syntax.Positions(first); len(places) > 0 && places[0].Filename() == name {
		f.Pos.Line, f.Pos.Col = places[0].Line(), places[0].Column()
	}
	f.Expected = `a module's name and its language, such as language: version: "` + moduleLanguage + `"`
	if strings.Contains(f.Message, "language version") {
		f.Expected = `language: version: "` + moduleLanguage + `", or another that CUE has`
	}
	return nil, []finding.Finding{f}
}

// unnamed removes the file's name from an error.
func unnamed(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// dropUnused removes dependencies that nothing imports from the module's file: CUE would
// need all of them, and nothing is fetched.
func (r *reach) dropUnused() {
	name := filepath.Join(r.root, "cue.mod", "module.cue")
	data, own := r.over[name]
	if f := r.cache.directory(filepath.Dir(name)); !own && f != nil {
		data = f.files[name]
	}
	file, err := r.cache.module(name, data)
	if err != nil {
		return // modules.of reports it
	}
	used := *file
	used.Deps = maps.Clone(file.Deps)
	maps.DeleteFunc(used.Deps, func(dep string, _ *modfile.Dep) bool {
		base, _, _ := strings.Cut(dep, "@")
		return !r.imports(base)
	})
	if len(used.Deps) == len(file.Deps) {
		return
	}
	if text, err := modfile.Format(&used); err == nil {
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
