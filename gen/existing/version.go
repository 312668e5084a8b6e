package existing

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// ParseVersion parses a version of Kubernetes as users write it: v1.34.2, or v1.34 for the patch
// release that its data comes from.
func ParseVersion(asked string) (spec.Version, error) {
	if strings.Count(asked, ".") == 1 {
		if minor, err := flags.ParseMinor(asked); err == nil {
			return spec.ParseVersion(flags.Of(minor).Version)
		}
		if v, err := parseStated(asked); err == nil {
			return v, nil // there is no data of it, as of a file's older image
		}
	}
	v, err := spec.ParseVersion(asked)
	if err != nil {
		return v, fmt.Errorf("%q is no version of Kubernetes: write it as v1.34 or v1.34.2", asked)
	}
	return v, nil
}

// Version returns the version of Kubernetes: the one that is asked for, the one that a file
// states, or the newest one that has all flags and takes their values. why says how it was found
// and which nodes have another.
func (c *Cluster) Version(asked string) (v spec.Version, why []string, err error) {
	if asked != "" {
		v, err = ParseVersion(asked)
		return v, nil, err
	}
	if v, why, err = c.ofHosts(); err != nil || len(why) > 0 {
		return v, why, err
	}
	if v, why = c.ofFiles(); len(why) > 0 {
		return v, why, nil
	}
	minors := flags.Minors()
	for _, try := range []struct {
		fits func(*flags.Minor) bool
		why  string
	}{
		{func(m *flags.Minor) bool { return c.known(m) && c.allowed(m) }, "no file states the version: %s is the newest that has all flags; --version names another"},
		{c.known, "no file states the version: %s is the newest that has all flags, though it refuses a value; --version names another"},
		{func(*flags.Minor) bool { return true }, "no file states the version, and none has all flags: %s is the newest; --version names another"},
	} {
		for _, minor := range slices.Backward(minors) {
			if m := flags.Of(minor); try.fits(m) {
				v, err = spec.ParseVersion(m.Version)
				return v, []string{fmt.Sprintf(try.why, v)}, err
			}
		}
	}
	return v, nil, fmt.Errorf("there is no data of any version")
}

// ofHosts returns the version that the first host's program prints. why is empty if none does.
func (c *Cluster) ofHosts() (v spec.Version, why []string, err error) {
	first := ""
	for i, h := range c.Hosts {
		if h == nil || h.Version == "" {
			continue
		}
		has, err := spec.ParseVersion(h.Version)
		switch {
		case err != nil:
			return v, nil, fmt.Errorf("the program on %s: %w", c.Nodes[i].Name, err)
		case first == "":
			v, first = has, c.Nodes[i].Name
			why = []string{fmt.Sprintf("the version %s is what the program on %s prints", v, first)}
		case has != v:
			why = append(why, fmt.Sprintf("the program on %s is %s, and the one on %s, which the cluster says, is %s", c.Nodes[i].Name, has, first, v))
		}
	}
	return v, why, nil
}

// ofFiles returns the version that the first file states that does. why is empty if none does.
func (c *Cluster) ofFiles() (v spec.Version, why []string) {
	first := ""
	for _, n := range c.Nodes {
		stated := c.Set.Show(n.Read.Version)
		if stated == "" {
			stated = tagOf(c.Set.Show(n.Read.Image))
		}
		has, err := parseStated(stated)
		switch name := filepath.Base(n.Read.File); {
		case err != nil:
		case first == "":
			v, first = has, n.Name
			why = []string{fmt.Sprintf("the version %s is what %s states", v, name)}
		case has != v:
			why = append(why, fmt.Sprintf("node %s has %s, and node %s, which the cluster says, has %s", n.Name, has, first, v))
		}
	}
	return v, why
}

// known reports whether a minor version has all flags that any version has.
func (c *Cluster) known(m *flags.Minor) bool {
	for _, n := range c.Nodes {
		given, _ := m.Read(n.Read.Words())
		for _, g := range given {
			if _, ok := m.Flag(g.Name); !ok && flags.Exists(g.Name) {
				return false
			}
		}
	}
	return true
}

// allowed reports whether a minor version takes the values of all flags. Where a value isn't
// known, nothing speaks against it.
func (c *Cluster) allowed(m *flags.Minor) bool {
	for _, n := range c.Nodes {
		given, _ := m.Read(n.Read.Words())
		var gates []flags.GateSetting
		for _, g := range given {
			if g.Name == "feature-gates" {
				some, _ := m.ParseGates(g.Value)
				gates = append(gates, some...)
			}
		}
		on := func(gate string) bool { return m.On(gate, gates) }
		for _, g := range given {
			known := n.Read.Args[g.Arg].Known()
			if next := g.Arg + 1; next < len(n.Read.Args) {
				known = known && (n.Read.Args[next].Known() || n.Read.Args[next].String() != g.Value)
			}
			if d, ok := m.Flag(g.Name); ok && known && d.ValueWanted(g.Value, on) != "" {
				return false
			}
		}
	}
	return true
}

// versionOf returns the version to check against: the one that a file states, or minor's.
func versionOf(set *text.Set, r *command.Result, minor int, explicit bool) (v spec.Version, noData string) {
	stated := set.Show(r.Version)
	if stated == "" {
		stated = tagOf(set.Show(r.Image))
	}
	if found, err := parseStated(stated); err == nil && !explicit {
		if flags.Of(found.Minor) != nil {
			minor = found.Minor
		} else {
			noData = stated
		}
	}
	v, _ = spec.ParseVersion(flags.Of(minor).Version) // the data has a version
	return v, noData
}

// tagOf returns the tag of an image; "" if it has none.
func tagOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tag
}

// parseStated parses a version as files state it: with or without v and patch.
func parseStated(s string) (spec.Version, error) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "stable-"), "v")
	s, _, _ = strings.Cut(s, "+")
	if strings.Count(s, ".") == 1 {
		s += ".0"
	}
	return spec.ParseVersion("v" + s)
}
