package review

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// acknowledge begins the name of a setting that acknowledges changes, by the id of a rule.
const acknowledge = "acknowledge."

// Unacknowledged returns a finding for each change of a class that a rule asks about, unless
// the cluster has an acknowledgement for the rule that is new with the change. Positions are
// below the root, as the change has them. A cluster that is new or gone needs none.
func (d *ClusterDifference) Unacknowledged(rules []spec.OwnRule) []finding.Finding {
	if d.Old == nil || d.New == nil {
		return nil
	}
	var out []finding.Finding
	for _, r := range rules {
		if len(r.Changes) == 0 {
			continue
		}
		now := d.New.setting(acknowledge + r.ID)
		if now != "" && now != d.Old.setting(acknowledge+r.ID) {
			continue
		}
		seen := map[finding.Pos]bool{} // a field may make several changes
		for _, c := range d.Changes {
			class := firstCommon(c.Classes, r.Changes)
			if at := c.pos(); class == "" || at.File != "" && seen[at] {
				continue
			}
			seen[c.pos()] = true
			f := finding.Finding{
				Rule: r.ID, Severity: r.Severity, Cluster: d.New.Name, Field: c.field(), Pos: c.pos(), Also: []finding.Pos{r.Pos},
				Message:  fmt.Sprintf("%s: %s %s is a change of the class %s", r.Message, c.Kind, c.Name, class),
				Expected: fmt.Sprintf("acknowledge: %q: a sentence that is new with this change", r.ID),
				Hint:     r.Help,
			}
			if len(c.Nodes) == 1 {
				f.Node = c.Nodes[0]
			}
			out = append(out, f)
		}
	}
	return out
}

func firstCommon(of, with []string) string {
	for _, s := range of {
		if slices.Contains(with, s) {
			return s
		}
	}
	return ""
}

// setting returns the value of a setting of the cluster; "" if it has none.
func (c *Cluster) setting(name string) string {
	i := slices.IndexFunc(c.Settings, func(s Setting) bool { return s.Kind == OfCluster && s.Name == name })
	if i < 0 {
		return ""
	}
	return c.Settings[i].Value
}

// field returns the field of the cluster that the change is about, as findings have it.
func (c *Change) field() string {
	for _, v := range []*Value{c.New, c.Old} {
		if v != nil && v.Field != "" {
			return strings.TrimPrefix(v.Field, "cluster.")
		}
	}
	if c.Kind == OfRange {
		return "networks." + c.Name
	}
	return c.Name
}

// pos returns where the change was written.
func (c *Change) pos() finding.Pos {
	for _, v := range []*Value{c.New, c.Old} {
		if v != nil && v.At != "" {
			return parsePos(v.At)
		}
	}
	return finding.Pos{}
}

// parsePos is the inverse of Pos.String.
func parsePos(s string) finding.Pos {
	var numbers [2]int
	rest := s
	for i := 1; i >= 0; i-- {
		at := strings.LastIndexByte(rest, ':')
		if at < 0 {
			return finding.Pos{File: s}
		}
		n, err := strconv.Atoi(rest[at+1:])
		if err != nil {
			return finding.Pos{File: s}
		}
		numbers[i], rest = n, rest[:at]
	}
	return finding.Pos{File: rest, Line: numbers[0], Col: numbers[1]}
}
