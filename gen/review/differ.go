package review

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// differ compares a cluster with what it was.
type differ struct {
	old, now *Cluster
	minors   [2]int // of Kubernetes
	changes  *changes
	nodes    []NodeDifference
	renamed  map[string]string // new names of nodes by their old ones
	pairs    []*pair           // nodes, by their new names
	byOld    map[string]*pair
	byNew    map[string]*pair
	keys     keyChanges
	// settings are the cluster's settings that differ, as "kind name".
	settings map[string]bool
}

func newDiffer(old, now *Cluster) *differ {
	x := &differ{
		old: old, now: now, renamed: map[string]string{}, byOld: map[string]*pair{}, byNew: map[string]*pair{}, settings: map[string]bool{},
		minors: [2]int{minorIn(old.Kubernetes), minorIn(now.Kubernetes)},
	}
	x.changes = newChanges(x.own)
	x.pairNodes()
	return x
}

// minorIn returns the minor version in a version such as "v1.37.1".
func minorIn(version string) int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(version, "v1."), ".")
	n, _ := strconv.Atoi(digits) // 0: there is no data of it
	return n
}

// own reports whether a change is kcmgen's and not the user's: its defaults are of another
// generation, and no field of the user's sets either value. A flag that only one side has
// may follow from another version of Kubernetes or from flagDefaults instead.
func (x *differ) own(c *Change) bool {
	if c.Kind == OfPod {
		return x.added(c.Name, c.Old, c.New, x.old, x.now) || x.added(c.Name, c.New, c.Old, x.now, x.old)
	}
	if c.Kind != OfFlag || x.old.Defaults == x.now.Defaults {
		return false
	}
	by := func(v *Value) Origin {
		if v == nil {
			return ByKubernetes
		}
		return v.Origin
	}
	was, is := by(c.Old), by(c.New)
	if was == ByDefault && is == ByDefault {
		return true
	}
	added := was == ByKubernetes && is == ByDefault || was == ByDefault && is == ByKubernetes
	return added && x.old.Kubernetes == x.now.Kubernetes && !x.settings[OfCluster+" flagDefaults"] && !x.settings[OfCluster+" profile"]
}

// added reports whether a field of a pod is one that came with the later one of two
// generations of kcmgen's defaults, as it came.
func (x *differ) added(name string, was, is *Value, earlier, later *Cluster) bool {
	return was == nil && is != nil && slices.ContainsFunc(policy.DefaultsBetween(spec.Defaults(earlier.Defaults), spec.Defaults(later.Defaults)), func(d policy.Default) bool {
		return name == "spec."+d.Field && is.Text == scalar(d.Value)
	})
}

// pairNodes finds the nodes that belong together: by name, then by first address.
func (x *differ) pairNodes() {
	then := map[string]*Node{}
	for i := range x.old.Nodes {
		then[x.old.Nodes[i].Name] = &x.old.Nodes[i]
	}
	var come []*Node
	for i := range x.now.Nodes {
		n := &x.now.Nodes[i]
		if o, ok := then[n.Name]; ok {
			x.pairs = append(x.pairs, &pair{o, n})
			delete(then, n.Name)
		} else {
			come = append(come, n)
		}
	}
	var gone []*Node
	at := map[string]*Node{}
	for i := range x.old.Nodes {
		o := &x.old.Nodes[i]
		if then[o.Name] != o {
			continue
		}
		gone = append(gone, o)
		if a := firstAddress(o); a != "" && at[a] == nil {
			at[a] = o
		}
	}
	for _, n := range come {
		o := at[firstAddress(n)]
		if o != nil {
			x.renamed[o.Name] = n.Name
			delete(then, o.Name)
			delete(at, firstAddress(n))
		}
		x.pairs = append(x.pairs, &pair{o, n})
	}
	for _, o := range gone {
		if then[o.Name] == o {
			x.pairs = append(x.pairs, &pair{o, nil})
		}
	}
	slices.SortStableFunc(x.pairs, func(a, b *pair) int { return strings.Compare(a.name(), b.name()) })
	for _, p := range x.pairs {
		if p.old != nil {
			x.byOld[p.old.Name] = p
		}
		if p.now != nil {
			x.byNew[p.now.Name] = p
		}
	}
}

