package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// loadAll loads every package of a module. It returns the clusters by the package's
// directory, and the rule for each that is refused.
func loadAll(t testing.TB, dir string) (map[string]*gen.Vetted, map[string]string) {
	t.Helper()
	res, err := config.Load(t.Context(), dir, []string{"./..."}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	refused, fit := map[string]string{}, map[string]*gen.Vetted{}
	for _, f := range res.Findings {
		refused[strings.Split(filepath.ToSlash(f.Pos.File), "/")[0]] = f.Rule
	}
	for _, c := range res.Clusters {
		v, name := gen.Vet(c, "", time.Now()), filepath.Base(c.Dir)
		fit[name] = v
		for _, f := range v.Findings {
			if f.Severity == finding.Error && f.Waived == "" {
				refused[name] = f.Rule
				delete(fit, name)
			}
		}
	}
	return fit, refused
}

// TestValuesRefused: vet refuses control characters in flags and directives, so that no
// value can add a line, an argument or a key.
func TestValuesRefused(t *testing.T) {
	packages, meant, fault := map[string]string{}, map[string]string{}, map[string]string{}
	for i, r := range refusedRunes() {
		v := quoted("a" + string(r) + "ExecStartPre=/bin/sh")
		for kind, field := range map[string]string{
			"flag": `flags: "zz-x": ` + v, "override": `nodes: n1: flags: "zz-x": ` + v, "directive": `unit: Service: Environment: ` + v,
			"unit": `unit: Unit: Description: ` + v, "list": `unit: Install: WantedBy: ["x.target", ` + v + `]`,
		} {
			name := fmt.Sprintf("%s%d", kind, i)
			packages[name] = cluster(name, "systemd", oneNode+field)
			meant[name], fault[name] = fmt.Sprintf("%s %q", kind, r), refusal(r)
		}
	}
	dir := module(t, packages)
	_, refused := loadAll(t, dir)
	n := 0
	passed := map[string][]string{}
	for name, what := range meant {
		if refused[name] != "value-unsafe" {
			passed[fault[name]] = append(passed[fault[name]], what)
			continue
		}
		n++
	}
	for fault, what := range passed {
		slices.Sort(what)
		t.Errorf("%s: value-unsafe lets pass: %s", fault, strings.Join(what, ", "))
	}
	t.Logf("%d of %d values refused", n, len(meant))
	for _, name := range []string{"flag0", "flag10", "directive10", "unit13", "list10", "override10"} {
		r := execute(t, dir, nil, kcmgen, "export", "./"+name)
		if _, err := os.Stat(filepath.Join(dir, "out")); r.code != 3 || !strings.Contains(r.err, "[value-unsafe]") || err == nil {
			t.Errorf("%s: exit %d, out: %v\n%s", meant[name], r.code, err, r.err)
		}
	}
}

// TestBackslashAtTheEnd: a directive can't be continued by the next line.
func TestBackslashAtTheEnd(t *testing.T) {
	packages := map[string]string{}
	for i, v := range []string{`a\`, `\`, `a \ `, "a\\\u00a0\\", `a\\`} {
		name := fmt.Sprint("c", i)
		packages[name] = cluster(name, "systemd", oneNode+"unit: Service: Environment: "+quoted(v))
	}
	_, refused := loadAll(t, module(t, packages))
	for name, text := range packages {
		if refused[name] != "value-unsafe" {
			t.Errorf("%q: %s", refused[name], text)
		}
	}
}

// TestAnnotationsRefusedOrKept: vet refuses what YAML can't express, and all else is in the
// pod as it was written.
func TestAnnotationsRefusedOrKept(t *testing.T) {
	packages, value := map[string]string{}, map[string]string{}
	for i, r := range append(refusedRunes(), '\ufeff') {
		name := fmt.Sprint("c", i)
		value[name] = "a" + string(r) + "b"
		packages[name] = cluster(name, "staticPod", oneNode+"pod: annotations: a: "+quoted(value[name]))
	}
	fit, refused := loadAll(t, module(t, packages))
	var faults []string
	for name, want := range value {
		if refused[name] == "value-unsafe" {
			continue
		}
		if fit[name] == nil {
			t.Errorf("%q: the rule is %q, not value-unsafe", want, refused[name])
			continue
		}
		text, err := startText(t, fit[name])
		if err != nil {
			faults = append(faults, fmt.Sprintf("%q: %v", want, err))
			continue
		}
		file := filepath.Join(t.TempDir(), "pod.yaml")
		write(t, file, text)
		pod := fromJSON(t, kubectlPod(t, file).out).(map[string]any)
		if got := pod["metadata"].(map[string]any)["annotations"].(map[string]any)["a"]; got != want {
			faults = append(faults, fmt.Sprintf("%q came through as %q", want, got))
		}
	}
	slices.Sort(faults)
	if len(faults) > 0 {
		t.Errorf("%d of %d: %s …", len(faults), len(value), strings.Join(faults[:min(4, len(faults))], "; "))
	}
}

// TestLongValues: a value too long for a line of a unit is refused, or arrives unchanged.
func TestLongValues(t *testing.T) {
	for name, value := range map[string]string{"long": strings.Repeat("a", 2100), "quotes": strings.Repeat(`"`, 1500), "very long": strings.Repeat("ab ", 30000)} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, map[string]string{"c": cluster("c", "systemd", oneNode+`flags: "zz-1": `+quoted(value))})
			switch r := execute(t, dir, nil, kcmgen, "export", "./c"); r.code {
			case 0:
				sameArgs(t, systemdArgs(t, read(t, filepath.Join(dir, "out/c/nodes/n1", seedUnit))), []string{"--zz-1=" + value})
			case 3:
				t.Logf("refused: %.200s", r.err)
			default:
				t.Errorf("exit %d: %s", r.code, r.err)
			}
		})
	}
}
