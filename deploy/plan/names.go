package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// SameNameError is two hosts with the same hostname. A lease names its holder by hostname,
// so kcmgen can't tell which of them leads and must be restarted last.
type SameNameError struct {
	Name  string
	Nodes []string
	Unit  string // of the second
}

func (e *SameNameError) Error() string {
	return fmt.Sprintf("%s and %s have one hostname, %q: the lease names its holder by hostname, so they can't be told apart",
		e.Nodes[0], e.Nodes[1], e.Name)
}

// checkNames returns an error if two hosts have the same hostname. names holds the
// kernels' hostnames by node; "" is unknown.
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

// distinctNames returns an error if the cluster elects a leader and two of its hosts have
// the same hostname.
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
