package vet

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// directiveRules are about the lines that the user adds to the unit.
var directiveRules = []Rule{
	{
		ID: "directive-unknown", Severity: isError, Fixed: true, Unit: true, cluster: directiveUnknown,
		Doc: "systemd knows a unit's directives, each in its section: it ignores any other",
	},
}

// directivesText lists the directives that several versions of systemd know.
//
//go:embed directives.txt
var directivesText string

// unitSections are the sections that the user can add to.
var unitSections = []string{"Unit", "Service", "Install"}

// directives are the known names by section, sorted: those of any version. A rollout
// has each host's own systemd verify the unit.
var directives = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(directivesText) {
		if f := strings.Fields(line); f[0] != "#" {
			out[f[0]] = append(out[f[0]], f[1])
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
})

func knownDirective(section, name string) bool {
	_, ok := slices.BinarySearch(directives()[section], name)
	return ok
}

func directiveUnknown(v *view) []fault {
	var out []fault
	omitted := [][]string{v.Unit.Omitted.Unit, v.Unit.Omitted.Service, v.Unit.Omitted.Install}
	for i, ds := range [][]spec.Directive{v.Unit.Unit, v.Unit.Service, v.Unit.Install} {
		section := unitSections[i]
		for _, name := range omitted[i] {
			ds = append(slices.Clip(ds), spec.Directive{Name: name})
		}
		for j, d := range ds {
			if knownDirective(section, d.Name) || j > 0 && ds[j-1].Name == d.Name {
				continue
			}
			f := fault{
				field:    finding.Path("unit", section, d.Name),
				message:  fmt.Sprintf("systemd knows no %s in [%s], and ignores it", d.Name, section),
				expected: "a directive of " + manual(section),
			}
			if at := sectionOf(d.Name); at != "" {
				f.message = fmt.Sprintf("%s is in [%s], where systemd ignores it", d.Name, section)
				f.expected = fmt.Sprintf("unit: %s: %s", at, d.Name)
			} else if near := nearestDirective(section, d.Name); near != "" {
				f.expected, f.hint = near, fmt.Sprintf("did you mean %s?", near)
			}
			out = append(out, f)
		}
	}
	return out
}

// manual is the manual page of a section.
func manual(section string) string {
	if section == "Service" {
		return "systemd.service(5), systemd.exec(5) or systemd.resource-control(5)"
	}
	return "systemd.unit(5)"
}

// sectionOf returns the section that a directive belongs to; "" if it is unknown.
func sectionOf(name string) string {
	for _, s := range unitSections {
		if knownDirective(s, name) {
			return s
		}
	}
	return ""
}

// nearestDirective returns the directive that a misspelt name probably means, of its
// own section first; "" if there is none.
func nearestDirective(section, name string) string {
	var all []string
	for _, s := range append([]string{section}, unitSections...) {
		for _, known := range directives()[s] {
			if strings.EqualFold(known, name) {
				return known
			}
		}
		if near := spec.Nearest(name, directives()[s]); near != "" {
			all = append(all, near)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
