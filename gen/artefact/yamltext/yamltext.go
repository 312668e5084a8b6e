// Package yamltext reads YAML and JSON into nodes whose scalars know the place of each byte.
package yamltext

import (
	"iter"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// Kind is the kind of a node.
type Kind int

// The kinds.
const (
	Null Kind = iota
	Scalar
	List
	Map
)

// Node is a value of a document. Aliases are resolved and merge keys merged: what an alias
// repeats is where its anchor is. All methods may be called on nil, which is like Null.
type Node struct {
	Kind  Kind
	At    text.At
	Text  text.Text // of a scalar, decoded; of a null, as it is written
	Tag   string    // of a scalar: "str", "int", "float", "bool"
	Items []*Node   // of a list
	Pairs []Pair    // of a map, in the order of the file; those of merge keys are last
}

// Pair is a key and its value.
type Pair struct {
	Key   text.Text
	Value *Node
}

// Is reports whether the node is of a kind.
func (n *Node) Is(k Kind) bool { return n == nil && k == Null || n != nil && n.Kind == k }

// Get looks a value up by keys through nested maps; nil if one is missing.
func (n *Node) Get(keys ...string) *Node {
	for _, key := range keys {
		n = n.one(key)
	}
	return n
}

func (n *Node) one(key string) *Node {
	for k, v := range n.Each() {
		if k.String() == key {
			return v
		}
	}
	return nil
}

// Has reports whether a map has a key, be its value null.
func (n *Node) Has(key string) bool { return n.one(key) != nil }

// Key returns a map's key with its places; false if it is missing.
func (n *Node) Key(key string) (text.Text, bool) {
	for k := range n.Each() {
		if k.String() == key {
			return k, true
		}
	}
	return text.Text{}, false
}

// Value is a scalar's text, "" otherwise.
func (n *Node) Value() text.Text {
	if !n.Is(Scalar) {
		return text.Text{}
	}
	return n.Text
}

// Str is a scalar's text as a string, "" otherwise.
func (n *Node) Str() string { return n.Value().String() }

// IsHole reports whether the node is an unknown value and nothing else.
func (n *Node) IsHole() bool { return n.Is(Scalar) && n.Text.IsHole() }

// Each goes through the pairs of a map.
func (n *Node) Each() iter.Seq2[text.Text, *Node] {
	return func(yield func(text.Text, *Node) bool) {
		if n == nil {
			return
		}
		for _, p := range n.Pairs {
			if !yield(p.Key, p.Value) {
				return
			}
		}
	}
}

// List returns the items of a list, none otherwise.
func (n *Node) List() []*Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// Place is where the node begins.
func (n *Node) Place() text.At {
	if n == nil {
		return text.At{}
	}
	return n.At
}

// Keys returns the keys of a map.
func (n *Node) Keys() []text.Text {
	var out []text.Text
	for key := range n.Each() {
		out = append(out, key)
	}
	return out
}
