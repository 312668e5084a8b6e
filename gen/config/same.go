package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Depends says what the evaluation of a package depends on.
type Depends struct {
	Name string // of its cluster, as the syntax says; "" if it isn't a literal
	// Dir is its directory below the module's root, with slashes.
	Dir string
	// Sum is that of all files that CUE reads for it, by their place in the module.
	Sum [sha256.Size]byte
	// Files are the sums of these files, without the vocabulary.
	Files map[string][sha256.Size]byte
	// Names means that it may name files besides: keys, programs, files of other
	// components.
	Names bool
	// Embeds means that it embeds files.
	Embeds bool
}

// fileLabel matches labels of fields that name files whose contents count. A label that is
// computed isn't seen.
var fileLabel = lazy.Regexp(`\b(from|certFile|keyFile|serviceAccountKeyFile|file|peers)\b`)

// embeds is how a file says that it embeds others.
var embeds = []byte("@extern")

// DependsOf returns what the packages depend on that args name, by their absolute directory,
// without evaluating them, and what it found, for one Load of the same. Packages that can't be
// read are left out.
func DependsOf(ctx context.Context, cwd string, args []string, o Options) (map[string]Depends, *Found, error) {
	l := newLoader(cwd, o)
	f, args, err := l.find(args)
	if err != nil {
		return nil, nil, err
	}
	out := map[string]Depends{}
	type mentions struct{ names, embeds bool }
	seen := map[string]mentions{} // thousands of clusters may read one file
	for _, p := range f.places {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if l.rough.noCluster(p) {
			continue
		}
		r := l.reach(p.root, l.reached(p), nil)
		if len(r.unreadable(l)) > 0 {
			continue
		}
		d := Depends{Dir: relative(p.root, p.dir), Sum: l.sumOf(p, r), Files: map[string][sha256.Size]byte{}}
		for name, data := range r.files {
			rel := relative(p.root, name)
			if strings.HasPrefix(rel, "cue.mod/") {
				continue
			}
			d.Files[rel] = l.cache.sum(name, data)
			m, ok := seen[name]
			if !ok {
				m = mentions{fileLabel().Match(data), bytes.Contains(data, embeds)}
				seen[name] = m
			}
			d.Names, d.Embeds = d.Names || m.names, d.Embeds || m.embeds
		}
		d.Name, _ = l.rough.clusterName(p)
		out[filepath.Clean(p.dir)] = d
	}
	return out, &Found{l, f, args}, nil
}

// Found are packages and their files as they were found.
type Found struct {
	loader *loader
	finder *finder
	args   []string
}

// leaves reports whether a place isn't evaluated because the caller said so.
func (l *loader) leaves(t *task, i int) bool {
	if !l.opts.Leave[filepath.Clean(t.places[i].dir)] {
		return false
	}
	t.out[i] = outcome{isCluster: true}
	t.step()
	return true
}
