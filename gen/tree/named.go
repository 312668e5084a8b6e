package tree

// MadeFor are the names of the trees in the folder whose manifest is that of a
// cluster, whatever they are called.
func (o *Out) MadeFor(cluster string) []string {
	var out []string
	names, _ := o.Clusters() // it is for advice: what can't be read is none
	for _, name := range names {
		if m, err := o.manifest(name); err == nil && m != nil && m.Cluster == cluster {
			out = append(out, name)
		}
	}
	return out
}
