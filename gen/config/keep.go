package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/build"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Kept keeps evaluations between runs, by the SHA-256 of all that they depend on.
type Kept interface {
	// Get returns nil if there is none.
	Get(key [sha256.Size]byte) []byte
	Put(key [sha256.Size]byte, data []byte)
}

// keptForm changes with the form of keptCluster, and with what its key covers.
const keptForm = "evaluation 2"

// keptCluster is the evaluation of a cluster without findings. Paths are relative to the
// module's root, with slashes.
type keptCluster struct {
	// Vocabulary is the directory of the copy that the cluster imports; "" is this
	// program's own.
	Vocabulary string          `json:"vocabulary,omitempty"`
	Data       json.RawMessage `json:"data"` // what CUE makes of the cluster
	Source     finding.Source  `json:"source"`
	// Rules are the organisation's own rules, which found nothing.
	Rules []spec.OwnRule `json:"rules,omitempty"`
}

// keptKey is the key of a place's evaluation: all files that CUE may read for it, by their
// place in the module, this program, and the variables that CUE reads.
func (l *loader) keptKey(p place, r *reach) (key [sha256.Size]byte, ok bool) {
	if l.opts.Kept == nil || l.opts.Overlay != nil || len(r.fault) > 0 || l.opts.Program == "" {
		return [sha256.Size]byte{}, false
	}
	return l.sumOf(p, r), true
}

// sumOf returns the sum of what keptKey names.
func (l *loader) sumOf(p place, r *reach) [sha256.Size]byte {
	h := sha256.New()
	for _, s := range []string{keptForm, l.opts.Program, l.opts.Version, relative(p.root, p.dir), strconv.FormatBool(l.opts.Rules != nil)} {
		writeString(h, s)
	}
	for _, env := range slices.Sorted(slices.Values(os.Environ())) {
		if strings.HasPrefix(env, "CUE_") {
			writeString(h, env)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		writeString(h, relative(p.root, name))
		if data := r.files[name]; data == nil {
			writeString(h, "hidden")
		} else {
			sum := l.cache.sum(name, data)
			h.Write(sum[:])
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// writeString writes a string of any bytes, so that no two lists of strings write the same.
func writeString(h hash.Hash, s string) {
	_ = binary.Write(h, binary.BigEndian, uint64(len(s))) // a hash takes everything
	h.Write([]byte(s))
}

func relative(root, name string) string {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// fromKept returns a cluster that was evaluated in an earlier run; nil if none was.
func (l *loader) fromKept(p place, key [sha256.Size]byte) *spec.Cluster {
	data := l.opts.Kept.Get(key)
	if data == nil {
		return nil
	}
	var k keptCluster
	if err := json.Unmarshal(data, &k); err != nil {
		return nil
	}
	if k.Vocabulary != "" && l.driftIn(filepath.Join(p.root, filepath.FromSlash(k.Vocabulary))) != nil {
		return nil // other packages of the copy aren't part of the key
	}
	c, faults := decode(k.Data)
	if len(faults) > 0 {
		return nil
	}
	c.Dir, c.Source = filepath.Clean(p.dir), k.Source
	for path, at := range k.Source {
		c.Source[path] = l.absolute(p, at)
	}
	c.Own.Rules, c.Own.Applied = k.Rules, l.opts.Rules != nil // a part of the key
	for i := range k.Rules {
		k.Rules[i].Pos = l.absolute(p, k.Rules[i].Pos)
	}
	return c
}

// absolute returns a position that is relative to a place's module, as it is shown.
func (l *loader) absolute(p place, at finding.Pos) finding.Pos {
	at.File = l.rel(filepath.Join(p.root, filepath.FromSlash(at.File)))
	return at
}

// inModule is the inverse of absolute. ok is false for a file outside the module.
func (l *loader) inModule(p place, at finding.Pos) (_ finding.Pos, ok bool) {
	name := at.File
	if !filepath.IsAbs(name) {
		name = filepath.Join(l.cwd, name)
	}
	rel := relative(p.root, name)
	ok = filepath.IsLocal(rel) && l.rel(name) == at.File
	at.File = rel
	return at, ok
}

// toKeep returns what is kept of a cluster without findings: nothing if values come from
// embedded files, which may be secret, or if it imports a vocabulary outside its module.
func (l *loader) toKeep(p place, schema *build.Instance, data []byte, c *spec.Cluster) []byte {
	if l.opts.Kept == nil && !l.serves || c.Embedded != nil || len(c.TypeErrors) > 0 || c.Own.Embedded || len(c.Own.Findings) > 0 {
		return nil
	}
	k := &keptCluster{Data: data, Source: finding.Source{}}
	if dir := schemaDir(schema); isDir(dir) {
		k.Vocabulary = relative(p.root, dir)
		if !filepath.IsLocal(k.Vocabulary) {
			return nil
		}
	}
	for path, at := range c.Source {
		rel, ok := l.inModule(p, at)
		if !ok {
			return nil
		}
		k.Source[path] = rel
	}
	for _, r := range c.Own.Rules {
		var ok bool
		if r.Pos, ok = l.inModule(p, r.Pos); !ok {
			return nil
		}
		k.Rules = append(k.Rules, r)
	}
	kept, err := json.Marshal(k)
	if err != nil {
		return nil
	}
	return kept
}

func isDir(name string) bool {
	fi, err := os.Stat(name)
	return err == nil && fi.IsDir()
}
