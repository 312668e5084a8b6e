package facts

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/peer"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// migrationPlaces are where a copy of a host's file lies, relative to the cluster's package.
var migrationPlaces = []string{".", "files"}

// migrations reads the copies of the files that --leader-migration-config names, by their
// paths on hosts: this machine may have another file there. It is nil if no flag names one.
func migrations(c *spec.Cluster) map[string]*vet.Migration {
	const flag = "leader-migration-config"
	var out map[string]*vet.Migration
	add := func(s spec.Settings) {
		file := s[flag].Value
		if file == "" || out[file] != nil {
			return
		}
		if out == nil {
			out = map[string]*vet.Migration{}
		}
		out[file] = readMigration(c, path.Base(file))
	}
	add(c.Flags)
	for _, n := range c.Nodes {
		add(n.Flags)
	}
	return out
}

func readMigration(c *spec.Cluster, base string) *vet.Migration {
	for _, dir := range migrationPlaces {
		if !filepath.IsLocal(base) {
			break
		}
		name := filepath.Join(c.Local(dir), base)
		info, err := os.Lstat(name)
		if err != nil {
			continue
		}
		if info.Mode()&fs.ModeSymlink != 0 { // a change in git must not show another file of who checks it
			return &vet.Migration{File: base, Err: errors.New("it is a link: its target isn't read")}
		}
		data, err := regular.Read(name, peer.MaxFile)
		if err != nil {
			return &vet.Migration{File: base, Err: withoutPath(err)}
		}
		return peer.ReadMigration(shown(name), data)
	}
	return &vet.Migration{File: base, Err: fs.ErrNotExist}
}
