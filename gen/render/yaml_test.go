package render

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd/api/latest"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// odd are strings that YAML parses as another type unless they are quoted, or that its
// encoder folds, quotes or escapes.
var odd = []string{
	"", " ", "~", "null", "Null", "true", "False", "yes", "No", "on", "OFF", "y", "N", "0", "-0", "1e3", "1.5", "0x10", "0b11", "0o17", "017", "1_000", ".inf", "-.INF", ".nan",
	"2026-01-02", "2026-01-02T03:04:05Z", "12:30", "190:20:30", "<<", "=", "!", "&a", "*a", "- a", "? a", ": a", "a: b", "a #b", "#", "[a]", "{a: b}", "'", `"`, "a\nb", "a\n", "\n", "\ta", "a\t",
	" a", "a ", "%a", "@a", "`a", "|", ">", "é", "日本", "\u2028", "\u0085", "\ufeff", "\U0001f600", "a\\b", "\x7f", strings.Repeat("word ", 40), strings.Repeat("x", 200), "<a>&</a>", "---", "...", "!!binary", "!!str a",
}

// randomMap returns a map with keys of few characters, so that many have a common prefix
// followed by a digit or a letter.
func randomMap(r *rand.Rand) map[string]string {
	text := func(letters string, n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	m := map[string]string{}
	for range 1 + r.IntN(8) {
		key := text("ab", 1) + text("019ab-._/", r.IntN(5)) + text("012aZ", 1)
		if r.IntN(2) == 0 {
			key = "b" + text("0123", 1+r.IntN(2)) + text("ac", r.IntN(2))
		}
		switch r.IntN(3) {
		case 0:
			m[key] = text("ab 01:#-'\"\n\\", r.IntN(12))
		case 1:
			m["example.com/"+key] = odd[r.IntN(len(odd))]
		default:
			m[key] = key
		}
	}
	return m
}

// cyclic reports whether the order of a map's keys has a cycle.
func cyclic(m map[string]string) bool {
	keys := slices.Collect(maps.Keys(m))
	for _, a := range keys {
		for _, b := range keys {
			for _, c := range keys {
				if keyLess(a, b) && keyLess(b, c) && keyLess(c, a) {
					return true
				}
			}
		}
	}
	return false
}

// manyMaps renders 10,000 pods with random labels, annotations and feature gates, and
// returns a hash of all of them. check may be nil.
func manyMaps(t *testing.T, check func(c *spec.Cluster, text []byte)) string {
	t.Helper()
	r, all := rand.New(rand.NewPCG(1, 2)), sha256.New()
	c := cluster()
	c.Layout = spec.StaticPod
	for range 10000 {
		c.Pod.Labels, c.Pod.Annotations = randomMap(r), randomMap(r)
		c.Pod.Limits = map[string]string{"cpu": "1", "memory": "1Gi"}
		var gates []string
		for name := range randomMap(r) {
			gates = append(gates, name+"=true")
		}
		slices.Sort(gates) // as gen/config does
		c.Flags["feature-gates"] = spec.Setting{Value: strings.Join(gates, ",")}
		p := plan.Host{Node: &c.Nodes[0], Flags: policy.NodeFlags(c, &c.Nodes[0])}
		text, err := pod(c, p, "g")
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		if check != nil {
			check(c, text)
		}
	}
	return fmt.Sprintf("%x", all.Sum(nil))
}

const again = "KCMGEN_TEST_AGAIN"

// TestOneMapOneText: the same maps have the same bytes in another process, where Go
// iterates over them in another order, and are parsed back unchanged.
func TestOneMapOneText(t *testing.T) {
	if os.Getenv(again) != "" {
		fmt.Println("sum " + manyMaps(t, nil))
		return
	}
	circles := 0
	here := manyMaps(t, func(c *spec.Cluster, text []byte) {
		for _, m := range []map[string]string{c.Pod.Labels, c.Pod.Annotations} {
			if cyclic(m) {
				circles++
			}
		}
		p, err := artefact.ParsePod(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !maps.Equal(p.Labels, c.Pod.Labels) || !maps.Equal(p.Annotations, c.Pod.Annotations) {
			t.Fatalf("labels %q, annotations %q are read back as %q, %q from\n%s", c.Pod.Labels, c.Pod.Annotations, p.Labels, p.Annotations, text)
		}
	})
	t.Logf("%d of 20000 maps have keys in a circle", circles)
	if circles < 100 {
		t.Errorf("only %d maps have keys with a cycle", circles)
	}
	for range 2 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOneMapOneText$")
		cmd.Env = append(os.Environ(), again+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !strings.Contains(string(out), "sum "+here+"\n") {
			t.Errorf("another process has other bytes: %s, not %s", out, here)
		}
	}
}

// TestYAMLAsBefore: a map without a cycle has the same bytes as with sigs.k8s.io/yaml, so
// that no host gets a new generation from a newer kcmgen; and the order of any two keys
// is that library's.
func TestYAMLAsBefore(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	compared := 0
	for range 3000 {
		m := randomMap(r)
		if cyclic(m) {
			continue
		}
		compared++
		sameYAML(t, map[string]any{"metadata": map[string]any{"annotations": m, "n": []any{m, 1 << 53, 1.5, true, nil}}})
	}
	if compared < 1500 {
		t.Errorf("only %d maps were compared", compared)
	}
	keys := slices.Concat([]string{"", "a", "b", "Z", "é", "-", "_", ".", "/"}, []string{"10", "1a", "2b", "010", "0100", "00", "a0", "a00", "a1", "a١", "a٢", "9223372036854775807", "9223372036854775808", "18446744073709551617"})
	for _, a := range keys {
		for _, b := range keys {
			for _, prefix := range []string{"", "1", "x/0"} {
				sameYAML(t, map[string]string{prefix + a: "1", prefix + b: "2"})
			}
		}
	}
	for _, s := range odd {
		sameYAML(t, s)
		if s != "<<" { // a merge key for the encoder; no name in Kubernetes is one
			sameYAML(t, map[string]string{s: s})
		}
	}
	sameYAML(t, map[string]any{})
}

// sameYAML compares with that library. Values that it refuses or damages, since it parses
// JSON as YAML, must be parsed back unchanged instead.
func sameYAML(t *testing.T, v any) {
	t.Helper()
	got, err := encodeYAML(v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	meant, _ := json.Marshal(v)
	reads := func(text []byte) bool {
		is, err := yaml.YAMLToJSON(text)
		return err == nil && sameJSON(is, meant)
	}
	want, err := yaml.Marshal(v)
	if err == nil && reads(want) && string(got) != string(want) {
		t.Fatalf("%#v is written\n%s\nsigs.k8s.io/yaml writes\n%s", v, got, want)
	}
	if !reads(got) {
		t.Fatalf("%#v is parsed back differently from\n%s", v, got)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// TestNoCycleInKubeconfigs: clientcmd writes kubeconfigs with that library itself, from
// types whose keys are known: they have no cycle.
func TestNoCycleInKubeconfigs(t *testing.T) {
	if latest.Version != "v1" {
		t.Fatalf("kubeconfigs have version %s", latest.Version)
	}
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		keys := map[string]string{}
		for _, f := range reflect.VisibleFields(typ) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				keys[name] = ""
			}
			look(f.Type)
		}
		if cyclic(keys) {
			t.Errorf("the keys of %s have a cycle", typ)
		}
	}
	look(reflect.TypeFor[clientcmdv1.Config]())
	if len(seen) < 6 {
		t.Errorf("only %d types were seen", len(seen))
	}
}
