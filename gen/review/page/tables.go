package page

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/review"
)

// tableView is named values by node: those that differ, and those that don't.
type tableView struct {
	ID, Title, Noun string
	Diff            bool
	Changed, Same   []entry
}

// entry is one name with the values that nodes have.
type entry struct {
	Name   string
	Kind   string
	Values []valueView
	More   string // what isn't listed
}

// valueView is a value with the nodes that have it.
type valueView struct {
	Mark     mark
	Old, New *string // nil: there is none
	Own      bool    // each node has its own name or address in it
	Nodes    nodeSet
	Origin   string
	At       string
	Field    string
}

// cell is a value of one node, or of the cluster, on one side.
type cell struct {
	kind, name, value string
	origin            review.Origin
	field, at         string
	sum               string // of a file's contents
}

// mostValues is the number of different values of one name that are listed.
const mostValues = 40

// collector gathers the cells of all nodes and joins those that are alike.
type collector struct {
	order   []string
	entries map[string]*collected
}

type collected struct {
	kind, name string
	values     []*alike
	at         map[string]*alike
}

// alike is a value with all nodes that have it.
type alike struct {
	old, new *cell
	own      bool
	nodes    []string
}

func (c *collector) add(node string, old, new *cell, oldOwn, newOwn *ownTexts) {
	one := cmp.Or(new, old)
	id := one.kind + "\x00" + one.name
	e, ok := c.entries[id]
	if !ok {
		e = &collected{kind: one.kind, name: one.name, at: map[string]*alike{}}
		c.entries[id] = e
		c.order = append(c.order, id)
	}
	was, oldIs := normal(old, oldOwn)
	is, newIs := normal(new, newOwn)
	key := was + "\x00\x01" + is
	a, ok := e.at[key]
	if !ok {
		a = &alike{old: old, new: new}
		e.at[key] = a
		e.values = append(e.values, a)
	}
	a.own = a.own || oldIs || newIs
	if node != "" {
		a.nodes = append(a.nodes, node)
	}
}

// normal returns a cell's value with placeholders, and whether it has any.
func normal(c *cell, own *ownTexts) (string, bool) {
	if c == nil {
		return "\x00none", false
	}
	out := own.Replace(c.value)
	return out + "\x00" + string(c.origin) + "\x00" + c.sum, out != c.value
}

// both adds the cells of both sides of a node.
func (c *collector) both(node string, olds, news []cell, oldOwn, newOwn *ownTexts) {
	index := map[string]*cell{}
	for i := range olds {
		index[olds[i].kind+"\x00"+olds[i].name] = &olds[i]
	}
	for i := range news {
		id := news[i].kind + "\x00" + news[i].name
		c.add(node, index[id], &news[i], oldOwn, newOwn)
		delete(index, id)
	}
	for i := range olds {
		if index[olds[i].kind+"\x00"+olds[i].name] == &olds[i] {
			c.add(node, &olds[i], nil, oldOwn, newOwn)
		}
	}
}

func newCollector() *collector { return &collector{entries: map[string]*collected{}} }

// nodes adds the cells of all nodes. A node that comes or goes adds none that it shares
// with others: what it gets is no change of a value.
func (c *collector) nodes(ps []pair, cells func(*review.Node) []cell) {
	for _, p := range ps {
		switch {
		case p.new == nil:
			continue
		case p.old == nil:
			news := cells(p.new)
			c.both(p.new.Name, news, news, p.newOwn, p.newOwn)
		default:
			c.both(p.new.Name, cells(p.old), cells(p.new), p.oldOwn, p.newOwn)
		}
	}
}

func (a *alike) changed() bool {
	if a.old == nil || a.new == nil {
		return true
	}
	return a.old.value != a.new.value || a.old.sum != a.new.sum
}

