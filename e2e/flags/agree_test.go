package flags

import (
	"encoding/json"
	option "flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The number of sets of flags for each version, and the seed: go test -run
// Agreement -args -sets 3000 -seed 7 tries more.
var (
	sets = option.Int("sets", 300, "random sets of flags for each version")
	seed = option.Uint64("seed", 4, "what they are made from")
)

// reviewed are known disagreements: a pattern for the flags, and why each side is right in
// its way.
var reviewed = []struct{ version, pattern, why string }{}

// verdict is the result of checking a set of flags.
type verdict struct {
	takes  bool
	reason string
}

// TestAgreement: kcmgen and kube-controller-manager agree about random sets of flags. The
// program parses them for --version, and validates them before it finds that its kubeconfig
// is missing.
func TestAgreement(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			program := kubernetes(t, version, controllerManager)
			g := newGenerator(t, version)
			if testing.Short() {
				*sets = min(*sets, 80)
			}
			all := make([][]string, *sets)
			for i := range all {
				all[i] = g.set(i)
			}
			typed := packagesSay(t, version, all)
			ours, theirs := make([]verdict, len(all)), make([]verdict, len(all))
			var wg sync.WaitGroup
			busy := make(chan struct{}, 2)
			for i, args := range all {
				busy <- struct{}{}
				wg.Go(func() {
					ours[i] = kcmgenSays(t, version, args)
					theirs[i] = programSays(t, program, args)
					<-busy
				})
			}
			wg.Wait()
			compare(t, version, all, ours, typed, theirs)
		})
	}
}

func compare(t *testing.T, version string, all [][]string, ours, typed, theirs []verdict) {
	taken, refused, excused := 0, 0, map[int]bool{}
	for i, args := range all {
		if theirs[i].takes {
			taken++
		} else {
			refused++
		}
		if ours[i].takes == theirs[i].takes && (odd(i) || typed[i].takes == theirs[i].takes) {
			continue
		}
		if n := slices.IndexFunc(reviewed, func(r struct{ version, pattern, why string }) bool {
			return r.version == version && regexp.MustCompile(r.pattern).MatchString(strings.Join(args, " "))
		}); n >= 0 {
			excused[n] = true
			continue
		}
		t.Errorf("set %d: %q\nkcmgen flags --check takes it: %v %s\nkcmgen vet, typed, takes it: %v %s\n%s takes it: %v %s",
			i, args, ours[i].takes, ours[i].reason, typed[i].takes, typed[i].reason, controllerManager, theirs[i].takes, theirs[i].reason)
	}
	t.Logf("%s takes %d sets and refuses %d; %d reviewed disagreements", version, taken, refused, len(excused))
	if taken < len(all)/3 || refused < len(all)/3 || len(excused) > 5 {
		t.Errorf("%d sets taken and %d refused, %d disagreements reviewed: too few for a test, or too many", taken, refused, len(excused))
	}
}

// kcmgenSays checks the flags with kcmgen flags --check.
func kcmgenSays(t *testing.T, version string, args []string) verdict {
	lines := ""
	for _, a := range args {
		lines += "'" + a + "'\n"
	}
	r := execute(t, t.TempDir(), lines, kcmgen, "flags", "--check", "-", "--version", minorOf(version), "--format", "json")
	var doc struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
		t.Errorf("%q: %v\n%s", args, err, r.err)
	}
	return judged(version, doc.Findings)
}

// finding is a finding of kcmgen.
type finding struct{ Rule, Severity, Message, Cluster string }

// unseen matches findings about faults that show after validation: when files are read, the
// port is opened, or the leader starts the controllers.
func unseen(version string) *regexp.Regexp {
	later := []string{
		"^(leader-elect-timing|cluster-cidr-missing|node-mask-size): ", "^cidr-invalid: (cluster-cidr |.* not a CIDR)",
		"^(workers-none|controllers-none|period-zero|node-monitor-timing|rate-invalid): ", "^(range-refused|node-range-small|tls-http2|duration-negative|coordinated-lease|leader-elect-differs|content-type): ", "^file-pair: --(tls|cluster-signing-(cert|key)-file)", "^flag-value: tls-", "^flag-conflict: --enable-garbage-collector ",
	}
	if version == "v1.28.15" { // the clouds were in it
		later = append(later, "^flag-value: (cloud-provider|cidr-allocator-type) ")
	}
	return regexp.MustCompile(strings.Join(later, "|"))
}

