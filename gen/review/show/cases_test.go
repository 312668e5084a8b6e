package show_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/page"
	"github.com/kcmgen/kcmgen/gen/review/show"
)

var update = flag.Bool("update", false, "rewrite testdata")

// base is the cluster before each change.
const base = `package prod

import "github.com/kcmgen/kcmgen/schemas/v1_36"

cluster: v1_36.#Cluster & {
	name:    "prod"
	version: "v1.36.1"
	layout:  "systemd"
	nodes: {
		"cp-1": address: "10.0.0.11"
		"cp-2": address: "10.0.0.12"
		"cp-3": address: "10.0.0.13"
	}
	networks: {
		pods: ["10.200.0.0/16"]
		services: ["10.32.0.0/16"]
		nodes: ["10.0.0.0/24"]
	}
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
	flags: {
		v: 2
		"kube-api-qps":              30
		"node-monitor-grace-period": "40s"
		controllers: ["*", "tokencleaner", "bootstrapsigner"]
	}
	unit: Service: MemoryMax: "1G"
}
`

// cases are typical changes: what is replaced in base, and by what.
var cases = []struct {
	name, old, new string
	class          string // that its riskiest change has
}{
	{"verbosity", "v: 2", "v: 4", "observability"},
	{"threads", "v: 2", "v: 2\n\t\t\"concurrent-gc-syncs\": 40", "load"},
	{"ended-pods", "v: 2", "v: 2\n\t\t\"terminated-pod-gc-threshold\": 500", "deletion"},
	{"gate", "v: 2", "v: 2\n\t\t\"feature-gates\": {CloudControllerManagerWatchBasedRoutesReconciliation: true}", ""},
	{"requests", `"kube-api-qps":              30`, `"kube-api-qps":              100`, "load"},
	{"eviction", `"40s"`, `"20s"`, "eviction-timing"},
	{"pods-shrunk", "10.200.0.0/16", "10.200.0.0/18", "bootstrap"},
	{"lifetime", `layout:  "systemd"`, "layout:  \"systemd\"\n\tpki: profiles: serving: expiry: \"720h\"", "certificates"},
	{"names", `"cp-1": address: "10.0.0.11"`, "\"cp-1\": address: \"10.0.0.11\"\n\t\t\"cp-1\": addresses: [\"10.1.0.11\"]", "certificates"},
	{"credentials", "v: 2", "v: 2\n\t\t\"use-service-account-credentials\": false", "access"},
	{"controllers", `"tokencleaner", `, "", "controllers"},
	{"election", "v: 2", "v: 2\n\t\t\"leader-elect-lease-duration\": \"30s\"", "coordinate-instances"},
	{"authority", `layout:  "systemd"`, "layout:  \"systemd\"\n\tpki: ca: subject: CN: \"another\"", "trust"},
	{"node-gone", "\t\t\"cp-3\": address: \"10.0.0.13\"\n", "", "key-reach"},
	{"node-renamed", `"cp-3"`, `"cp-4"`, "certificates"},
	{"upgrade", "36", "37", "version"},
	{"sandbox", `MemoryMax: "1G"`, "MemoryMax: \"1G\"\n\tunit: Service: PrivateTmp: \"no\"", "sandbox"},
	{"renamed", `"prod"`, `"live"`, ""},
	{"layout", `layout:  "systemd"`, `layout:  "staticPod"`, ""},
}

// describe describes a cluster in CUE.
func describe(t testing.TB, text string) *review.Cluster {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"cue.mod/module.cue": "module: \"example.org/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n", "prod/cluster.cue": text,
	} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	res, err := config.Load(context.Background(), dir, []string{"./prod"}, config.Options{})
	if err != nil || len(res.Clusters) != 1 {
		t.Fatalf("%v, %+v", err, res)
	}
	d, err := review.Describe(res.Clusters[0], review.Places{Root: dir, Cwd: dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Cluster
}

func compare(old, now []*review.Cluster) *review.Difference {
	return review.Compare(&review.Sources{Side: review.Side{Name: "main"}, Clusters: old}, &review.Sources{Side: review.Side{Name: "HEAD"}, Clusters: now},
		func(old, now *review.Cluster) []string {
			return []string{"the notes of the way from " + old.Kubernetes + " to " + now.Kubernetes}
		})
}

func write(t testing.TB, d *review.Difference, format string, o show.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := show.Write(&b, d, format, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sameOnEachPage is what a page has whatever it shows.
var sameOnEachPage = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|<meta http-equiv[^>]*>`)

// html is the page of a difference, without what all pages have.
func html(t testing.TB, d *review.Difference) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, d, nil, page.Options{}); err != nil {
		t.Fatal(err)
	}
	return sameOnEachPage.ReplaceAllString(b.String(), "")
}

// TestCases holds the whole output of each change against a file, in every format.
func TestCases(t *testing.T) {
	old := describe(t, base)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.ReplaceAll(base, c.old, c.new)
			if text == base {
				t.Fatalf("%q isn't in the cluster", c.old)
			}
			d := compare([]*review.Cluster{old}, []*review.Cluster{describe(t, text)})
			if len(d.Clusters) != 1 || len(d.Clusters[0].Changes) == 0 {
				t.Fatalf("%d clusters differ", len(d.Clusters))
			}
			if first := d.Clusters[0].Changes[0]; c.class != "" && !slices.Contains(first.Classes, c.class) {
				t.Errorf("the first change is %+v, want class %s", first, c.class)
			}
			for _, format := range show.Formats() {
				golden(t, filepath.Join("testdata", c.name+"."+format), write(t, d, format, show.Options{}))
			}
			golden(t, filepath.Join("testdata", c.name+".html"), html(t, d))
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s: with -update it would be\n%s", file, got)
	}
}
