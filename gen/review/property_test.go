package review_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
)

// richCluster has something in every list of the model.
const richCluster = `package prod

import "github.com/kcmgen/kcmgen/schemas/v1_37"

cluster: v1_37.#Cluster & {
	name:    "prod"
	version: "v1.37.1"
	layout:  "systemd"
	nodes: {
		"cp-1": address: "10.0.0.11"
		"cp-2": address: "10.0.0.12"
		"cp-3": {address: "10.0.0.13", layout: "staticPod"}
		"cp-4": address: "10.0.0.14"
		"cp-5": address: "10.0.0.15"
	}
	networks: {
		pods: ["10.200.0.0/16"]
		services: ["10.32.0.0/16"]
		nodes: ["10.0.0.0/24"]
		maxNodes: 100
	}
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
	flags: v: 2
}
`

// rich is a description with something in every field of the model.
func rich(t testing.TB) *review.Cluster {
	t.Helper()
	c := describe(t, richCluster)
	c.Defaults = "2026.1"
	c.Findings = []finding.Finding{{Rule: "a-rule", Severity: finding.Warning, Cluster: "prod", Field: "networks.pods", Message: "it is small"}}
	for i := range c.Certificates {
		c.Certificates[i].PublicKey, c.Certificates[i].Ends = "sha256:00", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return c
}

// without are fields of which a difference alone says nothing: where in the CUE a value
// stands; which nodes a key is on is told by what is removed from the list; a file's text
// goes with its sum.
var without = []string{".At", "Flags[].Field", "Certificates[].Nodes[]", "Files[].Text"}

// TestEveryField changes each field of the model alone. Whatever differs is said.
func TestEveryField(t *testing.T) {
	base := rich(t)
	seen := map[string]bool{}
	places(reflect.ValueOf(base).Elem(), "", func(at string, change func(reflect.Value), find func(root reflect.Value) reflect.Value) {
		kind := unnumbered(at)
		if slices.ContainsFunc(without, func(w string) bool { return strings.HasSuffix(kind, w) }) {
			return
		}
		seen[kind] = true
		now := copied(base)
		change(find(reflect.ValueOf(now).Elem()))
		d := between([]*review.Cluster{base}, []*review.Cluster{now})
		if len(d.Clusters) != 1 || len(d.Clusters[0].Changes)+len(d.Clusters[0].Come)+len(d.Clusters[0].Gone) == 0 {
			t.Errorf("%s differs, and nothing says so: %+v", at, d)
		}
	})
	for _, must := range []string{"Name", "Defaults", "Settings[].Value", "Ranges[].Mask", "Certificates[].Lifetime", "Certificates[].Nodes len", "Nodes[].Flags[].Value", "Nodes[].Flags[].Origin", "Nodes[].Files[].Sum", "Nodes[].Text", "Nodes[].Start", "Files[].Mode", "Findings len"} {
		if !seen[must] {
			t.Errorf("%s wasn't changed: %v", must, seen)
		}
	}
}

func unnumbered(at string) string {
	var b strings.Builder
	for _, r := range at {
		if r < '0' || r > '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// places calls f for each value in a model, with a way to change it and one to find it in a
// copy. Findings aren't entered: they come and go as a whole.
func places(v reflect.Value, at string, f func(at string, change func(reflect.Value), find func(reflect.Value) reflect.Value)) {
	var walk func(v reflect.Value, at string, find func(reflect.Value) reflect.Value)
	walk = func(v reflect.Value, at string, find func(reflect.Value) reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			if _, ok := v.Interface().(time.Time); ok {
				f(at, func(v reflect.Value) { v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Hour))) }, find)
				return
			}
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				if at != "" {
					name = at + "." + name
				}
				walk(v.Field(i), name, func(root reflect.Value) reflect.Value { return find(root).Field(i) })
			}
		case reflect.Slice:
			f(at+" len", func(v reflect.Value) {
				if v.Len() > 0 {
					v.Set(v.Slice(0, v.Len()-1))
				} else {
					one := reflect.New(v.Type().Elem()).Elem()
					if one.Kind() == reflect.String {
						one.SetString("digital signature")
					}
					v.Set(reflect.Append(v, one))
				}
			}, find)
			if v.Type().Elem() == reflect.TypeFor[finding.Finding]() {
				return
			}
			for i := range v.Len() {
				walk(v.Index(i), fmt.Sprintf("%s[%d]", at, i), func(root reflect.Value) reflect.Value { return find(root).Index(i) })
			}
		case reflect.String:
			f(at, func(v reflect.Value) { v.SetString(v.String() + "x") }, find)
		case reflect.Int:
			f(at, func(v reflect.Value) { v.SetInt(v.Int() + 1) }, find)
		case reflect.Bool:
			f(at, func(v reflect.Value) { v.SetBool(!v.Bool()) }, find)
		}
	}
	walk(v, at, func(root reflect.Value) reflect.Value { return root })
}

