package outdir

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/outdir/layout"
)

// PutImage atomically writes the archive of an image into a cluster's directory, and
// returns its path for messages.
func (d *Dir) PutImage(cluster, arch string, write func(io.Writer) error) (string, error) {
	file := layout.Image(arch)
	return d.path(cluster, file), d.put(cluster, file, write)
}

// OpenImage opens the archive of an image for reading.
func (d *Dir) OpenImage(cluster, arch string) (io.ReadSeekCloser, error) {
	return d.open(cluster, layout.Image(arch))
}

// HasImage reports whether there is an archive of an architecture's image.
func (s *State) HasImage(arch string) bool {
	return slices.Contains(s.Unlisted(), layout.Image(arch))
}

// PutReport atomically writes the report of a deployment into a cluster's directory,
// and returns its path for messages. Names sort by time.
func (d *Dir) PutReport(cluster, action string, started time.Time, data []byte) (string, error) {
	file := layout.Deploys + started.Format("20060102T150405.000Z") + "-" + action + ".json"
	err := d.put(cluster, file, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return d.path(cluster, file), err
}

// Reports returns the reports that PutReport wrote for a cluster, the oldest first. It
// leaves out those that can't be read.
func (d *Dir) Reports(cluster string) ([][]byte, error) {
	s, err := d.Read(cluster)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, file := range s.Unlisted() {
		if !strings.HasPrefix(file, layout.Deploys) {
			continue
		}
		f, err := d.open(cluster, file)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(f)
		_ = f.Close()
		if err == nil {
			out = append(out, data)
		}
	}
	return out, nil
}

// path returns the path of a cluster's file for messages.
func (d *Dir) path(cluster, file string) string {
	return filepath.Join(d.disk.Dir(), cluster, filepath.FromSlash(file))
}
