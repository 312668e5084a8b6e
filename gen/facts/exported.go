package facts

import (
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// manifestName is the file in an exported tree that names its cluster.
const (
	manifestName = "manifest.json"
	maxManifest  = 16 << 20
)

// exported returns the tracked files of a cluster's exported trees. A directory with the
// cluster's name and with a tree's directories may be another program's: it is a tree if
// the cluster is exported there, or if a manifest says so.
func (r *repository) exported(c *spec.Cluster, out string) ([]indexed, error) {
	if len(r.below[c.Name]) == 0 {
		return nil, nil
	}
	var own []string
	if out != "" {
		own = r.paths(filepath.Join(out, c.Name))
	}
	is := map[string]bool{}
	var files []indexed
	for _, f := range r.below[c.Name] {
		known, ok := is[f.tree]
		if !ok {
			var err error
			if known, err = r.isTree(f.tree, c.Name, own); err != nil {
				return nil, err
			}
			is[f.tree] = known
		}
		if known {
			files = append(files, f)
		}
	}
	return files, nil
}

// isTree reports whether a directory is an exported tree of the cluster.
func (r *repository) isTree(tree, cluster string, own []string) (bool, error) {
	if slices.Contains(own, tree) {
		return true, nil
	}
	file := tree + "/" + manifestName
	if data, err := regular.Read(filepath.Join(r.root, filepath.FromSlash(file)), maxManifest); err == nil && names(data, cluster) {
		return true, nil
	}
	if r.objects[file] == "" {
		return false, nil
	}
	data, err := r.contents([]string{file})
	return err == nil && names(data[file], cluster), err
}

// names reports whether data is the manifest of a cluster's tree.
func names(data []byte, cluster string) bool {
	var m struct {
		Schema  int    `json:"schema"`
		Cluster string `json:"cluster"`
	}
	return json.Unmarshal(data, &m) == nil && m.Schema > 0 && m.Cluster == cluster
}