// copied copies a description with all its lists.
func copied(c *review.Cluster) *review.Cluster {
	out := reflect.New(reflect.TypeFor[review.Cluster]()).Elem()
	var deep func(to, from reflect.Value)
	deep = func(to, from reflect.Value) {
		switch from.Kind() {
		case reflect.Slice:
			if from.IsNil() {
				return
			}
			to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				deep(to.Index(i), from.Index(i))
			}
		case reflect.Struct:
			to.Set(from)
			if _, ok := from.Interface().(time.Time); ok {
				return
			}
			for i := range from.NumField() {
				deep(to.Field(i), from.Field(i))
			}
		default:
			to.Set(from)
		}
	}
	deep(out, reflect.ValueOf(*c))
	return out.Addr().Interface().(*review.Cluster)
}

// mutation changes something of a description. It returns what it changed, so that nothing
// is changed twice, and a function that tells whether a difference says it.
type mutation func(r *rand.Rand, c *review.Cluster) (what string, said func(*review.ClusterDifference) bool)

// says returns whether a change says something of a node; "" is the cluster.
func says(kind, name, node string) func(*review.ClusterDifference) bool {
	return func(d *review.ClusterDifference) bool {
		return slices.ContainsFunc(d.Changes, func(c review.Change) bool {
			return c.Kind == kind && c.Name == name && (node == "" && len(c.Nodes) == 0 || slices.Contains(c.Nodes, node))
		})
	}
}