// view returns the table. diff tells whether there are two sides.
func (c *collector) view(id, title, noun string, diff bool, ss *sets) *tableView {
	if len(c.order) == 0 {
		return nil
	}
	t := &tableView{ID: id, Title: title, Noun: noun, Diff: diff}
	slices.Sort(c.order)
	for _, id := range c.order {
		e := c.entries[id]
		out := entry{Name: e.name, Kind: e.kind}
		changed := false
		slices.SortStableFunc(e.values, func(a, b *alike) int { return cmp.Compare(order(a), order(b)) })
		for i, a := range e.values {
			changed = changed || diff && a.changed()
			if i == mostValues {
				left := e.values[i:]
				n := 0
				for _, a := range left {
					n += len(a.nodes)
					changed = changed || diff && a.changed()
				}
				out.More = fmt.Sprintf("%s more, on %s", count(len(left), "value"), count(n, "node"))
				break
			}
			out.Values = append(out.Values, a.view(diff, ss))
		}
		if changed {
			t.Changed = append(t.Changed, out)
		} else {
			t.Same = append(t.Same, out)
		}
	}
	return t
}

// order puts values that change first.
func order(a *alike) int {
	if a.changed() {
		return 0
	}
	return 1
}

func (a *alike) view(diff bool, ss *sets) valueView {
	v := valueView{Mark: markOf(""), Own: a.own && len(a.nodes) > 1, Nodes: ss.of(a.nodes)}
	if diff && a.changed() {
		v.Mark = markOf(review.Changed)
		switch {
		case a.old == nil:
			v.Mark = markOf(review.Added)
		case a.new == nil:
			v.Mark = markOf(review.Removed)
		}
	}
	if a.old != nil && v.Mark.ID != "same" {
		v.Old = &a.old.value
	}
	if a.new != nil {
		v.New = &a.new.value
	}
	if v.Old != nil && v.New != nil && *v.Old == *v.New { // of a file whose contents differ
		was, is := *v.Old+", contents "+a.old.sum, *v.New+", contents "+a.new.sum
		v.Old, v.New = &was, &is
	}
	c := cmp.Or(a.new, a.old)
	v.Origin, v.At, v.Field = originWord(c.origin), c.at, c.field
	return v
}

func originWord(o review.Origin) string {
	switch o {
	case review.ByFlag:
		return "set by its name"
	case review.ByField:
		return "follows from a field"
	case review.ByDefault:
		return "kcmgen's default"
	case review.ByKubernetes:
		return "Kubernetes' default"
	default:
		return string(o)
	}
}

func flagCells(n *review.Node) []cell {
	out := make([]cell, 0, len(n.Flags))
	for _, f := range n.Flags {
		out = append(out, cell{name: "--" + f.Name, value: f.Value, origin: f.Origin, field: f.Field, at: f.At})
	}
	return out
}

func settingCells(all []review.Setting) []cell {
	out := make([]cell, 0, len(all))
	for _, s := range all {
		out = append(out, cell{kind: s.Kind, name: s.Name, value: s.Value, at: s.At})
	}
	return out
}

func fileCells(all []review.File) []cell {
	out := make([]cell, 0, len(all))
	for _, f := range all {
		c := cell{name: f.Path, value: "mode " + f.Mode, sum: f.Sum[:min(len(f.Sum), 12)]}
		if f.Owner != "" {
			c.value += ", owner " + f.Owner
		}
		if f.Dir {
			c.value = "directory, " + c.value
		}
		out = append(out, c)
	}
	return out
}

// tables returns the tables of flags, settings and files.
func (s section) tables(id string, ps []pair, ss *sets) []*tableView {
	diff := s.old != nil && s.new != nil
	flags := newCollector()
	flags.nodes(ps, flagCells)
	settings := newCollector()
	files := newCollector()
	var oldSettings, newSettings []review.Setting
	var oldFiles, newFiles []review.File
	if s.old != nil {
		oldSettings, oldFiles = s.old.Settings, s.old.Files
	}
	if s.new != nil {
		newSettings, newFiles = s.new.Settings, s.new.Files
	}
	if s.new != nil {
		settings.both("", settingCells(oldSettings), settingCells(newSettings), nil, nil)
		files.both("", fileCells(oldFiles), fileCells(newFiles), nil, nil)
	}
	settings.nodes(ps, func(n *review.Node) []cell { return settingCells(n.Settings) })
	files.nodes(ps, func(n *review.Node) []cell { return fileCells(n.Files) })
	var out []*tableView
	for _, t := range []*tableView{
		flags.view(id+"-flags", "Flags", "flag", diff, ss),
		settings.view(id+"-settings", "Settings", "setting", diff, ss),
		files.view(id+"-files", "Files", "file", diff, ss),
	} {
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}
