package yamltext

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// The bounds of a text, with what its aliases repeat.
const (
	maxNodes = 200_000
	maxDepth = 200
)

// builder makes nodes of those of the library.
type builder struct {
	set     *text.Set
	source  *source
	anchors map[*yaml.Node]built
	nodes   int // so far, in all documents
}

// built is a node with its size and its height, which count what aliases repeat.
type built struct {
	*Node
	size, height int
}

// add counts a child.
func (p *built) add(child built) {
	p.size += child.size
	p.height = max(p.height, child.height+1)
}

func (b *builder) fail(n *yaml.Node, format string, args ...any) error {
	return &Error{b.place(n), fmt.Sprintf(format, args...)}
}

// place is where a node's content begins.
func (b *builder) place(n *yaml.Node) text.At {
	return b.source.t.At(b.source.content(b.source.at(n.Line, n.Column)))
}

// count counts nodes, which the whole text has a limited number of.
func (b *builder) count(n *yaml.Node, size int) error {
	if b.nodes += size; b.nodes > maxNodes {
		return b.fail(n, "there are more than %d values up to here, with what aliases repeat", maxNodes)
	}
	return nil
}

func (b *builder) build(n *yaml.Node, depth int) (built, error) {
	if n.Kind == yaml.AliasNode {
		// An anchor is before its aliases. It isn't built yet if they are within it.
		target, ok := b.anchors[n.Alias]
		switch {
		case !ok:
			return built{}, b.fail(n, "the alias *%s is within its own anchor", n.Value)
		case depth+target.height > maxDepth:
			return built{}, b.fail(n, "this is nested deeper than %d", maxDepth)
		}
		return target, b.count(n, target.size)
	}
	if depth > maxDepth {
		return built{}, b.fail(n, "this is nested deeper than %d", maxDepth)
	}
	if err := b.count(n, 1); err != nil {
		return built{}, err
	}
	out, err := b.fresh(n, depth)
	if err == nil && n.Anchor != "" {
		b.anchors[n] = out
	}
	return out, err
}

// fresh builds a node that isn't an alias.
func (b *builder) fresh(n *yaml.Node, depth int) (built, error) {
	out := built{Node: &Node{At: b.place(n)}, size: 1}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") && n.Tag != "!unsafe" {
		// A program makes another value of it, such as Ansible of !vault.
		expr := fmt.Sprintf("%s in line %d", n.Tag, b.set.Pos(out.At).Line)
		out.Kind, out.Tag, out.Text = Scalar, "str", b.set.Hole("", expr, out.At)
		return out, nil
	}
	switch n.Kind {
	case yaml.SequenceNode:
		out.Kind = List
		out.Items = make([]*Node, 0, len(n.Content))
		for _, c := range n.Content {
			item, err := b.build(c, depth+1)
			if err != nil {
				return out, err
			}
			out.Items = append(out.Items, item.Node)
			out.add(item)
		}
	case yaml.MappingNode:
		return out, b.pairs(n, &out, depth)
	default:
		out.Text = b.source.scalar(n)
		if tag := n.ShortTag(); tag != "!!null" {
			out.Kind, out.Tag = Scalar, tagName(tag)
		}
	}
	return out, nil
}

// tagName names a tag without its marks. What isn't a number or a truth value is a string,
// as for programs that read YAML as JSON.
func tagName(tag string) string {
	switch tag {
	case "!!int", "!!float", "!!bool":
		return tag[2:]
	}
	return "str"
}

// pairs builds the pairs of a map.
func (b *builder) pairs(n *yaml.Node, out *built, depth int) error {
	out.Kind = Map
	out.Pairs = make([]Pair, 0, len(n.Content)/2)
	seen := make(map[string]int, len(n.Content)/2)
	var merged []built
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := b.build(n.Content[i], depth+1)
		if err != nil {
			return err
		}
		if key.Kind == Map || key.Kind == List {
			return b.fail(n.Content[i], "a key that isn't a word")
		}
		name := key.Text.String()
		if first, again := seen[name]; again {
			return b.fail(n.Content[i], "the key %s is there again: it is in line %d too", b.set.Show(key.Text), first)
		}
		seen[name] = b.set.Pos(key.At).Line
		value, err := b.build(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		out.add(value)
		if n.Content[i].ShortTag() == "!!merge" && !value.IsHole() {
			if value.Kind != Map && value.Kind != List {
				return b.fail(n.Content[i+1], "the merge key << needs a map")
			}
			merged = append(merged, value)
			continue
		}
		out.Pairs = append(out.Pairs, Pair{key.Text, value.Node})
	}
	for _, m := range merged {
		if err := b.merge(n, out, m.Node, seen); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the pairs of a map, or of a list of maps, that a map doesn't have.
func (b *builder) merge(n *yaml.Node, out *built, from *Node, seen map[string]int) error {
	maps := from.Items
	if from.Kind == Map {
		maps = []*Node{from}
	}
	for _, m := range maps {
		if m.Kind != Map {
			return b.fail(n, "the merge key << needs maps")
		}
		if err := b.count(n, len(m.Pairs)); err != nil {
			return err
		}
		for _, p := range m.Pairs {
			if _, ok := seen[p.Key.String()]; !ok {
				seen[p.Key.String()] = 0
				out.Pairs = append(out.Pairs, p)
			}
		}
	}
	return nil
}
