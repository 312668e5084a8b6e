package vet

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// life is the state of a flag in one minor version.
type life int

const (
	alive   life = iota
	unknown      // no version has it
	removed      // earlier versions had it
	coming       // later versions have it
)

// lifeOf returns a flag's state in the cluster's version. Without data every flag is
// alive, and flags-unchecked reports that once.
func (v *view) lifeOf(name string) (life, flags.Life) {
	if v.minor == nil {
		return alive, flags.Life{}
	}
	if _, has := v.minor.Flag(name); has {
		return alive, flags.Life{} // saves reading the data of other versions
	}
	l, known := flags.LifeOf(name)
	switch {
	case !known:
		return unknown, l
	case l.First > v.Version.Minor:
		return coming, l
	}
	return removed, l
}

// eachKnown calls found for each flag that the cluster's version has, and returns the
// faults.
func (v *view) eachKnown(n *nodeView, found func(spec.Flag, flags.Def) []fault) []fault {
	var out []fault
	for _, k := range n.known {
		out = append(out, found(k.Flag, k.def)...)
	}
	return out
}

// eachInState calls found for each flag in a state, and returns the faults.
func (v *view) eachInState(n *nodeView, in life, found func(spec.Flag, flags.Life) *fault) []fault {
	var out []fault
	for _, f := range n.flags {
		if state, l := v.lifeOf(f.Name); state == in {
			if fault := found(f, l); fault != nil {
				fault.field = f.Field
				out = append(out, *fault)
			}
		}
	}
	return out
}

// instead says what to write in place of a flag.
func instead(l flags.Life) string {
	switch words := l.Instead(); {
	case words == "":
		return "no such flag"
	case l.ReplacedBy == "" && l.Successor == "":
		return "no such flag: " + words
	default:
		return words
	}
}

// explainHint is a hint: the command that explains a flag.
func explainHint(name string) string { return "type: kcmgen flags " + name }

// flagsUnchecked: the version is newer or older than the data.
func flagsUnchecked(v *view) []fault {
	if v.minor != nil {
		return nil
	}
	minors := flags.Minors()
	return one(fault{
		field:    "version",
		message:  fmt.Sprintf("there is no data of v1.%d: its flags, feature gates and controllers are not checked", v.Version.Minor),
		expected: fmt.Sprintf("a version from v1.%d to v1.%d", minors[0], minors[len(minors)-1]),
		hint:     "a newer kcmgen may know it",
	})
}

// flagsUncheckedHere compares the flags of a version that is too new for the data with
// the newest version that there is data of.
func flagsUncheckedHere(v *view, n *nodeView) []fault {
	if v.minor != nil || v.Version.Minor < newest() {
		return nil
	}
	var out []fault
	last := flags.Of(newest())
	for _, f := range n.flags {
		if _, has := last.Flag(f.Name); has || !written(f) {
			continue
		}
		x := fault{
			field: f.Field, message: fmt.Sprintf("v1.%d, the newest version that is known, has no flag %q", newest(), f.Name),
			expected: "a flag that came after it", hint: fmt.Sprintf("type: kcmgen flags --version v1.%d", newest()),
		}
		if near := nearestFlag(last, f.Name); near != "" {
			x.hint = fmt.Sprintf("did you mean %q?", near)
		}
		out = append(out, x)
	}
	return out
}

func flagUnknown(v *view, n *nodeView) []fault {
	return v.eachInState(n, unknown, func(f spec.Flag, _ flags.Life) *fault {
		out := &fault{
			message:  fmt.Sprintf("kube-controller-manager has no flag %q", f.Name),
			expected: "a flag of " + v.Version.String(), hint: fmt.Sprintf("type: kcmgen flags --version v1.%d", v.Version.Minor),
		}
		if near := nearestFlag(v.minor, f.Name); near != "" {
			out.expected, out.hint = near, fmt.Sprintf("did you mean %q?", near)
		}
		return out
	})
}

func nearestFlag(m *flags.Minor, name string) string {
	var names []string
	for _, d := range m.Flags {
		names = append(names, d.Name)
	}
	return spec.Nearest(name, names)
}

func flagRemoved(v *view, n *nodeView) []fault {
	return v.eachInState(n, removed, func(f spec.Flag, l flags.Life) *fault {
		return &fault{
			message:  fmt.Sprintf("--%s was removed in v1.%d", f.Name, l.Removed()),
			expected: instead(l), hint: explainHint(f.Name),
		}
	})
}

func flagTooNew(v *view, n *nodeView) []fault {
	return v.eachInState(n, coming, func(f spec.Flag, l flags.Life) *fault {
		return &fault{
			message:  fmt.Sprintf("--%s exists only since v1.%d", f.Name, l.First),
			expected: fmt.Sprintf("no such flag in v1.%d", v.Version.Minor), hint: explainHint(f.Name),
		}
	})
}

