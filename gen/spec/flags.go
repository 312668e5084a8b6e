package spec

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Setting is one flag as a user wrote it: a value, or null to leave it out.
type Setting struct {
	Value string
	Omit  bool
}

// Settings are flags by name, without the leading dashes.
type Settings map[string]Setting

// Flag is one flag of a node's command line.
type Flag struct {
	Name  string
	Value string
	// Field is the path in the cluster that the value comes from.
	Field string
}

func (f Flag) String() string { return "--" + f.Name + "=" + f.Value }

// Bool reports whether the value is a Go ParseBool word for true, as
// kube-controller-manager reads it.
func (f Flag) Bool() bool {
	b, err := strconv.ParseBool(f.Value)
	return err == nil && b
}

// Flags is a command line, sorted by flag name.
type Flags []Flag

// Get returns the flag of that name.
func (fs Flags) Get(name string) (Flag, bool) {
	i, ok := slices.BinarySearchFunc(fs, name, func(f Flag, n string) int { return strings.Compare(f.Name, n) })
	if !ok {
		return Flag{}, false
	}
	return fs[i], true
}

// Field is the path that a flag's value comes from; empty if it isn't given.
func (fs Flags) Field(name string) string {
	f, _ := fs.Get(name)
	return f.Field
}

// Value returns a flag's value, or fallback where it isn't given.
func (fs Flags) Value(name, fallback string) string {
	if f, ok := fs.Get(name); ok {
		return f.Value
	}
	return fallback
}

// NodeFlags is the command line of one node. From weak to strong: what follows
// from the other fields and the hardened defaults, the profile, the cluster's
// flags, the node's own.
func (c *Cluster) NodeFlags(n *Node) Flags {
	all := map[string]Flag{}
	if c.Hardened {
		for _, f := range c.derivedFlags() {
			all[f.Name] = f
		}
	}
	for _, f := range c.profileFlags() {
		all[f.Name] = f
	}
	layer(all, c.Flags, "flags")
	layer(all, n.Flags, finding.Path("nodes", n.Name, "flags"))
	out := make(Flags, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out
}

func layer(all map[string]Flag, s Settings, field string) {
	for name, v := range s {
		if v.Omit {
			delete(all, name)
			continue
		}
		all[name] = Flag{Name: name, Value: v.Value, Field: field + "." + finding.Label(name)}
	}
}

// CertDir is the folder that KCM writes a self-signed serving certificate to, if
// its flags ask for one. Without --cert-dir it keeps it in memory.
func (c *Cluster) CertDir(fs Flags) (string, bool) {
	dir := fs.Value("cert-dir", "")
	return dir, dir != "" && fs.Value("tls-cert-file", "") == "" && fs.Value("secure-port", "") != "0"
}

// CertDirMade is the CertDir of a pod, where kcmgen gives it a directory: no volume
// of the user's holds it.
func (c *Cluster) CertDirMade(fs Flags) (string, bool) {
	dir, ok := c.CertDir(fs)
	for _, v := range c.Pod.Volumes {
		if at := path.Clean(dir); at == v.MountPath || strings.HasPrefix(at, strings.TrimSuffix(v.MountPath, "/")+"/") {
			return "", false
		}
	}
	return dir, ok
}
