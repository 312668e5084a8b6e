package steps

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func version(t *testing.T, s string) spec.Version {
	t.Helper()
	v, err := spec.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func cluster(t *testing.T, v string, all, node map[string]string) *spec.Cluster {
	settings := func(m map[string]string) spec.Settings {
		out := spec.Settings{}
		for name, value := range m {
			if value == "null" {
				out[name] = spec.Setting{Omit: true}
				continue
			}
			out[name] = spec.Setting{Value: value}
		}
		return out
	}
	return &spec.Cluster{
		Name: "c", Version: version(t, v), Layout: spec.Systemd, Flags: settings(all),
		Nodes: []spec.Node{{Name: "n", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Flags: settings(node)}},
	}
}

// lines returns the edits and what has to be settled, one a line, with the minor version
// that needs it; without the edits that every plan ends with.
func lines(p *Plan) []string {
	var out []string
	for _, s := range p.Steps {
		for _, e := range s.Edits {
			if e.Field != "version" && e.Field != "" {
				out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s %s>%s", s.Minor, e.Op, e.Field, e.From, e.To)))
			}
		}
		for _, n := range s.Notes {
			if n.Blocks {
				out = append(out, fmt.Sprintf("%d settle %s", s.Minor, n.Field))
			}
		}
	}
	return out
}

func TestNew(t *testing.T) {
	type m = map[string]string
	for name, tc := range map[string]struct {
		from, to string
		all      m
		node     m
		want     []string
		left     m // what the cluster's own flags come to
	}{
		"nothing":       {"v1.20.1", "v1.37.0", m{"v": "2"}, nil, nil, m{"v": "2"}},
		"removed":       {"v1.26.1", "v1.27.0", m{"pod-eviction-timeout": "6m"}, nil, []string{"27 drop flags.\"pod-eviction-timeout\" 6m>"}, m{}},
		"removed later": {"v1.25.1", "v1.26.0", m{"pod-eviction-timeout": "6m"}, nil, nil, m{"pod-eviction-timeout": "6m"}},
		"removed long ago": {
			"v1.30.1", "v1.31.0",
			m{"logtostderr": "true"},
			nil,
			[]string{"31 drop flags.logtostderr true>"},
			m{},
		},
		"on the same version": {"v1.37.0", "v1.37.0", m{"port": "0"}, nil, []string{"37 drop flags.port 0>"}, m{}},
		"taken away":          {"v1.23.1", "v1.24.0", m{"port": "null"}, nil, []string{"24 drop flags.port >"}, m{}},
		"without effect":      {"v1.20.1", "v1.21.0", m{"deleting-pods-qps": "1"}, nil, []string{"21 drop flags.\"deleting-pods-qps\" 1>"}, m{}},
		"without effect from a version on": {
			"v1.29.1", "v1.31.0",
			m{"allow-untagged-cloud": "true"},
			nil,
			[]string{"31 drop flags.\"allow-untagged-cloud\" true>"},
			m{},
		},
		"of no version": {"v1.20.1", "v1.37.0", m{"leader-elekt": "true"}, nil, nil, m{"leader-elekt": "true"}},
		"renamed": {
			"v1.20.1", "v1.25.0",
			m{"experimental-cluster-signing-duration": "1h"},
			nil,
			[]string{"21 rename flags.\"experimental-cluster-signing-duration\" >cluster-signing-duration"},
			m{"cluster-signing-duration": "1h"},
		},
		"renamed, and said twice": {
			"v1.20.1", "v1.25.0",
			m{"experimental-cluster-signing-duration": "1h", "cluster-signing-duration": "1h"},
			nil,
			[]string{"21 drop flags.\"experimental-cluster-signing-duration\" 1h>"},
			m{"cluster-signing-duration": "1h"},
		},
		"renamed, and said otherwise": {
			"v1.20.1", "v1.25.0",
			m{"experimental-cluster-signing-duration": "1h", "cluster-signing-duration": "2h"},
			nil,
			[]string{"21 settle flags.\"experimental-cluster-signing-duration\""},
			m{"cluster-signing-duration": "2h"},
		},
		"renamed, and a node says it otherwise": {
			"v1.20.1", "v1.25.0",
			m{"experimental-cluster-signing-duration": "1h"},
			m{"cluster-signing-duration": "2h"},
			[]string{"21 settle flags.\"experimental-cluster-signing-duration\""},
			m{},
		},
		"renamed on a node": {
			"v1.20.1", "v1.25.0",
			m{"cluster-signing-duration": "2h"},
			m{"experimental-cluster-signing-duration": "1h"},
			[]string{"21 rename nodes.n.flags.\"experimental-cluster-signing-duration\" >cluster-signing-duration"},
			m{"cluster-signing-duration": "2h"},
		},
		"controllers": {
			"v1.27.1", "v1.37.0", m{"controllers": "*,-csrcleaner,-service"}, nil, []string{
				"28 rename element flags.controllers -csrcleaner>-certificatesigningrequest-cleaner-controller",
				"28 rename element flags.controllers -service>-service-lb-controller",
				"37 drop element flags.controllers -service-lb-controller>",
			}, m{"controllers": "*,-certificatesigningrequest-cleaner-controller"},
		},
		"the only controller": {"v1.36.1", "v1.37.0", m{"controllers": "-service"}, nil, []string{"37 settle flags.controllers"}, m{}},
		"gates": {
			"v1.22.1", "v1.27.0", m{"feature-gates": "GenericEphemeralVolume=true,AllAlpha=false,kube:CSIMigrationAWS=true"}, nil, []string{
				"23 drop element flags.\"feature-gates\" GenericEphemeralVolume=true>",
				"25 drop element flags.\"feature-gates\" kube:CSIMigrationAWS=true>",
			}, m{"feature-gates": "AllAlpha=false"},
		},
		"the only gate": {
			"v1.22.1", "v1.23.0",
			m{"feature-gates": "GenericEphemeralVolume=true"},
			nil,
			[]string{"23 drop flags.\"feature-gates\" GenericEphemeralVolume=true>"},
			m{},
		},
		"a gate that is locked otherwise": {
			"v1.22.1", "v1.23.0",
			m{"feature-gates": "GenericEphemeralVolume=false"},
			nil,
			[]string{"23 settle flags.\"feature-gates\""},
			m{"feature-gates": ""},
		},
		"the only gate of a node": {
			"v1.22.1", "v1.23.0",
			m{"feature-gates": "AllAlpha=true"},
			m{"feature-gates": "GenericEphemeralVolume=true"},
			[]string{"23 settle nodes.n.flags.\"feature-gates\""},
			m{"feature-gates": "AllAlpha=true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t, tc.from, tc.all, tc.node)
			p, err := New(c, version(t, tc.to))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines(p)); diff != "" {
				t.Errorf("edits (-want +got):\n%s", diff)
			}
			left := cluster(t, tc.to, tc.left, nil).Flags
			if diff := cmp.Diff(left, p.Expected["flags"]); diff != "" {
				t.Errorf("what is left (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(cluster(t, tc.from, tc.all, tc.node), c, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("the cluster itself was changed:\n%s", diff)
			}
		})
	}
}

// TestNoTraces: from every version to every later one, no plan leaves a flag, a controller
// or a gate that the target doesn't know, and a second plan is empty.
func TestNoTraces(t *testing.T) {
	minors := flags.Minors()
	target := minors[len(minors)-1]
	for _, minor := range minors {
		m := flags.Of(minor)
		all := map[string]string{}
		for _, d := range m.Flags {
			all[d.Name] = "x"
		}
		names := []string{"*"}
		for _, c := range m.Controllers {
			names = append(names, "-"+c.Name)
		}
		var gates []string
		for _, g := range m.FeatureGates {
			gates = append(gates, g.Name+"=true")
		}
		all[controllersFlag], all[gatesFlag] = strings.Join(names, ","), strings.Join(gates, ",")
		c := cluster(t, m.Version, all, nil)
		p, err := New(c, version(t, flags.Of(target).Version))
		if err != nil {
			t.Fatal(err)
		}
		c.Version, c.Flags = p.To, p.Expected["flags"]
		for name := range c.Flags {
			if _, ok := flags.Of(target).Flag(name); !ok {
				t.Errorf("v1.%d: --%s is left", minor, name)
			}
		}
		for _, e := range strings.Split(c.Flags[controllersFlag].Value, ",") {
			if got, ok := flags.Of(target).Controller(strings.TrimPrefix(e, "-")); e != "*" && (!ok || "-"+got.Name != e) {
				t.Errorf("v1.%d: controller %s is left", minor, e)
			}
		}
		for _, e := range strings.Split(c.Flags[gatesFlag].Value, ",") {
			if g, ok := flags.Of(target).Gate(gateName(e)); !ok || g.Locked {
				t.Errorf("v1.%d: gate %s is left", minor, e)
			}
		}
		again, err := New(c, p.To)
		if err != nil || len(lines(again)) > 0 {
			t.Errorf("v1.%d, again: %v %q", minor, err, lines(again))
		}
		if field, ok := p.Settled(c); !ok {
			t.Errorf("v1.%d: %s isn't what it should be", minor, field)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string][3]string{
		"older":           {"v1.30.2", "v1.29.9", "newer"},
		"an older patch":  {"v1.30.2", "v1.30.1", "newer"},
		"its candidate":   {"v1.30.2", "v1.30.2-rc.1", "newer"},
		"from nowhere":    {"v1.19.1", "v1.20.1", "no data for it: it begins with v1.20"},
		"to nowhere":      {"v1.30.2", "v1.99.0", "no data of v1.99"},
		"from the future": {"v1.99.2", "v1.37.0", "no data"},
	} {
		if _, err := New(cluster(t, tc[0], nil, nil), version(t, tc[1])); err == nil || !strings.Contains(err.Error(), tc[2]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDefaults: a changed default is noted for the nodes that don't set the flag.
func TestDefaults(t *testing.T) {
	noted := func(all, node map[string]string) bool {
		p, err := New(cluster(t, "v1.31.1", all, node), version(t, "v1.32.0"))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Steps[0].Notes {
			if strings.Contains(n.Text, `--node-monitor-grace-period becomes "50s"`) {
				return true
			}
		}
		return false
	}
	set := map[string]string{"node-monitor-grace-period": "40s"}
	if !noted(nil, nil) || noted(set, nil) || noted(nil, set) {
		t.Error("noted for the wrong nodes")
	}
}
