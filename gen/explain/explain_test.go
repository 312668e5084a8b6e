package explain_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/explain"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// sourceless are rules that nothing outside kcmgen says: they follow from how kcmgen works,
// or from what a word means.
var sourceless = []string{
	"cidr-host-bits", "service-family", "node-range-small", "node-address-duplicate", "node-address-kind", "bind-address-foreign", "apiserver-address", "node-network",
	"node-name-address", "ssh-jump", "gates-all-alpha", "lease-and-cpu-limit", "paths-collide", "path-in-image", "port-privileged", "volume-collides", "probe-unreachable",
	"ca-key-unset", "certificate-profile", "certificate-lifetime", "certificate-shared", "certificate-combined", "key-tracked", "ca-weak", "ca-kept", "ca-name",
	"secure-port-legacy", "defaults-unknown", "image-tag", "image-version", "image-per-node", "node-architecture", "download-credentials", "install-unverified", "install-layout",
	"tls12-impossible", "said-twice", "hostpath-provisioner", "verbosity-bodies", "key-shared",
	"peer-file", "apiserver-file-differs", "node-cidr-overlap", "node-cidr-unallocated", "node-address-in-range", "node-count", "nodes-foreign",
	"flag-repeated", "flags-differ", "value-unknown", "value-quoted", "path-relative", "probe-port", "form-field",
}

// TestEveryRuleIsExplained: each rule says why and how to mend it, and where it is known from
// unless it is one of kcmgen's own; no text is for a rule that doesn't exist.
func TestEveryRuleIsExplained(t *testing.T) {
	seen := map[string]bool{}
	ofTable := map[string]bool{}
	for _, r := range vet.Rules() {
		ofTable[r.ID] = true
	}
	for _, r := range explain.Rules() {
		switch {
		case seen[r.ID]:
			t.Errorf("%s is there twice", r.ID)
		case r.Title == "" || r.Severity == "":
			t.Errorf("%s has no title or no severity", r.ID)
		}
		seen[r.ID] = true
		for what, text := range map[string]string{"why": r.Why, "fix": r.Fix} {
			if len(text) < 10 || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "}.") {
				t.Errorf("%s: %s is %q, which is no sentence", r.ID, what, text)
			}
		}
		if own := slices.Contains(sourceless, r.ID); ofTable[r.ID] && own != (len(r.Sources) == 0) {
			t.Errorf("%s: a source is needed, and none where the rule is one of kcmgen's own: %q", r.ID, r.Sources)
		}
	}
	for _, id := range sourceless {
		if !ofTable[id] {
			t.Errorf("there is no rule %s", id)
		}
	}
	for _, id := range vet.Reserved() {
		if !seen[id] {
			t.Errorf("%s isn't explained", id)
		}
	}
	if n := len(ofTable) + len(vet.Reserved()); len(seen) != n {
		t.Errorf("%d ids are explained, of %d", len(seen), n)
	}
}

// TestTexts: every text is of a rule or an id that findings have, once.
func TestTexts(t *testing.T) {
	files, err := filepath.Glob("text_*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("text_*.go matches %d files (%v)", len(files), err)
	}
	pattern := regexp.MustCompile(`(?m)^\t+ID: +"([a-z0-9-]+)",`)
	count := map[string]int{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pattern.FindAllStringSubmatch(string(data), -1) {
			count[m[1]]++
			if _, ok := explain.Of(m[1]); !ok || count[m[1]] > 1 {
				t.Errorf("%s explains %s, which is no rule, or is explained before", name, m[1])
			}
		}
	}
	for _, r := range explain.Rules() {
		if !vet.Taken(r.ID) {
			t.Errorf("an organisation's own rule can have the id %s", r.ID)
		}
	}
	if len(count) != len(explain.Rules()) {
		t.Errorf("%d texts of %d rules", len(count), len(explain.Rules()))
	}
}

// TestSources: a source is a link with a scheme, a measurement, a benchmark, or a path in a
// Go module; an incident is an issue or a pull request.
func TestSources(t *testing.T) {
	module := regexp.MustCompile(`^(k8s\.io/[a-z-]+|golang\.org/x/[a-z]+) [A-Za-z0-9/._-]+`)
	issue := regexp.MustCompile(`^https://github\.com/[\w-]+/[\w-]+/(issues|pull)/\d+$`)
	for _, r := range explain.Rules() {
		for _, s := range r.Sources {
			link, err := url.Parse(s)
			switch {
			case err == nil && link.Scheme == "https" && link.Host != "" && link.Path != "":
			case strings.HasPrefix(s, "measured: ") && len(s) > len("measured: k8s"):
			case strings.HasPrefix(s, "CIS ") || strings.HasPrefix(s, "DISA ") || strings.HasPrefix(s, "NSA/"):
			case module.MatchString(s):
			default:
				t.Errorf("%s: %q is no source", r.ID, s)
			}
		}
		for _, s := range r.Incidents {
			if !issue.MatchString(s) {
				t.Errorf("%s: %q is no incident", r.ID, s)
			}
		}
	}
}

