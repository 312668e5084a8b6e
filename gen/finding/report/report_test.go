package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
)

var update = flag.Bool("update", false, "rewrite testdata")

// sample has what is hard for each format: several clusters at one position, a finding
// without a position, one in a file of kcmgen's own, a waiver, texts with separators.
func sample() *Report {
	shared := finding.Finding{
		Rule: "bind-address-public", Severity: finding.Error, Field: `flags."bind-address"`, Pos: finding.Pos{File: "base/flags.cue", Line: 7, Col: 25},
		Message: "kube-controller-manager listens on 0.0.0.0", Expected: "127.0.0.1", Hint: "100%, of: them",
		Also: []finding.Pos{{File: "clusters/prod/cluster.cue", Line: 3, Col: 2}, {File: "kcmgen:schemas/v1_37/flags.cue", Line: 40, Col: 3}},
	}
	of := func(cluster string, f finding.Finding) finding.Finding { f.Cluster = cluster; return f }
	all := []finding.Finding{
		{Rule: "cue-syntax", Severity: finding.Error, Pos: finding.Pos{File: "clusters/bad/cluster.cue", Line: 2, Col: 1}, Message: "expected '}', found 'EOF'"},
		of("prod", shared), of("test", shared),
		{Rule: "ca-key-mismatch", Severity: finding.NotChecked, Cluster: "prod", Field: "pki.ca", Message: "the key isn't on this machine"},
		{Rule: "flag-deprecated", Severity: finding.Warning, Cluster: "prod", Node: "cp-1", Field: `nodes."cp-1".flags.x`, Pos: finding.Pos{File: "clusters/prod/cluster.cue", Line: 12, Col: 4}, Message: "--x is deprecated: see [docs](https://example.com) and {0}"},
		{Rule: "flag-deprecated", Severity: finding.Warning, Cluster: "prod", Node: "cp-1", Field: `nodes."cp-1".flags.x`, Pos: finding.Pos{File: "clusters/prod/cluster.cue", Line: 14, Col: 4}, Message: "--x is deprecated twice"},
		{Rule: "profiling-on", Severity: finding.Error, Cluster: "test", Field: "flags.profiling", Pos: finding.Pos{File: "clusters/test/a b,c:d.cue", Line: 9, Col: 1}, Message: "profiling is on", Waived: "a test cluster, without users"},
	}
	return &Report{
		Version: "v1.2.3",
		Rules: []Rule{
			{"bind-address-public", finding.Error, "--bind-address is a loopback address", "It serves metrics."},
			{"ca-key-mismatch", finding.Error, "the CA's key belongs to its certificate", ""},
			{"flag-deprecated", finding.Warning, "a flag isn't deprecated", ""},
			{"profiling-on", finding.Error, "--profiling is false", ""},
		},
		Suites: []Suite{
			{"prod", "clusters/prod/cluster.cue", []string{"bind-address-public", "ca-key-mismatch", "flag-deprecated", "profiling-on"}},
			{"test", "clusters/test/cluster.cue", []string{"bind-address-public", "ca-key-mismatch", "flag-deprecated", "profiling-on"}},
		},
		Findings: all, Shown: all,
		Places: Places{Dir: filepath.FromSlash("/repo/infra"), Root: filepath.FromSlash("/repo")},
	}
}

func write(t testing.TB, r *Report, format string) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := r.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFormats compares the sample in each format with testdata, with and without waived
// findings.
func TestFormats(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths begin with a drive")
	}
	for _, format := range Formats {
		for _, waived := range []bool{false, true} {
			r := sample()
			r.Waived = waived
			name := filepath.Join("testdata", format)
			if waived {
				name += "_waived"
			}
			got := write(t, r, format)
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s: go test ./gen/finding/report -update rewrites it\n%s", name, diff)
			}
			if waived != strings.Contains(got, "a test cluster, without users") {
				t.Errorf("%s: the waived finding is there: %v", name, !waived)
			}
		}
	}
}

