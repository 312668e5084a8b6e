package outdir

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/outdir/layout"
)

// PutImage writes the archive of an image beside a cluster's tree, whole or not at
// all, and returns its name as people call it.
func (d *Dir) PutImage(cluster, arch string, write func(io.Writer) error) (string, error) {
	file := layout.Image(arch)
	return d.called(cluster, file), d.put(cluster, file, write)
}

// OpenImage opens the archive of an image, to read it.
func (d *Dir) OpenImage(cluster, arch string) (io.ReadSeekCloser, error) {
	return d.open(cluster, layout.Image(arch))
}

// HasImage reports whether there is an archive of an architecture's image.
func (s *State) HasImage(arch string) bool {
	return slices.Contains(s.Beside(), layout.Image(arch))
}

// PutReport writes what became of a deployment beside a cluster's tree, and returns
// its name as people call it. Names sort by time.
func (d *Dir) PutReport(cluster, action string, started time.Time, data []byte) (string, error) {
	file := layout.Deploys + started.Format("20060102T150405.000Z") + "-" + action + ".json"
	err := d.put(cluster, file, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return d.called(cluster, file), err
}

// Reports are those that PutReport wrote of a cluster, the oldest first.
func (d *Dir) Reports(cluster string) ([][]byte, error) {
	s, err := d.Read(cluster)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, file := range s.Beside() {
		if !strings.HasPrefix(file, layout.Deploys) {
			continue
		}
		f, err := d.open(cluster, file)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(f)
		_ = f.Close()
		if err == nil { // one that can't be read is none
			out = append(out, data)
		}
	}
	return out, nil
}

// called is a file of a cluster as people call it.
func (d *Dir) called(cluster, file string) string {
	return filepath.Join(d.disk.Dir(), cluster, filepath.FromSlash(file))
}
