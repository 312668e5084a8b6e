package vet

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// below reports whether a path is another one or lies below it.
func below(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// order sorts the mounts as systemd makes them, parents first. It drops what lies
// below an inaccessible path, and all but the first of one path; that one is
// read-only if one of the others is.
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

// nearest is the mount of some kinds that a path lies in.
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

// hides returns the directive that keeps a path of the host out of sight, if one
// does.
func (s *sandbox) hides(p string, flag spec.PathFlag) (spec.Directive, bool) {
	m, ok := s.nearest(p, inaccessible, bound, fresh, temporary)
	switch {
	case !ok || m.kind == bound, s.opens && m.kind != inaccessible, s.foreign:
		return spec.Directive{}, false
	case m.kind == inaccessible:
		return m.by, true
	case m.path == p && flag.Dir: // it is there, and holds nothing
		return spec.Directive{}, false
	}
	// What the process makes needn't be there. But ReadWritePaths needs it.
	_, opened := s.exactly(p)
	if !m.readOnly && !opened && m.by.Name != "ProtectHome" && (flag.Makes || flag.Writes && !flag.Dir && path.Dir(p) == m.path) {
		return spec.Directive{}, false
	}
	return m.by, true
}

// exactly is the mount at a path.
func (s *sandbox) exactly(p string) (mount, bool) {
	for _, m := range s.mounts {
		if m.path == p {
			return m, true
		}
	}
	return mount{}, false
}

// guards returns the directive that makes a path read-only, if one does.
func (s *sandbox) guards(p string) (spec.Directive, bool) {
	m, ok := s.nearest(p)
	if !ok || !m.readOnly || s.opens {
		return spec.Directive{}, false
	}
	return m.by, true
}

// identity is whom the process runs as.
func (s *sandbox) identity(user, dynamic spec.Directive) {
	switch name := strings.TrimSpace(user.Value); {
	case name != "" && name != "root" && name != "0":
		s.user = user
	case name == "" && isYes(dynamic.Value):
		s.user = dynamic
	}
}

// readsAll reports whether capabilities let the process read any file, whoever it
// runs as.
func readsAll(ds []spec.Directive) bool {
	return granted(ds, "AmbientCapabilities", false) && granted(ds, "CapabilityBoundingSet", true)
}

func granted(ds []spec.Directive, name string, unsaid bool) bool {
	has := unsaid
	said := false
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
			has = (has || !said) && !listed
		default:
			has = said && has || listed
		}
		said = true
	}
	return has
}