var mutations = []mutation{
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		n := node(r, c)
		f := &n.Flags[r.IntN(len(n.Flags))]
		f.Value += fmt.Sprint(r.IntN(3))
		return n.Name + " flag " + f.Name, says(review.OfFlag, f.Name, n.Name)
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		n := node(r, c)
		n.Flags = append(n.Flags, review.Flag{Name: "kube-api-burst", Value: fmt.Sprint(50 + r.IntN(3)), Origin: review.ByFlag})
		return n.Name + " flag kube-api-burst", says(review.OfFlag, "kube-api-burst", n.Name)
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		s := &c.Settings[r.IntN(len(c.Settings))]
		s.Value += "x"
		return "setting " + s.Name, says(s.Kind, s.Name, "")
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		n := node(r, c)
		s := &n.Settings[r.IntN(len(n.Settings))]
		if s.Kind == review.OfNode {
			return "", nil
		}
		s.Value += "x"
		return n.Name + " setting " + s.Name, says(s.Kind, s.Name, n.Name)
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		n := node(r, c)
		line := fmt.Sprintf("X-Unknown-%d=1", r.IntN(2))
		n.Text += line + "\n"
		return n.Name + " text", func(d *review.ClusterDifference) bool {
			return slices.ContainsFunc(d.Changes, func(c review.Change) bool {
				return c.Kind == review.OfFile && c.New != nil && strings.Contains(c.New.Text, line) && slices.Contains(c.Nodes, n.Name)
			})
		}
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		n := node(r, c)
		f := &n.Files[r.IntN(len(n.Files))]
		f.Mode = "0777"
		return n.Name + " mode " + f.Path, says(review.OfFile, f.Path, n.Name)
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		n := node(r, c)
		f := &n.Files[r.IntN(len(n.Files))]
		if f.Dir || f.Text == n.Text {
			return "", nil
		}
		f.Text += "something: else\n"
		f.Sum += "x"
		return n.Name + " contents " + f.Path, func(d *review.ClusterDifference) bool {
			return slices.ContainsFunc(d.Changes, func(c review.Change) bool {
				return c.Kind == review.OfFile && c.Name == f.Path && c.New != nil && strings.Contains(c.New.Text, "something: else") && slices.Contains(c.Nodes, n.Name)
			})
		}
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		one := &c.Ranges[r.IntN(len(c.Ranges))]
		one.Prefix = fmt.Sprintf("172.%d.0.0/16", 16+r.IntN(10))
		return "range " + one.Use, says(review.OfRange, one.Use, "")
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		one := &c.Certificates[r.IntN(len(c.Certificates))]
		name, of := one.ID, ""
		if parts := strings.Split(one.ID, "/"); len(parts) == 3 {
			name, of = parts[2], parts[1]
		}
		if of == "cp-5" { // it may go
			return "", nil
		}
		one.Key += "0"
		return "certificate " + one.ID, says(review.OfCertificate, name+".key", of)
	},
	func(r *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		rule := fmt.Sprintf("rule-%d", r.IntN(3))
		c.Findings = append(c.Findings, finding.Finding{Rule: rule, Severity: finding.Error, Cluster: c.Name, Message: "it is wrong"})
		return "finding " + rule, func(d *review.ClusterDifference) bool {
			return slices.ContainsFunc(d.Come, func(f finding.Finding) bool { return f.Rule == rule })
		}
	},
	func(_ *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		c.Kubernetes = "v1.38.0"
		return "version", func(d *review.ClusterDifference) bool { return d.Upgrade != nil && d.Upgrade.To == "v1.38.0" }
	},
	func(_ *rand.Rand, c *review.Cluster) (string, func(*review.ClusterDifference) bool) {
		n := *node(rand.New(rand.NewPCG(1, 1)), c)
		n.Name, n.Addresses = "cp-new", []string{"10.9.9.9"}
		c.Nodes = append(c.Nodes, n)
		return "node", says(review.OfMembership, "node", "cp-new")
	},
}

// node is one of the first nodes: the last one may go.
func node(r *rand.Rand, c *review.Cluster) *review.Node { return &c.Nodes[r.IntN(4)] }

// TestNothingIsInvisible makes several random differences at once, and demands that each is
// said.
func TestNothingIsInvisible(t *testing.T) {
	base := rich(t)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 20))
		now := copied(base)
		said := map[string]func(*review.ClusterDifference) bool{}
		for range 1 + r.IntN(8) {
			before := copied(now)
			what, f := mutations[r.IntN(len(mutations))](r, now)
			if _, twice := said[what]; twice || f == nil {
				now = before
				continue
			}
			said[what] = f
		}
		gone := r.IntN(3) == 0
		if gone {
			now.Nodes = slices.DeleteFunc(now.Nodes, func(n review.Node) bool { return n.Name == "cp-5" })
			said["node gone"] = says(review.OfMembership, "node", "cp-5")
		}
		if len(said) == 0 {
			continue
		}
		d := between([]*review.Cluster{base}, []*review.Cluster{now})
		if len(d.Clusters) != 1 {
			t.Fatalf("seed %d: %d clusters differ", seed, len(d.Clusters))
		}
		for what, f := range said {
			if !f(&d.Clusters[0]) {
				t.Fatalf("seed %d: nothing says %s, of %d differences: %+v", seed, what, len(said), d.Clusters[0].Changes)
			}
		}
	}
}
