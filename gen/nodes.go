package gen

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// NodesError is a list of nodes that can't be read.
type NodesError struct{ Err error }

func (e *NodesError) Error() string { return "reading nodes: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *NodesError) Unwrap() error { return e.Err }

// NodesSeen are the nodes of a cluster that exist, as a run read them.
type NodesSeen struct {
	Cluster string     `json:"cluster"`
	Nodes   int        `json:"nodes"`
	Ranges  []RoomLeft `json:"ranges"` // of each pod network; empty: KCM hands out none
	file    string
	lines   []string
}

// RoomLeft is what a pod network has left for more nodes.
type RoomLeft struct {
	CIDR    string `json:"cidr"`
	Mask    int    `json:"mask"`
	Ranges  uint64 `json:"ranges"`  // that nodes can have
	Left    uint64 `json:"left"`    // that no node has or waits for
	Waiting int    `json:"waiting"` // nodes without a range
	Joined  int    `json:"joined"`  // nodes in the last 90 days; 0 if there is no rate
	Ends    string `json:"ends,omitempty"`
}

// nodeLists are the lists of nodes of a request, by the name of their cluster.
type nodeLists struct {
	of   map[string]*vet.Existing
	only *vet.Existing // of the one cluster
}

// readNodeLists reads the files of Request.Nodes.
func readNodeLists(args []string, stdin io.Reader) (nodeLists, error) {
	out := nodeLists{of: map[string]*vet.Existing{}}
	piped := false
	for _, arg := range args {
		cluster, file := splitNodes(arg)
		switch {
		case file == "":
			return out, badOption(fmt.Sprintf("--nodes %s names no file", spec.ShellWord(arg)))
		case cluster == "" && len(args) > 1:
			return out, badOption(fmt.Sprintf("--nodes %s: with several files each is written CLUSTER=FILE", spec.ShellWord(arg)))
		case out.of[cluster] != nil:
			return out, badOption(fmt.Sprintf("--nodes gives cluster %s two files: put both lists into one", cluster))
		case file == "-" && piped:
			return out, badOption("--nodes reads the standard input twice")
		}
		piped = piped || file == "-"
		e, err := facts.Nodes(file, stdin)
		if err != nil {
			return out, &NodesError{err}
		}
		if cluster == "" {
			out.only = e
		} else {
			out.of[cluster] = e
		}
	}
	return out, nil
}

// splitNodes splits CLUSTER=FILE. What stands before "=" is a file's, too, unless it could be
// the name of a cluster: ./a=b is a file.
func splitNodes(arg string) (cluster, file string) {
	name, rest, ok := strings.Cut(arg, "=")
	if !ok || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || strings.HasPrefix(name, ".") {
		return "", arg
	}
	return name, rest
}

// fit checks that each list belongs to one cluster of those that were found. A cluster with
// errors in its CUE has no name yet, and is not compared.
func (l nodeLists) fit(res *config.Result) error {
	var names []string
	faulty := maps.Clone(res.ByDir)
	for _, c := range res.Clusters {
		names = append(names, c.Embedded.Redact(c.Name))
		delete(faulty, c.Dir)
	}
	slices.Sort(names)
	all := strings.Join(slices.Compact(names), ", ")
	if n := len(res.Clusters) + len(faulty); l.only != nil && n > 1 {
		return badOption(fmt.Sprintf("--nodes %s: it belongs to one cluster, and %d are checked (%s): write CLUSTER=FILE, or name one cluster", spec.ShellWord(l.only.Given), n, all))
	}
	for _, name := range slices.Sorted(maps.Keys(l.of)) {
		known := slices.ContainsFunc(res.Clusters, func(c *spec.Cluster) bool { return c.Name == name })
		if !known && len(faulty) == 0 {
			return badOption(fmt.Sprintf("--nodes %s=%s: no cluster of that name is checked (%s)", name, spec.ShellWord(l.of[name].Given), all))
		}
	}
	return nil
}

// ofCluster returns a cluster's list; nil if it has none.
func (l nodeLists) ofCluster(c *spec.Cluster) *vet.Existing {
	if l.only != nil {
		return l.only
	}
	return l.of[c.Name]
}

// seen describes the nodes of a cluster that exist; nil without a list.
func seen(c *spec.Cluster, f vet.Facts) *NodesSeen {
	if f.Existing == nil {
		return nil
	}
	out := &NodesSeen{Cluster: c.Embedded.Redact(c.Name), Nodes: len(f.Existing.Nodes), Ranges: []RoomLeft{}, file: f.Existing.File}
	for _, r := range vet.Rooms(c, f) {
		left := RoomLeft{CIDR: c.Embedded.Redact(r.CIDR.String()), Mask: r.Mask, Ranges: r.Ranges, Left: r.Left, Waiting: r.Waiting, Joined: r.Joined}
		if !r.Ends.IsZero() {
			left.Ends = r.Ends.UTC().Format(time.DateOnly)
		}
		out.Ranges = append(out.Ranges, left)
		out.lines = append(out.lines, c.Embedded.Redact(r.String()))
	}
	return out
}

// named returns the lists by name, for other states of the same clusters.
func (l nodeLists) named(clusters []*Vetted) nodeLists {
	if l.only != nil && len(clusters) == 1 {
		return nodeLists{of: map[string]*vet.Existing{clusters[0].Cluster.Name: l.only}}
	}
	return nodeLists{of: l.of}
}

// nodesSeen returns what was read of each list of nodes.
func (l *Loaded) nodesSeen() []*NodesSeen {
	var out []*NodesSeen
	for _, v := range l.Clusters {
		if v.seen != nil {
			out = append(out, v.seen)
		}
	}
	return out
}

// NodeLines returns a line about each list of nodes that was read.
func (l *Loaded) NodeLines() []string {
	var out []string
	for _, v := range l.Clusters {
		if v.seen == nil {
			continue
		}
		head := fmt.Sprintf("%s: %s in %s", v.seen.Cluster, countNodes(v.seen.Nodes), v.seen.file)
		if len(v.seen.lines) == 0 {
			out = append(out, head+"; kube-controller-manager hands out no ranges")
		}
		for _, line := range v.seen.lines {
			out = append(out, head+"; "+line)
		}
	}
	return out
}

func countNodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}
