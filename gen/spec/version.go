package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a Kubernetes version.
type Version struct {
	Minor, Patch int
	Pre          string // "rc.0", or ""
}

// ParseVersion parses "v1.MINOR.PATCH[-PRE]".
func ParseVersion(s string) (Version, error) {
	core, pre, _ := strings.Cut(s, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 || parts[0] != "v1" {
		return Version{}, fmt.Errorf("version %q is not of the form v1.MINOR.PATCH", s)
	}
	minor, err1 := strconv.Atoi(parts[1])
	patch, err2 := strconv.Atoi(parts[2])
	if err1 != nil || err2 != nil || minor < 0 || patch < 0 {
		return Version{}, fmt.Errorf("version %q is not of the form v1.MINOR.PATCH", s)
	}
	return Version{Minor: minor, Patch: patch, Pre: pre}, nil
}

func (v Version) String() string {
	s := fmt.Sprintf("v1.%d.%d", v.Minor, v.Patch)
	if v.Pre != "" {
		s += "-" + v.Pre
	}
	return s
}

// Older reports whether v comes before w. A release comes after its candidates.
func (v Version) Older(w Version) bool {
	switch {
	case v.Minor != w.Minor:
		return v.Minor < w.Minor
	case v.Patch != w.Patch:
		return v.Patch < w.Patch
	}
	return v.Pre != "" && (w.Pre == "" || v.Pre < w.Pre)
}
