package outdir

// MadeFor are the names of the trees in the directory whose manifest is that of a
// cluster, whatever they are called.
func (d *Dir) MadeFor(cluster string) []string {
	var out []string
	names, _ := d.Clusters() // it is for advice: what can't be read is none
	for _, name := range names {
		if m, err := d.manifest(name); err == nil && m != nil && m.Cluster == cluster {
			out = append(out, name)
		}
	}
	return out
}