// TestFlagsOfRules: the flags of a rule exist, and rules that look at any flag name no other.
func TestFlagsOfRules(t *testing.T) {
	about := 0
	for _, r := range explain.Rules() {
		for _, f := range r.Flags {
			switch {
			case f == "*" && len(r.Flags) == 1:
			case !flags.Exists(f):
				t.Errorf("%s: no version has a flag %q", r.ID, f)
			default:
				about++
				if !slices.Contains(explain.About(f), r.ID) {
					t.Errorf("%s isn't among the rules about --%s", r.ID, f)
				}
			}
		}
	}
	if about < 100 {
		t.Errorf("the rules name only %d flags", about)
	}
}

// TestIDsOfFindings: every id that the code gives to a finding without a rule is explained.
// The ids are string constants of the packages that make findings.
func TestIDsOfFindings(t *testing.T) {
	id := regexp.MustCompile(`"((?:cue|schema)-[a-z]+(?:-[a-z]+)*|node-name|cluster-name-duplicate|waiver(?:-[a-z]+)?|rule-(?:invalid|untested))"`)
	found := map[string]bool{}
	for _, dir := range []string{"../config", "../vet"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") }) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range id.FindAllStringSubmatch(string(data), -1) {
				found[m[1]] = true
			}
		}
	}
	if len(found) < 15 {
		t.Fatalf("only %d ids were found", len(found))
	}
	for s := range found {
		if _, ok := explain.Of(s); !ok {
			t.Errorf("a finding has the id %q, which isn't explained", s)
		}
	}
}

// TestLook: a name is a rule's, a flag's, or both; a wrong one has the nearest names.
func TestLook(t *testing.T) {
	for name, want := range map[string]struct {
		rules, flags int
		near         []string
	}{
		"service-range-differs":   {1, 0, nil},
		"[service-range-differs]": {1, 0, nil},
		"cue-type":                {1, 0, nil},
		"cluster-cidr":            {0, 1, nil},
		"--cluster_cidr":          {0, 1, nil},
		"service-range-diffres":   {0, 0, []string{"service-range-differs"}},
		"clutser-cidr":            {0, 0, []string{"cluster-cidr"}},
		"lease":                   {0, 0, []string{"coordinated-lease", "lease-and-cpu-limit"}},
		"xyzzyxyzzyxyzzy":         {0, 0, nil},
		"":                        {0, 0, nil},
		strings.Repeat("x", 1e6):  {0, 0, nil},
	} {
		got, err := explain.Look(37, name)
		if len(got.Rules) != want.rules || len(got.Flags) != want.flags {
			t.Errorf("%.40q: %d rules and %d flags", name, len(got.Rules), len(got.Flags))
		}
		var unknown *explain.UnknownError
		if (err != nil) != (want.rules+want.flags == 0) || err != nil && !errors.As(err, &unknown) {
			t.Errorf("%.40q: %v", name, err)
			continue
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("%.40q: an error of %d bytes", name, len(err.Error()))
		}
		for i, n := range want.near {
			if !slices.Contains(unknown.Near, n) || i == 0 && len(unknown.Near) == 0 {
				t.Errorf("%.40q: near it are %q, not %q", name, unknown.Near, want.near)
			}
		}
		if err != nil && want.near == nil && len(unknown.Near) > 0 {
			t.Errorf("%.40q: near it are %q", name, unknown.Near)
		}
	}
}

// TestNothingIsBoth: if a name ever is a rule's and a flag's, Look returns both.
func TestNothingIsBoth(t *testing.T) {
	for _, r := range explain.Rules() {
		got, err := explain.Look(37, r.ID)
		if err != nil || len(got.Rules) != 1 || (len(got.Flags) == 1) != flags.Exists(r.ID) {
			t.Errorf("%s: %+v, %v", r.ID, got, err)
		}
	}
}

// TestSeverities: only the two that a rule can have.
func TestSeverities(t *testing.T) {
	for _, r := range explain.Rules() {
		if r.Severity != finding.Error && r.Severity != finding.Warning {
			t.Errorf("%s is %q", r.ID, r.Severity)
		}
	}
}

// FuzzLook: no name breaks it, and an error stays short.
func FuzzLook(f *testing.F) {
	for _, s := range []string{"", "-", "--", "v", "a-b", "[", "\x00", "ü", "service-range"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := explain.Look(37, name)
		if (err == nil) != (len(got.Rules)+len(got.Flags) > 0) {
			t.Fatalf("%q: %+v, %v", name, got, err)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Fatalf("%q: an error of %d bytes", name, len(err.Error()))
		}
	})
}
