package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	kubejson "sigs.k8s.io/json"

	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// oneNode is a Node as kubectl prints it, with more than is read.
const oneNode = `{
  "apiVersion": "v1", "kind": "Node",
  "metadata": {"annotations": {"x\"}": "]"}, "creationTimestamp": "2026-02-03T04:05:06Z", "name": "cp-1"},
  "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24", "fd00:1::/64"], "taints": [{"key": "k"}]},
  "status": {
    "addresses": [{"address": "10.0.0.11", "type": "InternalIP"}, {"address": "cp-1", "type": "Hostname"}, {"address": "::ffff:192.0.2.7", "type": "ExternalIP"}],
    "images": [{"names": ["a{", "b[", "c\\"], "sizeBytes": 1}],
    "nodeInfo": {"kubeletVersion": "v1.31.4-eks-1a2b"}
  }
}`

func node(name string) string {
	return strings.Replace(oneNode, `"name": "cp-1"`, `"name": "`+name+`"`, 1)
}

func want(names ...string) []vet.ExistingNode {
	var out []vet.ExistingNode
	for _, n := range names {
		out = append(out, vet.ExistingNode{
			Name: n, Created: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Minor: 31,
			CIDRs:     []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24"), netip.MustParsePrefix("fd00:1::/64")},
			Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.11"), netip.MustParseAddr("192.0.2.7")},
		})
	}
	return out
}