// cluster compares everything.
func (x *differ) cluster() {
	if x.old.Name != x.now.Name {
		x.say(gathered{effect: onRename, Change: Change{
			Kind: OfCluster, Name: "name", Old: &Value{Text: x.old.Name}, New: &Value{Text: x.now.Name},
			Reason: fmt.Sprintf("to keep its keys, rename the directory %s in out/ to %s, and export with --accept name", x.old.Name, x.now.Name),
		}})
	}
	if x.old.Dir != x.now.Dir {
		x.say(gathered{effect: onNothing, Change: Change{Kind: OfCluster, Name: "directory", Old: &Value{Text: x.old.Dir}, New: &Value{Text: x.now.Dir}}})
	}
	if x.old.Kubernetes != x.now.Kubernetes {
		x.say(gathered{Change: Change{Kind: OfVersion, Name: "kubernetes", Old: &Value{Text: x.old.Kubernetes}, New: &Value{Text: x.now.Kubernetes}}})
	}
	for _, s := range each(x.old.Settings, x.now.Settings, settingKey) {
		x.setting(s, nil)
	}
	if x.old.Defaults != x.now.Defaults && !x.settings[OfCluster+" defaults"] {
		x.say(gathered{Change: Change{Kind: OfCluster, Name: "defaults", Old: someText(x.old.Defaults), New: someText(x.now.Defaults)}})
	}
	x.ranges()
	x.keys = x.compareKeys()
	files := x.clusterFiles()
	for _, p := range x.pairs {
		x.node(p, files[p])
	}
}

// say adds a change of the cluster.
func (x *differ) say(g gathered) { x.changes.add(g, nil) }

// someText is a value; nil if there is none.
func someText(s string) *Value {
	if s == "" {
		return nil
	}
	return &Value{Text: s}
}

func settingKey(s *Setting) [2]string { return [2]string{s.Kind, s.Name} }

// setting adds the change of a setting. It returns whether there is one.
func (x *differ) setting(s both[Setting], n *pair) bool {
	g := gathered{}
	if s.old != nil && s.now != nil && s.old.Value == s.now.Value {
		if s.old.Raw == s.now.Raw {
			return false
		}
		g.Way = embeddedDiffers
	}
	for _, one := range []*Setting{s.old, s.now} {
		if one != nil {
			g.Kind, g.Name = one.Kind, one.Name
		}
	}
	if s.old != nil {
		g.Old = &Value{Text: s.old.Value, At: s.old.At, raw: s.old.Raw}
	}
	if s.now != nil {
		g.New = &Value{Text: s.now.Value, At: s.now.At, raw: s.now.Raw}
	}
	if n == nil {
		x.settings[g.Kind+" "+g.Name] = true
	}
	x.changes.add(g, n)
	return true
}

// embeddedDiffers is how a value changes that comes from an embedded file and isn't shown.
const embeddedDiffers = "the embedded value differs"

// flag adds the change of a flag. It returns whether there is one.
func (x *differ) flag(name string, f both[Flag], n *pair) bool {
	hidden := f.old != nil && f.now != nil && f.old.Value == f.now.Value && f.old.Raw != f.now.Raw
	if f.old != nil && f.now != nil && f.old.Value == f.now.Value && !hidden {
		if f.old.Origin == f.now.Origin {
			return false
		}
		g := gathered{effect: onSetter, Change: Change{Kind: OfFlag, Name: name}}
		g.Old, g.New = x.flagValue(name, f.old, 0), x.flagValue(name, f.now, 1)
		x.changes.add(g, n)
		return false
	}
	g := gathered{Change: Change{Kind: OfFlag, Name: name, Old: x.flagValue(name, f.old, 0), New: x.flagValue(name, f.now, 1)}}
	if hidden {
		g.Way = embeddedDiffers
	}
	x.changes.add(g, n)
	return true
}

