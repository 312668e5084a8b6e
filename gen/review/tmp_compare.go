package review

import "fmt"

func Compare(a, b *Sources, _ func(from, to string) []string) *Difference {
	d := &Difference{Base: a.Side, Head: b.Side}
	old := map[string]*Cluster{}
	for _, c := range a.Clusters {
		old[c.Name] = c
	}
	for _, c := range b.Clusters {
		o := old[c.Name]
		if o == nil || fmt.Sprintf("%+v", *o) != fmt.Sprintf("%+v", *c) {
			d.Clusters = append(d.Clusters, ClusterDifference{Name: c.Name, Old: o, New: c})
			continue
		}
		d.Untouched = append(d.Untouched, c.Name)
	}
	d.Untouched = append(d.Untouched, b.Same...)
	return d
}
