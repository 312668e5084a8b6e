package gen

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/review"
)

// shared returns the changed files that clusters of several packages read.
func (d *differ) shared() []review.SharedFile {
	if d.base.snapshot == nil || d.head.snapshot == nil {
		return nil // a review tree doesn't say what it was made of
	}
	old, now := d.files(d.base), d.files(d.head)
	all := slices.Concat(slices.Collect(maps.Keys(old)), slices.Collect(maps.Keys(now)))
	slices.Sort(all)
	var out []review.SharedFile
	for _, file := range slices.Compact(all) {
		// A reader that comes, goes or moves changes no file.
		if contents(old[file]) == contents(now[file]) {
			continue
		}
		var names []string
		for dir, r := range now[file] {
			names = append(names, cmp.Or(r.name, dir))
		}
		for dir, r := range old[file] {
			if _, still := now[file][dir]; !still {
				names = append(names, cmp.Or(r.name, dir))
			}
		}
		slices.Sort(names)
		if names = slices.Compact(names); len(names) > 1 {
			out = append(out, review.SharedFile{File: file, Clusters: names})
		}
	}
	return out
}

// contents returns the sum of a file, which is the same for all readers; zero without any.
func contents(readers map[string]reader) [sha256.Size]byte {
	for _, r := range readers {
		return r.sum
	}
	return [sha256.Size]byte{}
}

// reader is a cluster that reads a file.
type reader struct {
	name string
	sum  [sha256.Size]byte
}

// files returns the readers of each file, by its place and by the reader's directory.
func (d *differ) files(s *side) map[string]map[string]reader {
	out := map[string]map[string]reader{}
	for dir, dep := range s.depends {
		at := d.below(s, dir)
		module := strings.TrimSuffix(strings.TrimSuffix(at, dep.Dir), "/")
		for rel, sum := range dep.Files {
			file := path.Join(module, rel)
			if out[file] == nil {
				out[file] = map[string]reader{}
			}
			out[file][at] = reader{cmp.Or(dep.Name, dep.Dir), sum}
		}
	}
	return out
}
