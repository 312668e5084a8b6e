package review

import (
	"path"
	"slices"
	"strings"
)

// NodeChanges returns what differs in a node between two descriptions by FromTree, as
// Compare says it, the riskiest first; nothing for a node that only one has. renewed means
// that a key or a certificate of the node is made anew: then files that hold key material
// differ in nothing else. With another layout, that stands for all settings and files. Where
// the unit or the pod can't be read on one side, only files are compared, and a node without
// any file has one change of a file without a name.
func NodeChanges(old, now *Cluster, node string, renewed bool) []Change {
	o, n := nodeIn(old, node), nodeIn(now, node)
	if o == nil || n == nil {
		return nil
	}
	if len(o.Files) == 0 && len(n.Files) > 0 {
		return []Change{{Kind: OfFile, New: &Value{}}}
	}
	a, b := *o, *n
	broken := a.Start == "" || b.Start == ""
	if broken {
		a, b = Node{Name: a.Name, Files: a.Files}, Node{Name: b.Name, Files: b.Files}
	}
	x := newDiffer(&Cluster{Name: old.Name, Kubernetes: old.Kubernetes, Nodes: []Node{a}}, &Cluster{Name: now.Name, Kubernetes: now.Kubernetes, Nodes: []Node{b}})
	x.keys = newKeyChanges()
	x.node(x.pairs[0], nil)
	return slices.DeleteFunc(x.changes.all(x.minors[1]), func(c Change) bool {
		switch {
		case c.Kind == OfFile:
			return a.Layout != b.Layout || renewed && isMaterial(c.Name) && sameButContents(&c)
		case a.Layout != b.Layout:
			return c.Kind != OfFlag && (c.Kind != OfNode || c.Name != "layout")
		}
		return c.Kind == OfNode && c.Name == "endpoint" // the kubeconfig's server says it
	})
}

func nodeIn(c *Cluster, name string) *Node {
	i := slices.IndexFunc(c.Nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Nodes[i]
}

// isMaterial reports whether a file has the name of one that holds key material.
func isMaterial(at string) bool {
	return slices.Contains([]string{".crt", ".key", ".conf", ".pem", ".pub"}, path.Ext(at))
}

// sameButContents reports whether a change of a file is one of its contents alone.
func sameButContents(c *Change) bool {
	return c.Old != nil && c.New != nil && strings.HasPrefix(c.Old.Text, "contents ") && strings.HasPrefix(c.New.Text, "contents ")
}
