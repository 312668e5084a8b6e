package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// outcome is what became of a test case, in JUnit's terms.
type outcome int

const (
	passed  outcome = iota
	skipped         // not checked, waived or left out
	failed
)

// testcase is a rule of a suite that has no finding, or a finding.
type testcase struct {
	name    string
	outcome outcome
	kind    string // the severity of a failure
	message string
	body    string
}

// testsuite is what Jenkins shows as a class.
type testsuite struct {
	name  string
	cases []testcase
}

// junit writes a suite for each cluster with a case for each of its rules, so that passes
// show too, and for each finding. What fails the command fails; a warning that doesn't is
// a case that passes with an output; what could not be checked is skipped.
//
// There is no standard. The elements are those that Jenkins and GitLab read. There are no
// times: the same input gives the same bytes.
func (r *Report) junit(w *bufio.Writer) error {
	suites := r.suites()
	all := testsuite{name: "kcmgen"}
	for _, s := range suites {
		all.cases = append(all.cases, s.cases...)
	}
	fmt.Fprint(w, xml.Header)
	fmt.Fprintf(w, "<testsuites name=%s tests=\"%d\" failures=\"%d\" errors=\"0\">\n", attribute(all.name), len(all.cases), all.count(failed))
	for _, s := range suites {
		fmt.Fprintf(w, "  <testsuite name=%s tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"%d\">\n",
			attribute(s.name), len(s.cases), s.count(failed), s.count(skipped))
		for _, c := range s.cases {
			c.write(w, s.name)
		}
		fmt.Fprint(w, "  </testsuite>\n")
	}
	_, err := w.WriteString("</testsuites>\n") // the first error of the writer stays
	return err
}

func (s testsuite) count(o outcome) int {
	n := 0
	for _, c := range s.cases {
		if c.outcome == o {
			n++
		}
	}
	return n
}

func (c testcase) write(w *bufio.Writer, suite string) {
	fmt.Fprintf(w, "    <testcase classname=%s name=%s", attribute(suite), attribute(c.name))
	switch {
	case c.outcome == failed:
		fmt.Fprintf(w, ">\n      <failure type=%s message=%s>%s</failure>\n    </testcase>\n", attribute(c.kind), attribute(c.message), content(c.body))
	case c.outcome == skipped:
		fmt.Fprintf(w, ">\n      <skipped>%s</skipped>\n    </testcase>\n", content(c.body))
	case c.body != "":
		fmt.Fprintf(w, ">\n      <system-out>%s</system-out>\n    </testcase>\n", content(c.body))
	default:
		fmt.Fprint(w, "/>\n")
	}
}

// suites returns the suites in order of what was checked, and then of what wasn't: the
// directories of clusters that could not be evaluated.
func (r *Report) suites() []testsuite {
	var out []testsuite
	at := map[string]int{}
	suite := func(name string) *testsuite {
		if _, known := at[name]; !known {
			at[name] = len(out)
			out = append(out, testsuite{name: name})
		}
		return &out[at[name]]
	}
	for _, s := range r.Suites {
		suite(s.Name)
	}
	has := map[[2]string]bool{} // suite and rule
	for _, f := range r.Findings {
		has[[2]string{r.suiteOf(f, at), f.Rule}] = true
	}
	shown := map[[2]string]bool{}
	names := map[string]int{}
	for _, f := range r.shown() {
		name := r.suiteOf(f, at)
		shown[[2]string{name, f.Rule}] = true
		c := r.testcase(f)
		key := name + "\x00" + c.name
		if names[key]++; names[key] > 1 {
			c.name += fmt.Sprintf(" (%d)", names[key])
		}
		s := suite(name)
		s.cases = append(s.cases, c)
	}
	for _, s := range r.Suites {
		for _, rule := range s.Rules {
			key := [2]string{s.Name, rule}
			switch one := suite(s.Name); {
			case shown[key]:
			case has[key]:
				one.cases = append(one.cases, testcase{name: rule, outcome: skipped, body: "it has findings that are left out here"})
			default:
				one.cases = append(one.cases, testcase{name: rule})
			}
		}
	}
	for i, s := range out {
		if len(s.cases) == 0 { // a suite without cases would not be shown
			out[i].cases = []testcase{{name: "no findings"}}
		}
		slices.SortStableFunc(s.cases, func(a, b testcase) int { return cmp.Compare(a.name, b.name) })
	}
	return out
}

// suiteOf returns the suite of a finding: of its cluster, or of its file.
func (r *Report) suiteOf(f finding.Finding, known map[string]int) string {
	if f.Cluster != "" {
		return f.Cluster
	}
	if _, ok := known[f.Pos.File]; ok || len(r.Suites) > 0 && r.Suites[0].Name == r.Suites[0].File {
		return f.Pos.File
	}
	file, _ := r.Path(f.Pos.File)
	if f.Pos.Line > 0 || path.Ext(file) == ".cue" { // else it is a directory
		file = path.Dir(file)
	}
	return cmp.Or(file, ".")
}

// testcase returns a finding as a case. Its name has no value and no line: Jenkins follows
// a case through builds by its name.
func (r *Report) testcase(f finding.Finding) testcase {
	c := testcase{name: f.Rule, kind: string(f.Severity), message: f.Message}
	switch {
	case f.Field != "":
		c.name += ": cluster." + f.Field
	case f.Pos.File != "":
		file, _ := r.Path(f.Pos.File)
		c.name += ": " + file
	}
	if f.Node != "" && !strings.Contains(f.Field, finding.Label(f.Node)) {
		c.name += ", node " + f.Node
	}
	where := cmp.Or(f.Pos.String(), "cluster "+f.Cluster)
	what := string(f.Severity)
	if f.Waived != "" {
		what = "waived " + what
	}
	c.body = strings.Join(append([]string{fmt.Sprintf("%s: %s: %s [%s]", where, what, f.Message, f.Rule)}, lines(f, nil)...), "\n")
	switch {
	case r.fails(f):
		c.outcome = failed
	case f.Waived != "", f.Severity == finding.NotChecked:
		c.outcome = skipped
	}
	return c
}

// attribute returns a text as an attribute's value in quotation marks.
func attribute(s string) string { return `"` + content(s) + `"` }

// content escapes a text for XML 1.0, which can't hold most control characters, even
// escaped: U+FFFD stands for them.
func content(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(visible(s))) // a buffer has no errors
	return b.String()
}