// flagValue is a flag's value on a side: 0 is the old one. Of a flag that isn't set it is
// the default of Kubernetes, and nil if that version has no such flag.
func (x *differ) flagValue(name string, f *Flag, side int) *Value {
	if f != nil {
		return &Value{Text: f.Value, Origin: f.Origin, Field: f.Field, At: f.At, raw: f.Raw}
	}
	minor := x.minors[side]
	if m := flags.Of(minor); m != nil {
		def, ok := m.Flag(name)
		if !ok {
			return nil
		}
		return &Value{Text: def.Default, Origin: ByKubernetes}
	}
	if _, ok := flags.LifeOf(name); !ok {
		return nil
	}
	return &Value{Text: flags.Default(minor, name), Origin: ByKubernetes}
}

// ranges compares the address ranges, by their use.
func (x *differ) ranges() {
	var uses []string
	for _, c := range []*Cluster{x.old, x.now} {
		for _, r := range c.Ranges {
			uses = append(uses, r.Use)
		}
	}
	slices.Sort(uses)
	for _, use := range slices.Compact(uses) {
		was, is := rangesOf(x.old, use), rangesOf(x.now, use)
		before, now := was.value(prefixOf), is.value(prefixOf)
		how, hidden := way(was, is), was.raw() != is.raw()
		if hidden && textOf(before) == textOf(now) {
			how = embeddedDiffers
		}
		if hidden && before != nil && now != nil {
			before.raw, now.raw = was.raw(), is.raw()
		}
		if textOf(before) != textOf(now) || hidden {
			x.say(gathered{Change: Change{Kind: OfRange, Name: use, Old: before, New: now, Way: how}})
		}
		for _, v4 := range []bool{true, false} {
			before, now := was.family(v4).value(maskOf), is.family(v4).value(maskOf)
			if textOf(before) != textOf(now) {
				x.say(gathered{effect: use + ".mask", Change: Change{Kind: OfRange, Name: use + map[bool]string{true: ".mask.ipv4", false: ".mask.ipv6"}[v4], Old: before, New: now}})
			}
		}
		before, now = was.value(plannedOf), is.value(plannedOf)
		if textOf(before) != textOf(now) {
			x.say(gathered{effect: onNothing, Change: Change{Kind: OfRange, Name: use + ".planned", Old: before, New: now}})
		}
	}
}

// rangeList are the ranges of one use.
type rangeList []Range

func rangesOf(c *Cluster, use string) rangeList {
	var out rangeList
	for _, r := range c.Ranges {
		if r.Use == use {
			out = append(out, r)
		}
	}
	return out
}

func (l rangeList) family(v4 bool) rangeList {
	return slices.DeleteFunc(slices.Clone(l), func(r Range) bool {
		p, err := netip.ParsePrefix(r.Prefix)
		return err != nil && !v4 || err == nil && p.Addr().Is4() != v4
	})
}

func prefixOf(r Range) string { return r.Prefix }

// raw returns the ranges as they are if one of them isn't shown; "" if all are.
func (l rangeList) raw() string {
	var out []string
	hidden := false
	for _, r := range l {
		hidden = hidden || r.Raw != ""
		out = append(out, cmp.Or(r.Raw, r.Prefix))
	}
	if !hidden {
		return ""
	}
	return strings.Join(out, ",")
}
func maskOf(r Range) string { return numberOr(r.Mask) }
func plannedOf(r Range) string {
	return numberOr(r.Planned)
}

func numberOr(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// value joins something of each range, each once; nil if there is nothing.
func (l rangeList) value(of func(Range) string) *Value {
	var parts []string
	at := ""
	for _, r := range l {
		if text := of(r); text != "" && !slices.Contains(parts, text) {
			parts = append(parts, text)
			if at == "" {
				at = r.At
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return &Value{Text: strings.Join(parts, ","), At: at}
}