var same = []cmp.Option{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// TestNodesForms: each form that kubectl and the API have gives the same nodes, however few
// bytes a read returns.
func TestNodesForms(t *testing.T) {
	list := func(items ...string) string {
		return `{"apiVersion":"v1","items":[` + strings.Join(items, ",") + `],"kind":"List","metadata":{"resourceVersion":""}}`
	}
	bare := func(name string) string { return strings.Replace(node(name), `"kind": "Node",`, "", 1) }
	for name, in := range map[string]string{
		"a List":              list(node("b"), node("a")),
		"a NodeList":          `{"kind":"NodeList","items":[` + bare("a") + "," + bare("b") + "]}",
		"an array":            "[" + node("b") + "," + node("a") + "]\n",
		"a stream":            node("b") + "\n" + node("a"),
		"a stream of Lists":   list(node("b")) + list(node("a")),
		"a List of one, more": "\n\t " + list(node("b")) + node("a") + "\r\n",
		"escaped names":       strings.ReplaceAll(list(node("b"), node("a")), `"kind": "Node"`, `"kin\u0064": "Node"`),
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
				got, err := readNodes(r, maxNodesFile)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want("a", "b"), got.Nodes, same...); diff != "" {
					t.Errorf("nodes (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestNodesYAML: kubectl's YAML gives the same nodes.
func TestNodesYAML(t *testing.T) {
	const in = `apiVersion: v1
items:
- apiVersion: v1
  kind: Node
  metadata: {name: cp-1, creationTimestamp: "2026-02-03T04:05:06Z"}
  spec: {podCIDRs: [10.1.0.0/24, "fd00:1::/64"]}
  status:
    addresses:
    - {address: 10.0.0.11, type: InternalIP}
    - {address: 192.0.2.7, type: ExternalIP}
    nodeInfo: {kubeletVersion: v1.31.4}
kind: List
`
	got, err := readNodes(strings.NewReader("---\n"+in), maxNodesFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want("cp-1"), got.Nodes, same...); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

// TestNodesValues are values that nodes have in the wild.
func TestNodesValues(t *testing.T) {
	in := `{"kind":"List","items":[
		{"kind":"Node","metadata":{"name":"new","creationTimestamp":null},"spec":{},"status":null},
		{"kind":"Node","metadata":{"name":"old"},"spec":{"podCIDR":"010.001.000.0/24"},"status":{"nodeInfo":{"kubeletVersion":"none"}}}]}`
	got, err := readNodes(strings.NewReader(in), maxNodesFile)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []vet.ExistingNode{{Name: "new"}, {Name: "old", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24")}}}
	if diff := cmp.Diff(wanted, got.Nodes, same...); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

// TestNodesRefused: what isn't a list of nodes is refused, with the place and the reason.
func TestNodesRefused(t *testing.T) {
	whole := `{"items":[` + node("a") + `],"kind":"List"}`
	for name, tc := range map[string]struct{ in, want string }{
		"empty":             {"", "it is empty"},
		"blank":             {" \n\t", "it is empty"},
		"no node":           {`{"items":[],"kind":"List"}`, "there is no node in it"},
		"an empty array":    {`[]`, "there is no node in it"},
		"words":             {"Error from server (Forbidden)", "neither JSON nor YAML"},
		"a number":          {"42", "neither JSON nor YAML"},
		"bad YAML":          {"a: [", "neither JSON nor YAML"},
		"two documents":     {"kind: Node\n---\nkind: Node\n", "several YAML documents"},
		"binary":            {"\x00\x01\x02", "neither JSON nor YAML"},
		"a Pod":             {`{"kind":"Pod","metadata":{"name":"x"}}`, `1:1: an object of kind "Pod": expected Node`},
		"no kind":           {`{"metadata":{"name":"x"}}`, `an object of kind "": expected Node`},
		"a list of pods":    {"{\n\"items\":[{\"kind\":\"Pod\"}]}", `2:10: an object of kind "Pod"`},
		"a PodList":         {`{"items":[{"metadata":{"name":"x"}}],"kind":"PodList"}`, `1:1: a list of kind "PodList"`},
		"a list in a list":  {`{"items":[` + whole + `],"kind":"List"}`, "a list stands here"},
		"items no array":    {`{"items":{},"kind":"List"}`, "a list stands here"},
		"cut":               {whole[:len(whole)-30], "the file ends in the middle of a value"},
		"cut in a string":   {whole[:40], "the file ends in the middle of a value"},
		"a bracket wrong":   {`{"a":[1}`, `1:8: expected "]"`},
		"no comma":          {`{"a":1 "b":2}`, `1:8: expected "," or "}"`},
		"no colon":          {`{"a" 1}`, `expected ":"`},
		"no value":          {`{"a":}`, `no JSON value begins with "}"`},
		"a raw line break":  {"{\"a\":\"\n\"}", "a control character in a string"},
		"deep":              {`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + "}", "nested more than 200 deep"},
		"a large value":     {`{"spec":"` + strings.Repeat("x", 2<<20) + `"}`, "a value of more than 1 MB"},
		"a bad word":        {`{"kind":nope}`, "no valid JSON"},
		"another type":      {"{\n \"kind\":7}", "2:9: a JSON number stands here"},
		"CIDRs another":     {`{"kind":"Node","metadata":{"name":"a"},"spec":{"podCIDRs":"10.0.0.0/8"}}`, "a JSON string stands here"},
		"a bad CIDR":        {strings.Replace(node("a"), "fd00:1::/64", "fd00:1::", 1), `the podCIDR of node "a" is "fd00:1::", which is no CIDR`},
		"three CIDRs":       {strings.Replace(node("a"), `"fd00:1::/64"`, `"fd00:1::/64","10.2.0.0/24"`, 1), `node "a" has 3 podCIDRs`},
		"a bad time":        {strings.Replace(node("a"), "2026-02-03T04", "yesterday", 1), "no valid JSON, or no value of a Node"},
		"no name":           {`{"kind":"Node","metadata":{}}`, "a Node without a name"},
		"twice":             {node("a") + node("a"), `node "a" is there twice`},
		"behind the end":    {whole + "x", "no JSON of a list of nodes"},
		"many addresses":    {strings.Replace(node("a"), `"addresses": [`, `"addresses": [`+strings.Repeat(`{"type":"x"},`, 300), 1), "more than 256 addresses"},
		"a control in kind": {`{"kind":"\u001b[31m"}`, `kind "\x1b[31m"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readNodes(strings.NewReader(tc.in), maxNodesFile)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// endless is JSON without an end.
type endless struct{ begun bool }

var spaces = bytes.Repeat([]byte(" "), 1<<20)

func (e *endless) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(p, `{"items":[`), nil
	}
	return copy(p, spaces), nil
}

// TestNodesBounded: input without an end, too many nodes and large YAML end.
func TestNodesBounded(t *testing.T) {
	if _, err := readNodes(&endless{}, 1<<20); err == nil || !strings.Contains(err.Error(), "it is larger than 1 MB") {
		t.Errorf("an endless stream: %v", err)
	}
	if _, err := readNodes(strings.NewReader(strings.Repeat("a: b\n", 1<<20)), maxNodesFile); err == nil || !strings.Contains(err.Error(), "at most 4 MB") {
		t.Errorf("YAML of 5 MB: %v", err)
	}
	var b strings.Builder
	for i := range maxNodes + 1 {
		fmt.Fprintf(&b, `{"kind":"Node","metadata":{"name":"n%d"}}`, i)
	}
	if _, err := readNodes(strings.NewReader(b.String()), maxNodesFile); err == nil || !strings.Contains(err.Error(), "more than 100000 nodes") {
		t.Errorf("many nodes: %v", err)
	}
	if _, err := readNodes(iotest.ErrReader(os.ErrDeadlineExceeded), maxNodesFile); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a broken stream: %v", err)
	}
}

func TestNodesFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "nodes.json")
	if err := os.WriteFile(file, []byte(oneNode), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Nodes(file, nil); err != nil || got.File != file || len(got.Nodes) != 1 {
		t.Errorf("a file: %+v, %v", got, err)
	}
	if got, err := Nodes("-", strings.NewReader(oneNode)); err != nil || got.File != "the standard input" {
		t.Errorf("standard input: %+v, %v", got, err)
	}
	if _, err := Nodes(dir, nil); !errors.Is(err, regular.ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := Nodes("-", strings.NewReader("{")); err == nil || !strings.HasPrefix(err.Error(), "the standard input:1:2: ") {
		t.Errorf("the error doesn't name the input: %v", err)
	}
}

// TestNodesRandom: encoding/json writes lists with everything that JSON allows around the nodes.
// All nodes are found, and a list that is cut anywhere is refused.
func TestNodesRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var items []any
		names := map[string]bool{}
		for i := range 1 + rng.IntN(5) {
			name := fmt.Sprintf("node-%d", i)
			names[name] = true
			items = append(items, map[string]any{
				"kind": "Node", "metadata": map[string]any{"name": name, "labels": noise(rng, 3)}, "x": noise(rng, 4),
				"spec": map[string]any{"podCIDR": "10.0.0.0/24", "y": noise(rng, 3)}, "status": map[string]any{"images": noise(rng, 4)},
			})
		}
		data, err := json.MarshalIndent(map[string]any{"kind": "List", "items": items, "aa": noise(rng, 5), "zz": noise(rng, 5)}, "", strings.Repeat(" ", rng.IntN(5)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readNodes(iotest.HalfReader(bytes.NewReader(data)), maxNodesFile)
		if err != nil {
			t.Fatalf("%v:\n%s", err, data)
		}
		if len(got.Nodes) != len(names) {
			t.Fatalf("%d nodes, want %d:\n%s", len(got.Nodes), len(names), data)
		}
		cut := rng.IntN(len(data)-1) + 1
		if _, err := readNodes(bytes.NewReader(data[:cut]), maxNodesFile); err == nil {
			t.Fatalf("accepted the first %d bytes of:\n%s", cut, data)
		}
	}
}

// noise is a random JSON value.
func noise(rng *rand.Rand, depth int) any {
	switch n := rng.IntN(8); {
	case n < 2 && depth > 0:
		m := map[string]any{}
		for range rng.IntN(4) {
			m[text(rng)] = noise(rng, depth-1)
		}
		return m
	case n < 4 && depth > 0:
		l := []any{}
		for range rng.IntN(4) {
			l = append(l, noise(rng, depth-1))
		}
		return l
	case n == 4:
		return rng.NormFloat64() * 1e9
	case n == 5:
		return rng.IntN(2) == 0
	case n == 6:
		return nil
	}
	return text(rng)
}

func text(rng *rand.Rand) string {
	const odd = "\"\\{}[]:,\n\t\x00é\u2028 a"
	b := make([]rune, rng.IntN(6))
	for i := range b {
		all := []rune(odd)
		b[i] = all[rng.IntN(len(all))]
	}
	return string(b)
}

// FuzzNodes: nothing makes the reader panic or read for ever, and what Kubernetes' own strict
// decoder takes for a list of nodes gives the same names.
func FuzzNodes(f *testing.F) {
	for _, s := range []string{oneNode, "[" + oneNode + "]", `{"items":[` + oneNode + `],"kind":"List"}`, "a: b", `{"items":[],"kind":"NodeList"}`, `{"kind":"Node","metadata":{"name":"a"},"spec":{"podCIDR":"1.2.3.4/33"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readNodes(bytes.NewReader(data), maxNodesFile)
		var list struct {
			Kind  string `json:"kind"`
			Items []struct {
				Kind     string `json:"kind"`
				Metadata struct {
					Name string `json:"name"`
				} `json:"metadata"`
			} `json:"items"`
		}
		strict, bad := kubejson.UnmarshalStrict(data, &list, kubejson.DisallowDuplicateFields)
		if err != nil || bad != nil || len(strict) > 0 || list.Kind != "List" && list.Kind != "NodeList" {
			return
		}
		names := map[string]bool{}
		for _, i := range list.Items {
			names[i.Metadata.Name] = true
		}
		for _, n := range got.Nodes {
			if !names[n.Name] {
				t.Errorf("node %q isn't in %q", n.Name, data)
			}
		}
		if len(got.Nodes) != len(names) {
			t.Errorf("%d nodes, want %d: %q", len(got.Nodes), len(names), data)
		}
	})
}

// BenchmarkNodes reads 10,000 nodes, of as many bytes as kubectl prints of each.
func BenchmarkNodes(b *testing.B) {
	images := strings.Repeat(`{"names":["registry.example/some/image@sha256:0000000000000000000000000000000000000000000000000000000000000000"],"sizeBytes":1},`, 100)
	var list bytes.Buffer
	list.WriteString(`{"items":[`)
	for i := range 10_000 {
		if i > 0 {
			list.WriteByte(',')
		}
		list.WriteString(strings.Replace(node(fmt.Sprintf("node-%d", i)), `"images": [`, `"images": [`+images, 1))
	}
	list.WriteString(`],"kind":"List"}`)
	b.SetBytes(int64(list.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readNodes(bytes.NewReader(list.Bytes()), maxNodesFile); err != nil {
			b.Fatal(err)
		}
	}
}