func judged(version string, findings []finding) verdict {
	for _, f := range findings {
		if reason := f.Rule + ": " + f.Message; f.Severity == "error" && !unseen(version).MatchString(reason) {
			return verdict{false, reason}
		}
	}
	return verdict{true, ""}
}

// programSays runs kube-controller-manager with a missing kubeconfig: if it accepts the
// flags, it fails only there. With --version it only parses them.
func programSays(t *testing.T, program string, args []string) verdict {
	dir := t.TempDir()
	absent := filepath.Join(dir, "absent.kubeconfig")
	r := execute(t, dir, "", program, append(slices.Clone(args), "--kubeconfig="+absent)...)
	switch {
	case r.code == 0:
		t.Errorf("%q: it ran without a kubeconfig", args)
	case strings.Contains(r.err, "stat "+absent+":"):
		return verdict{true, ""}
	}
	stage := "validation"
	if execute(t, dir, "", program, append(slices.Clone(args), "--version")...).code != 0 {
		stage = "parsing"
	}
	return verdict{false, stage + ": " + firstLine(r.err)}
}

// firstLine returns the first line with an error.
func firstLine(s string) string {
	for line := range strings.Lines(s) {
		if strings.Contains(strings.ToLower(line), "error") || strings.Contains(line, `err=`) {
			return strings.TrimSpace(line)
		}
	}
	return s[:min(len(s), 200)]
}

// packagesSay vets a cluster of each set in one run, by the typed package of the version.
// The sets have no flag twice and none without a value, which CUE can't express.
func packagesSay(t *testing.T, version string, all [][]string) []verdict {
	dir := t.TempDir()
	if r := execute(t, dir, "", kcmgen, "init", "repository", "--layout", "systemd", "--version", version); r.code != 0 {
		t.Fatalf("kcmgen init: exit %d\n%s", r.code, r.err)
	}
	root := filepath.Join(dir, "repository")
	types := map[string]string{}
	for _, f := range flagsOf(t, minorOf(version)) {
		types[f.Name] = f.Type
	}
	for i, args := range all {
		name := fmt.Sprintf("set-%03d", i)
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name, "cluster.cue"), []byte(cluster(version, name, args, types)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := execute(t, root, "", kcmgen, "vet", "--format", "json", "./...")
	var doc struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
		t.Fatalf("kcmgen vet: exit %d, %v\n%s", r.code, err, r.err)
	}
	of := map[string][]finding{}
	for _, f := range doc.Findings {
		if aboutFlags.MatchString(f.Rule) {
			of[f.Cluster] = append(of[f.Cluster], f)
		}
	}
	out := make([]verdict, len(all))
	for i := range all {
		out[i] = judged(version, of[fmt.Sprintf("set-%03d", i)])
	}
	return out
}

// aboutFlags are the rules that a command line alone can break.
var aboutFlags = regexp.MustCompile("^(cue|flag|flags|feature-gate)-|^controller-(unknown|renamed|ignored)$|^(file-pair|cidr-invalid|bind-address-foreign)$")

// cluster returns a cluster with flags, numbers and bools without quotes.
func cluster(version, name string, args []string, types map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package p\n\nimport schemas \"github.com/kcmgen/kcmgen/schemas/%s\"\n\n", strings.ReplaceAll(minorOf(version), ".", "_"))
	fmt.Fprintf(&b, "cluster: schemas.#Cluster & {\n\tname: %q\n\tversion: %q\n\tlayout: \"systemd\"\n\tflagDefaults: \"none\"\n\tnodes: n: address: \"10.0.0.1\"\n", name, version)
	for _, a := range args {
		flag, value, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		fmt.Fprintf(&b, "\tflags: %q: %s\n", flag, written(flag, value, types))
	}
	return b.String() + "}\n"
}

// written returns a flag's value in CUE.
func written(flag, value string, types map[string]string) string {
	switch {
	case flag == "controllers":
		list, _ := json.Marshal(strings.Split(value, ","))
		return string(list)
	case bare.MatchString(value) && plain.MatchString(types[flag]):
		return value
	}
	return fmt.Sprintf("%q", value)
}

var plain = regexp.MustCompile("^(|bool|u?int(32|64)?|float(32|64)|Level)$") // types, or none

var bare = regexp.MustCompile(`^(true|false|-?(0|[1-9][0-9]*)(\.[0-9]+)?)$`)
