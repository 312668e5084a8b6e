package outdir

// MadeFor returns the names of the trees that were exported for a cluster, by their
// manifests. It leaves out those that can't be read.
func (d *Dir) MadeFor(cluster string) []string {
	var out []string
	names, _ := d.Clusters() // for hints only
	for _, name := range names {
		if m, err := d.manifest(name); err == nil && m != nil && m.Cluster == cluster {
			out = append(out, name)
		}
	}
	return out
}