// eachAging calls found for the user's flags that the version accepts and that are
// deprecated or have a note. Flags that kcmgen adds itself are left out.
func (v *view) eachAging(n *nodeView, found func(spec.Flag, flags.Def, flags.Life) *fault) []fault {
	return v.eachKnown(n, func(f spec.Flag, d flags.Def) []fault {
		// Until v1.21, port=0 is what insecure-port demands.
		if !written(f) || f.Name == "port" && v.Version.Minor <= 21 || !d.Deprecated && !flags.HasNote(f.Name) {
			return nil
		}
		l, _ := flags.LifeOf(f.Name)
		out := found(f, d, l)
		if out == nil {
			return nil
		}
		out.field, out.expected = f.Field, instead(l)
		out.hint = cmp.Or(out.hint, explainHint(f.Name))
		return one(*out)
	})
}

// written reports whether the user set a flag under flags; other flags are derived.
func written(f spec.Flag) bool {
	return strings.HasPrefix(f.Field, "flags.") || strings.HasPrefix(f.Field, "nodes.") && strings.Contains(f.Field, ".flags.")
}

func flagRenamed(v *view, n *nodeView) []fault {
	return v.eachAging(n, func(f spec.Flag, d flags.Def, l flags.Life) *fault {
		if !l.Equivalent || l.NoopIn(v.Version.Minor) {
			return nil
		}
		if _, there := v.minor.Flag(l.ReplacedBy); !there {
			return nil
		}
		return &fault{message: fmt.Sprintf("--%s is the old name of --%s%s", f.Name, l.ReplacedBy, removalNote(l))}
	})
}

func flagDeprecated(v *view, n *nodeView) []fault {
	return v.eachAging(n, func(f spec.Flag, d flags.Def, l flags.Life) *fault {
		if !d.Deprecated || l.Equivalent || l.NoopIn(v.Version.Minor) {
			return nil
		}
		since := fmt.Sprintf(" since v1.%d", l.Deprecated)
		if l.Deprecated == flags.Minors()[0] {
			since = ""
		}
		return &fault{message: fmt.Sprintf("--%s is deprecated%s%s", f.Name, since, removalNote(l))}
	})
}

func flagNoop(v *view, n *nodeView) []fault {
	return v.eachAging(n, func(f spec.Flag, d flags.Def, l flags.Life) *fault {
		if !l.NoopIn(v.Version.Minor) {
			return nil
		}
		return &fault{message: fmt.Sprintf("--%s has no effect in v1.%d%s", f.Name, v.Version.Minor, removalNote(l))}
	})
}

// removalNote ends a message: the version that will refuse a flag, if that is known.
func removalNote(l flags.Life) string {
	if gone := l.Removed(); gone > 0 {
		return fmt.Sprintf(", and v1.%d refuses it", gone)
	}
	return ""
}

func flagType(v *view, n *nodeView) []fault {
	return v.eachKnown(n, func(f spec.Flag, d flags.Def) []fault {
		if d.Type == "mapStringBool" || d.Name == featureGates {
			return nil // feature-gate-syntax
		}
		want := v.minor.TypeWanted(d, f.Value)
		if want == "" {
			return nil
		}
		return one(fault{field: f.Field, message: valueMessage(f), expected: want})
	})
}

func flagValue(v *view, n *nodeView) []fault {
	return v.eachKnown(n, func(f spec.Flag, d flags.Def) []fault {
		switch {
		case (f.Name == "help" || f.Name == "version") && !isFalse(f.Value):
			return one(fault{field: f.Field, message: fmt.Sprintf("with --%s kube-controller-manager prints text and exits", f.Name), expected: "no such flag"})
		case v.minor.TypeWanted(d, f.Value) != "", v.unread(n, f.Name):
			return nil // flag-type, flag-ignored
		}
		want := d.ValueWanted(f.Value, n.gateOn)
		if want == "" {
			return nil
		}
		out := fault{field: f.Field, message: valueMessage(f), expected: want}
		if bad := d.NotAllowed(f.Value); bad != "" { // one of a list
			out.message, out.expected = fmt.Sprintf("%s names %.80q", f.Name, bad), "names that "+v.Version.String()+" knows"
			out.hint = fmt.Sprintf("type: kcmgen flags %s --version v1.%d", f.Name, v.Version.Minor)
		} else if near := spec.NearestSafe(f.Value, d.Allowed); near != "" {
			out.expected, out.hint = near, fmt.Sprintf("did you mean %q?", near)
		}
		return one(out)
	})
}

// unread reports whether the process ignores a flag's value: election flags without
// leader election, TLS flags without a port, and the allocator where no ranges are
// allocated. Newer versions refuse an unknown allocator even then.
func (v *view) unread(n *nodeView, name string) bool {
	switch {
	case strings.HasPrefix(name, "leader-elect-"):
		on, ok := n.flags.Get("leader-elect")
		return ok && !on.Bool()
	case strings.HasPrefix(name, "tls-"):
		return isZero(n.value("secure-port"))
	case name == "cidr-allocator-type":
		return !isTrue(n.value(allocate)) &&
			(v.Version.Minor < refusesAllocators || n.flags.Value(name, "") == "")
	}
	return false
}

// refusesAllocators is the first minor that refuses an unknown allocator even if none
// runs.
const refusesAllocators = 32

// valueMessage is a message: a flag and its value, cut where it is long.
func valueMessage(f spec.Flag) string { return fmt.Sprintf("%s is %.80q", f.Name, f.Value) }
