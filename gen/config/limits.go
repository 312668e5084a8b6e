package config

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/parser"

	"github.com/kcmgen/kcmgen/gen/config/bounds"
	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/vendoring"
	"github.com/kcmgen/kcmgen/internal/child"
	"github.com/kcmgen/kcmgen/internal/watch"
)

// LimitError is work in this process that takes too much time or memory.
type LimitError = watch.Error

// Limits of the evaluation of one package: CPU time, and memory in bytes. 0 is the default.
type Limits struct {
	Time   time.Duration
	Memory int64
}

// DefaultLimits leave the rest of a run some of 10 s and 1 GiB.
var DefaultLimits = Limits{8 * time.Second, 768 << 20}

func (l Limits) orDefault() Limits {
	return Limits{cmp.Or(l.Time, DefaultLimits.Time), cmp.Or(l.Memory, DefaultLimits.Memory)}
}

// OfProcess returns the limits of this process, which does more than evaluate: wall time of
// a package, and memory of all.
func (l Limits) OfProcess() watch.Limits {
	l = l.orDefault()
	return watch.Limits{Time: l.Time + l.Time/4, Memory: l.Memory + l.Memory/4}
}

// maxData is the maximum size of an evaluated cluster in bytes.
const maxData = 32 << 20

// tooLarge is the finding of a cluster that few bytes of CUE make very large.
func (l *loader) tooLarge(n int, ex *explainer) finding.Finding {
	return finding.Finding{
		Rule: "cue-limit", Severity: finding.Error, Cluster: ex.cluster, Pos: ex.source.At(""),
		Message:  fmt.Sprintf("the evaluated cluster has %d MB", n>>20),
		Expected: fmt.Sprintf("at most %d MB", maxData>>20),
		Hint:     "look at it with: cue export " + l.rel(ex.dir),
	}
}

// large returns why a package may take more than a little to evaluate; nil if it can't.
func (l *loader) large(inst *build.Instance) *bounds.Reason {
	if inst.Err != nil {
		return nil // it isn't evaluated
	}
	var own []*ast.File
	syntax.EachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		if !l.isVocabulary(f.Filename) {
			own = append(own, f)
		}
	})
	return bounds.Plain(own)
}

// foreseen is large, before a package is loaded, if one of its files imports a package of
// CUE's own: then loading it in this process, too, would be in vain.
func (l *loader) foreseen(r *reach) *bounds.Reason {
	var names []string
	calls := false
	for name, data := range r.files {
		if data != nil && !vocabularyFile(name, data) {
			names = append(names, name)
			calls = calls || l.cache.directory(filepath.Dir(name)).library[name]
		}
	}
	if !calls {
		return nil
	}
	slices.Sort(names) // the first reason is shown
	var own []*ast.File
	for _, name := range names {
		if f, err := parser.ParseFile(name, r.files[name]); err == nil {
			own = append(own, f)
		}
	}
	return bounds.Plain(own)
}

// isVocabulary reports whether a file is this program's vocabulary, or a copy of it that has
// nothing more than the header.
func (l *loader) isVocabulary(name string) bool {
	if _, over := l.opts.Overlay[name]; over {
		return false
	}
	dir := l.cache.directory(filepath.Dir(name))
	if dir == nil || dir.files[name] == nil {
		return true // not on disk: the loader's own overlay
	}
	return vocabularyFile(name, dir.files[name])
}

func vocabularyFile(name string, data []byte) bool {
	at := filepath.ToSlash(name)
	if !strings.Contains(at, "/schemas/") {
		return false
	}
	for _, f := range vendoring.Ours() {
		if !strings.HasSuffix(at, "/schemas/"+f.Name) {
			continue
		}
		head, ok := bytes.CutSuffix(data, f.Data)
		return ok && (len(head) == 0 || bytes.HasPrefix(head, []byte("// From kcmgen ")) && bytes.IndexByte(head, '\n') == len(head)-2)
	}
	return false
}

// ownBytes is the size of the CUE that a place reaches, without the vocabulary.
func (r *reach) ownBytes() int {
	sum := 0
	for name, data := range r.files {
		if _, over := r.over[name]; !over && !vocabularyFile(name, data) {
			sum += len(data)
		}
	}
	for _, data := range r.over {
		sum += len(data)
	}
	return sum
}

// overLimit is the finding of a package whose evaluation in a child ended without a result.
// why is what the package has that may be the cause.
func (l *loader) overLimit(p place, why *bounds.Reason, e *child.EndedError) finding.Finding {
	f := finding.Finding{
		Rule: "cue-limit", Severity: finding.Error, Pos: finding.Pos{File: l.rel(p.dir)},
		Message:  "evaluating this package: " + e.Error(),
		Expected: fmt.Sprintf("an evaluation within %v and %d MiB", l.opts.Limits.Time, l.opts.Limits.Memory>>20),
	}
	may := "its files"
	if why != nil {
		if why.Pos.IsValid() {
			f.Pos = finding.Pos{File: l.rel(why.Pos.Filename()), Line: why.Pos.Line(), Col: why.Pos.Column()}
		}
		may = why.What
	}
	dir := l.rel(p.dir)
	if filepath.IsLocal(dir) && dir != "." {
		dir = "." + string(filepath.Separator) + dir
	}
	switch e.Cause {
	case child.Time:
		f.Hint = fmt.Sprintf("write values that end; to give it more: %s=60s kcmgen vet %s", TimeVariable, dir)
	case child.Memory:
		f.Hint = fmt.Sprintf("write less with one expression; to give it more: %s=4GiB kcmgen vet %s", MemoryVariable, dir)
	case child.Stack:
		f.Expected, f.Hint = "values that end, of fewer levels", "look for a very long expression, or for a field that refers to a field around it"
	default:
		f.Message = "evaluating this package fails in CUE itself, or in kcmgen"
		f.Expected, f.Hint = "an evaluation with a result", "see what it says: cue vet "+dir
	}
	if e.Cause != child.Failed {
		f.Message += "; the first thing in it that may be the cause: " + may
	}
	return f
}

// Environment variables with limits. gen reads them; findings name them.
const (
	TimeVariable   = "KCMGEN_MAX_TIME"
	MemoryVariable = "KCMGEN_MAX_MEMORY"
)