// TestEmpty: without findings each format is a document that its readers accept.
func TestEmpty(t *testing.T) {
	r := sample()
	r.Findings, r.Shown = nil, nil
	var log struct{ Runs []struct{ Results []any } }
	if err := json.Unmarshal([]byte(write(t, r, "sarif")), &log); err != nil || len(log.Runs) != 1 || log.Runs[0].Results == nil {
		t.Errorf("sarif: %+v, %v: results have to be there", log, err)
	}
	if got := write(t, r, "gitlab"); got != "[]\n" {
		t.Errorf("gitlab: %q", got)
	}
	if got := write(t, r, "github"); got != "" {
		t.Errorf("github: %q", got)
	}
	if got := write(t, r, "junit"); strings.Count(got, "<testcase ") != 8 || strings.Contains(got, "<failure") {
		t.Errorf("junit: 4 rules of 2 clusters pass, and not\n%s", got)
	}
	r.Suites = []Suite{{Name: "kcm.service", File: "kcm.service"}}
	if got := write(t, r, "junit"); !strings.Contains(got, `<testcase classname="kcm.service" name="no findings"/>`) {
		t.Errorf("junit: a file without findings isn't there\n%s", got)
	}
}

// prints returns the fingerprints in a report for GitLab, in order.
func prints(t *testing.T, r *Report) []string {
	t.Helper()
	var all []quality
	if err := json.Unmarshal([]byte(write(t, r, "gitlab")), &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, q := range all {
		out = append(out, q.Fingerprint)
	}
	return out
}

// TestFingerprints: a fingerprint stays when lines move, a cluster gets another name, or a
// message another value; it differs by rule, file, field and node; and each is unique.
func TestFingerprints(t *testing.T) {
	was := prints(t, sample())
	seen := map[string]bool{}
	for _, p := range was {
		if seen[p] || len(p) != 32 {
			t.Errorf("%s is there twice, or has not 32 digits", p)
		}
		seen[p] = true
	}
	same := map[string]func(*finding.Finding){
		"moved":    func(f *finding.Finding) { f.Pos.Line += 100; f.Pos.Col++ },
		"renamed":  func(f *finding.Finding) { f.Cluster = strings.ReplaceAll(f.Cluster, "prod", "production") },
		"severity": func(f *finding.Finding) { f.Severity = finding.Warning },
		"value": func(f *finding.Finding) {
			if f.Field != "" {
				f.Message += " (10.0.0.0/8)"
			}
		},
	}
	for name, change := range same {
		r := sample()
		for i := range r.Shown {
			if r.Shown[i].Pos.File != "" { // those without take the cluster's file
				change(&r.Shown[i])
			}
		}
		if diff := cmp.Diff(was, prints(t, r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, change := range map[string]func(*finding.Finding){
		"rule":  func(f *finding.Finding) { f.Rule += "-x" },
		"file":  func(f *finding.Finding) { f.Pos.File = "x/" + f.Pos.File },
		"field": func(f *finding.Finding) { f.Field += ".x" },
		"node":  func(f *finding.Finding) { f.Node += "x" },
	} {
		r := sample()
		for i := range r.Shown {
			change(&r.Shown[i])
		}
		for _, p := range prints(t, r) {
			if seen[p] {
				t.Errorf("another %s has the fingerprint %s too", name, p)
			}
		}
	}
}

// TestEmbeddedPlaces: what stands in place of embedded values has no part in a fingerprint;
// two findings that differ in it alone are told apart by their number.
func TestEmbeddedPlaces(t *testing.T) {
	at := func(field, message string) *Report {
		f := finding.Finding{Rule: "a", Severity: finding.Error, Field: field, Message: message, Pos: finding.Pos{File: "a.cue", Line: 1, Col: 1}}
		g := f
		g.Pos.Line = 2
		return &Report{Shown: []finding.Finding{f, g}}
	}
	one := prints(t, at(`nodes."(embedded from a.json)"`, "x"))
	more := prints(t, at(`nodes."(embedded from a.json, b.json)"`, "y"))
	if diff := cmp.Diff(one, more); diff != "" || one[0] == one[1] {
		t.Errorf("%s%q", diff, one)
	}
	if got := withoutPlaces("a (embedded from x, y) b (embedded from z"); got != "a  b " {
		t.Errorf("%q", got)
	}
}

// TestStrict: with a stricter test of what fails, a warning is a failed case.
func TestStrict(t *testing.T) {
	r := sample()
	if got := write(t, r, "junit"); strings.Count(got, `<failure type="warning"`) != 0 {
		t.Error("a warning fails")
	}
	r.Fails = func(f finding.Finding) bool { return f.Waived == "" && f.Severity != finding.NotChecked }
	if got := write(t, r, "junit"); strings.Count(got, `<failure type="warning"`) != 2 {
		t.Errorf("two warnings fail, and not\n%s", got)
	}
}

// TestLeftOut: a rule whose findings are left out hasn't passed.
func TestLeftOut(t *testing.T) {
	r := sample()
	r.Shown = nil
	got := write(t, r, "junit")
	if n := strings.Count(got, "<skipped>"); n != 5 || strings.Contains(got, "<failure") {
		t.Errorf("%d rules are skipped, of 5 with findings\n%s", n, got)
	}
}

// TestCounts: the counts of JUnit are those of the cases.
func TestCounts(t *testing.T) {
	r := sample()
	r.Waived = true
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Skipped  int    `xml:"skipped,attr"`
			Cases    []struct {
				Class   string    `xml:"classname,attr"`
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(write(t, r, "junit")), &doc); err != nil {
		t.Fatal(err)
	}
	tests, failures, names := 0, 0, map[string]bool{}
	for _, s := range doc.Suites {
		failed, skipped := 0, 0
		for _, c := range s.Cases {
			if key := c.Class + "\x00" + c.Name; names[key] || c.Class != s.Name {
				t.Errorf("%s: %s is there twice, or of another suite", s.Name, c.Name)
			} else {
				names[key] = true
			}
			if c.Failure != nil {
				failed++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != failed || s.Skipped != skipped {
			t.Errorf("%+v", s)
		}
		tests, failures = tests+s.Tests, failures+s.Failures
	}
	if doc.Tests != tests || doc.Failures != failures || failures != 3 {
		t.Errorf("%d tests and %d failures are %d and %d, 3 expected", tests, failures, doc.Tests, doc.Failures)
	}
}

// TestMany: 100,000 findings take seconds and a bounded memory in each format, none is
// lost, and what is beyond a reader's limit is said.
func TestMany(t *testing.T) {
	const n = 100_000
	r := &Report{Places: Places{Dir: "/repo", Root: "/repo"}}
	for i := range n {
		r.Shown = append(r.Shown, finding.Finding{
			Rule: "flag-value", Severity: finding.Error, Cluster: fmt.Sprintf("c%d", i%300), Field: fmt.Sprintf("flags.f%d", i),
			Pos: finding.Pos{File: fmt.Sprintf("c%d/cluster.cue", i%300), Line: i, Col: 3}, Message: fmt.Sprintf("finding %06d has a message of some length", i), Expected: "another value",
		})
	}
	r.Findings = r.Shown
	for format, want := range map[string]string{"sarif": "refuses a file with more than 25000", "github": "shows 10 annotations", "gitlab": "", "junit": ""} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		seen := &counter{}
		limits, err := r.Write(seen, format)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if err != nil || seen.n < n {
			t.Errorf("%s: %d of %d findings, %v", format, seen.n, n, err)
		}
		if got := strings.Join(limits, "\n"); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: says %q", format, got)
		}
		allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %s, %d MB allocated, %d MB written", format, took.Round(time.Millisecond), allocated, seen.bytes>>20)
		if took > 10*time.Second || allocated > 1500 {
			t.Errorf("%s: %s, %d MB", format, took, allocated)
		}
	}
}

// counter counts the messages in what is written.
type counter struct {
	n, bytes int
	tail     []byte // of what came before: a message may be cut
}

func (c *counter) Write(p []byte) (int, error) {
	const text = "has a message of some"
	all := append(c.tail, p...)
	c.n += bytes.Count(all, []byte(text))
	c.bytes += len(p)
	c.tail = bytes.Clone(all[max(0, len(all)-len(text)+1):])
	return len(p), nil
}

// TestBrokenPipe: an error of writing is returned.
func TestBrokenPipe(t *testing.T) {
	for _, format := range Formats {
		if _, err := sample().Write(broken{}, format); err == nil {
			t.Errorf("%s: no error", format)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestPath: names become paths from the root; what is outside stays absolute.
func TestPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths begin with a drive")
	}
	p := Places{Dir: "/repo/infra", Root: "/repo"}
	for file, want := range map[string]string{
		"a.cue": "infra/a.cue", "../a.cue": "a.cue", "/repo/x/a.cue": "x/a.cue", ".": "infra", "../..a": "..a",
		"../../a.cue": "!/a.cue", "/repository/a": "!/repository/a", "": "!",
	} {
		got, inside := p.Path(file)
		if !inside {
			got = "!" + got
		}
		if got != want {
			t.Errorf("%q is %q, not %q", file, got, want)
		}
	}
}
