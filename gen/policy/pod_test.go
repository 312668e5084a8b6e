package policy_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestMerge: null takes away, an object is merged, anything else replaces. Neither input
// changes.
func TestMerge(t *testing.T) {
	for _, tc := range []struct{ base, over, want string }{
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{"a":1}`, `{"a":2,"b":3}`, `{"a":2,"b":3}`},
		{`{"a":1,"b":2}`, `{"a":null,"c":null}`, `{"b":2}`},
		{`{"a":{"b":1,"c":2}}`, `{"a":{"b":null,"d":3}}`, `{"a":{"c":2,"d":3}}`},
		{`{"a":[1,2]}`, `{"a":[3]}`, `{"a":[3]}`},
		{`{"a":1}`, `{"a":{"b":null,"c":1}}`, `{"a":{"c":1}}`},
		{`{}`, `{"a":{"b":null}}`, `{"a":{}}`},
	} {
		base, over := object(t, tc.base), object(t, tc.over)
		was := maps.Clone(base)
		if got := text(t, policy.Merge(base, over)); got != tc.want {
			t.Errorf("%s with %s over it is %s, want %s", tc.base, tc.over, got, tc.want)
		}
		if !reflect.DeepEqual(base, was) || text(t, over) != text(t, object(t, tc.over)) {
			t.Errorf("%s or %s changed", tc.base, tc.over)
		}
	}
}

// TestPodUser: who a pod runs as, and who owns its files.
func TestPodUser(t *testing.T) {
	for name, tc := range map[string]struct {
		pod, container string
		change         func(*spec.Cluster)
		owner          string
		nonRoot        bool
	}{
		"by default":                 {owner: "65520:65520", nonRoot: true},
		"another user":               {pod: `{"runAsUser": 1000}`, owner: "1000:1000", nonRoot: true},
		"another group":              {pod: `{"runAsGroup": 7}`, owner: "65520:7", nonRoot: true},
		"no group":                   {pod: `{"runAsUser": 1000, "runAsGroup": null}`, owner: "1000:0", nonRoot: true},
		"root":                       {pod: `{"runAsUser": 0}`, owner: "root:root"},
		"root's group":               {pod: `{"runAsUser": 0, "runAsGroup": 5}`, owner: "0:5"},
		"the image's":                {pod: `{"runAsUser": null}`, owner: "root:root"},
		"the container's":            {pod: `{"runAsUser": 1000}`, container: `{"runAsUser": 2000}`, owner: "2000:2000", nonRoot: true},
		"a root container":           {pod: `{"runAsUser": 1000}`, container: `{"runAsUser": 0}`, owner: "root:root"},
		"nothing for the container":  {container: `{"runAsUser": null}`, owner: "65520:65520", nonRoot: true},
		"without hardening":          {change: func(c *spec.Cluster) { c.Pod.Hardened = false }, owner: "root:root"},
		"a user without hardening":   {pod: `{"runAsUser": 1000}`, change: func(c *spec.Cluster) { c.Pod.Hardened = false }, owner: "1000:0"},
		"a unit":                     {pod: `{"runAsUser": 1000}`, change: func(c *spec.Cluster) { c.Layout = spec.Systemd }, owner: "root:root", nonRoot: true},
		"without generations":        {change: func(c *spec.Cluster) { c.Generations = false }, owner: "root:root"},
		"a user without generations": {pod: `{"runAsUser": 1000}`, change: func(c *spec.Cluster) { c.Generations = false }, owner: "1000:1000", nonRoot: true},
		"a log on the host":          {change: func(c *spec.Cluster) { c.Pod.Volumes = []spec.Volume{{Name: "l", HostPath: "/l", MountPath: "/l"}} }, owner: "root:root"},
		"a directory that it reads": {change: func(c *spec.Cluster) {
			c.Pod.Volumes = []spec.Volume{{Name: "l", HostPath: "/l", MountPath: "/l", ReadOnly: true}}
		}, owner: "65520:65520", nonRoot: true},
		"public files in the image":   {change: func(c *spec.Cluster) { c.Image = &spec.Image{Copy: []spec.Role{spec.CA}} }, owner: "65520:65520", nonRoot: true},
		"a key in the image":          {change: func(c *spec.Cluster) { c.Image = &spec.Image{Copy: []spec.Role{spec.CAKey}} }, owner: "root:root"},
		"a directory for certificate": {change: func(c *spec.Cluster) { c.Flags["cert-dir"] = spec.Setting{Value: "/var/lib/kcm"} }, owner: "65520:65520", nonRoot: true},
		"a directory of plugins":      {change: func(c *spec.Cluster) { c.Flags["flex-volume-plugin-dir"] = spec.Setting{Value: "/usr/libexec"} }, owner: "65520:65520", nonRoot: true},
		"a file of the user's own":    {change: func(c *spec.Cluster) { c.Flags["cloud-config"] = spec.Setting{Value: "/etc/cloud.conf"} }, owner: "root:root"},
		"a log that isn't written":    {change: func(c *spec.Cluster) { c.Flags["log-file"] = spec.Setting{Value: "/l/kcm.log"} }, owner: "65520:65520", nonRoot: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &spec.Cluster{
				Layout: spec.StaticPod, Generations: true, Flags: spec.Settings{},
				Paths: spec.Paths{CA: "/k/ca.crt", CAKey: "/k/ca.key"},
				Pod:   spec.Pod{Hardened: true, HostNetwork: true, Spec: map[string]any{}, Container: map[string]any{}},
			}
			for flag, at := range map[string]string{"cluster-signing-cert-file": "/k/ca.crt", "cluster-signing-key-file": "/k/ca.key"} {
				c.Flags[flag] = spec.Setting{Value: at}
			}
			if tc.pod != "" {
				c.Pod.Spec["securityContext"] = object(t, tc.pod)
			}
			if tc.container != "" {
				c.Pod.Container["securityContext"] = object(t, tc.container)
			}
			if tc.change != nil {
				tc.change(c)
			}
			fs := policy.NodeFlags(c, &spec.Node{})
			if got := policy.Owner(c, fs); got != tc.owner {
				t.Errorf("the owner is %s, want %s", got, tc.owner)
			}
			if got := policy.PodSecurity(c, fs).Pod["runAsNonRoot"] == true; got != tc.nonRoot {
				t.Errorf("runAsNonRoot is %v", got)
			}
		})
	}
}

// TestPodFields: what came with a generation of defaults is in it and in later ones, and not
// in a pod that takes no default.
func TestPodFields(t *testing.T) {
	for _, c := range []struct {
		pin      spec.Defaults
		hardened bool
		want     int
	}{
		{"", true, 1}, {spec.Defaults2026x2, true, 1}, {spec.Defaults2026x1, true, 0}, {"", false, 0},
	} {
		cluster := &spec.Cluster{Defaults: c.pin, Pod: spec.Pod{Hardened: c.hardened}}
		if got := policy.PodFields(cluster); len(got) != c.want {
			t.Errorf("%q, hardened %v: %v", c.pin, c.hardened, got)
		}
	}
}

func TestDefaultsBetween(t *testing.T) {
	for _, c := range []struct {
		from, to spec.Defaults
		want     int
	}{
		{spec.Defaults2026x1, spec.Defaults2026x2, 1},
		{spec.Defaults2026x2, spec.Defaults2026x1, 0},
		{spec.Defaults2026x1, spec.Defaults2026x1, 0},
		{"", spec.Defaults2026x2, 0},
		{spec.Defaults2026x1, "2099.1", 0},
	} {
		if got := policy.DefaultsBetween(c.from, c.to); len(got) != c.want {
			t.Errorf("from %q to %q: %v", c.from, c.to, got)
		}
	}
}
