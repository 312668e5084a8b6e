package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// SameNameError is hosts whose kernels have one name. A lease names its holder by that, so
// who leads, and is to be restarted last, can't be told.
type SameNameError struct {
	Name  string
	Nodes []string
	Unit  string // of the second
}

func (e *SameNameError) Error() string {
	return fmt.Sprintf("%s and %s have one hostname, %q: in the lease, which names its holder by it, they can't be told apart",
		e.Nodes[0], e.Nodes[1], e.Name)
}

// oneName returns an error if two hosts have one name. names are those that their
// kernels have, by node; "" isn't known.
func checkNames(names map[string]string) error {
	byName := map[string]string{}
	type pair struct{ node, name string }
	var all []pair
	for node, name := range names {
		all = append(all, pair{node, name})
	}
	slices.SortFunc(all, func(a, b pair) int { return cmp.Compare(a.node, b.node) })
	for _, p := range all {
		if other, ok := byName[p.name]; ok && p.name != "" {
			return &SameNameError{Name: p.name, Nodes: []string{other, p.node}}
		}
		byName[p.name] = p.node
	}
	return nil
}

// apart returns an error if the cluster elects a leader that can't be told from another
// host.
func (o *Observation) distinctNames() error {
	if !o.ReadsLease || !o.elects() {
		return nil
	}
	names, units := map[string]string{}, map[string]string{}
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		if h.Unreached != nil {
			continue
		}
		names[h.Node], units[h.Node] = h.Snapshot.Name, h.Unit.Name
	}
	err := checkNames(names)
	if same := (*SameNameError)(nil); errors.As(err, &same) {
		same.Unit = units[same.Nodes[1]]
	}
	return err
}
