package vet

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// below reports whether p is dir or is below it.
func below(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// order sorts the mounts as systemd makes them, parents first. It drops mounts below an
// inaccessible path, and all but the first of each path, which is read-only if any of
// them is.
func (s *sandbox) order() {
	slices.SortStableFunc(s.mounts, func(a, b mount) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.kind, b.kind))
	})
	var out []mount
	for _, m := range s.mounts {
		if slices.ContainsFunc(out, func(o mount) bool { return o.kind == inaccessible && below(m.path, o.path) }) {
			continue
		}
		if n := len(out) - 1; n >= 0 && out[n].path == m.path {
			out[n].readOnly = out[n].readOnly || m.readOnly
			continue
		}
		out = append(out, m)
	}
	s.mounts = out
}

// nearest returns the innermost mount, of the given kinds or of any, that holds a path.
func (s *sandbox) nearest(p string, kinds ...mountKind) (mount, bool) {
	var best mount
	found := false
	for _, m := range s.mounts {
		if below(p, m.path) && (!found || len(m.path) > len(best.path)) && (len(kinds) == 0 || slices.Contains(kinds, m.kind)) {
			best, found = m, true
		}
	}
	return best, found
}

// hides returns the directive that hides a path of the host, if there is one.
func (s *sandbox) hides(p string, flag spec.PathFlag) (spec.Directive, bool) {
	m, ok := s.nearest(p, inaccessible, bound, fresh, temporary)
	switch {
	case !ok || m.kind == bound, s.hostDependent && m.kind != inaccessible, s.foreignRoot:
		return spec.Directive{}, false
	case m.kind == inaccessible:
		return m.by, true
	case m.path == p && flag.Dir: // an empty directory
		return spec.Directive{}, false
	}
	// What the process creates needn't exist, unless ReadWritePaths names it.
	_, opened := s.exactly(p)
	if !m.readOnly && !opened && m.by.Name != "ProtectHome" && (flag.Makes || flag.Writes && !flag.Dir && path.Dir(p) == m.path) {
		return spec.Directive{}, false
	}
	return m.by, true
}

// exactly returns the mount at a path.
func (s *sandbox) exactly(p string) (mount, bool) {
	for _, m := range s.mounts {
		if m.path == p {
			return m, true
		}
	}
	return mount{}, false
}

// guards returns the directive that makes a path read-only, if there is one.
func (s *sandbox) guards(p string) (spec.Directive, bool) {
	m, ok := s.nearest(p)
	if !ok || !m.readOnly || s.hostDependent {
		return spec.Directive{}, false
	}
	return m.by, true
}

// identity sets the user of the process.
func (s *sandbox) identity(user, dynamic spec.Directive) {
	switch name := strings.TrimSpace(user.Value); {
	case name != "" && name != "root" && name != "0":
		s.user = user
	case name == "" && isYes(dynamic.Value):
		s.user = dynamic
	}
}

// readsAll reports whether capabilities let the process read any file as any user.
func readsAll(ds []spec.Directive) bool {
	return granted(ds, "AmbientCapabilities", false) && granted(ds, "CapabilityBoundingSet", true)
}

// granted reports whether a capability directive grants reading any file; byDefault is
// the answer where the unit has no such line.
func granted(ds []spec.Directive, name string, byDefault bool) bool {
	has := byDefault
	set := false
	for _, d := range ds {
		if d.Name != name {
			continue
		}
		value, inverted := strings.CutPrefix(strings.TrimSpace(d.Value), "~")
		caps := strings.Fields(value)
		listed := slices.Contains(caps, "CAP_DAC_OVERRIDE") || slices.Contains(caps, "CAP_DAC_READ_SEARCH")
		switch {
		case value == "":
			has = inverted
		case inverted:
			has = (has || !set) && !listed
		default:
			has = set && has || listed
		}
		set = true
	}
	return has
}
