package report

import (
	"bufio"
	"fmt"
	"net/url"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Limits of GitHub's code scanning for the results of a run.
// https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit
const (
	shownResults = 5_000
	mostResults  = 25_000
)

const (
	home        = "https://github.com/kcmgen/kcmgen"
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	// root stands for the root of the repository. Its own address isn't written: the log is
	// the same on every machine.
	root = "%SRCROOT%"
	// fingerprintName has a version, which goes up when identities change.
	fingerprintName = "kcmgen/v1"
)

// Parts of a log by section 3 of the standard:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	driver struct {
		Name           string       `json:"name"`
		Version        string       `json:"version,omitempty"`
		InformationURI string       `json:"informationUri"`
		Rules          []descriptor `json:"rules"`
	}
	descriptor struct {
		ID               string         `json:"id"`
		ShortDescription *message       `json:"shortDescription,omitempty"`
		Help             *message       `json:"help,omitempty"`
		HelpURI          string         `json:"helpUri,omitempty"`
		Configuration    *configuration `json:"defaultConfiguration,omitempty"`
	}
	configuration struct {
		Level string `json:"level"`
	}
	message struct {
		Text string `json:"text"`
	}
	result struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Kind         string            `json:"kind,omitempty"`
		Level        string            `json:"level"`
		Message      message           `json:"message"`
		Locations    []location        `json:"locations"`
		Related      []location        `json:"relatedLocations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Suppressions *[]suppression    `json:"suppressions,omitempty"`
		Properties   properties        `json:"properties"`
	}
	location struct {
		ID       int       `json:"id,omitempty"`
		Message  *message  `json:"message,omitempty"`
		Physical physical  `json:"physicalLocation"`
		Logical  []logical `json:"logicalLocations,omitempty"`
	}
	physical struct {
		Artifact artifact `json:"artifactLocation"`
		Region   *region  `json:"region,omitempty"`
	}
	artifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	region struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	logical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	suppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
	properties struct {
		Clusters []string `json:"clusters,omitempty"`
		Node     string   `json:"node,omitempty"`
		Expected string   `json:"expected,omitempty"`
		Hint     string   `json:"hint,omitempty"`
		Tags     []string `json:"tags,omitempty"` // controls of benchmarks
	}
)

// sarif writes a log with one run. Each result is a line, and is made when it is written.
func (r *Report) sarif(w *bufio.Writer) ([]string, error) {
	items := r.items()
	rules, index := r.descriptors(items)
	tool, err := encode(driver{"kcmgen", r.Version, home, rules})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, `{"$schema":%q,"version":"2.1.0","runs":[{"tool":{"driver":%s},`+"\n", sarifSchema, tool)
	fmt.Fprintf(w, `"originalUriBaseIds":{%q:{"description":{"text":"the root of the repository"}}},"columnKind":"unicodeCodePoints",`+"\n", root)
	fmt.Fprint(w, `"results":[`)
	for i, it := range items {
		line, err := encode(r.result(it, index))
		if err != nil {
			return nil, err
		}
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprint(w, "\n")
		_, _ = w.Write(line) // the first error of the writer stays
	}
	if _, err := w.WriteString("\n]}]}\n"); err != nil { // the first error of the writer stays
		return nil, err
	}
	var limits []string
	switch n := len(items); {
	case n > mostResults:
		limits = append(limits, fmt.Sprintf("GitHub's code scanning refuses a file with more than %d results, and this one has %d: --severity error, --only or --new-since leave fewer", mostResults, n))
	case n > shownResults:
		limits = append(limits, fmt.Sprintf("GitHub's code scanning shows %d results of a file, and this one has %d: --severity error, --only or --new-since leave fewer", shownResults, n))
	}
	return limits, nil
}

// levels are SARIF's words for severities.
var levels = map[finding.Severity]string{finding.Error: "error", finding.Warning: "warning"}

// descriptors returns all rules, those that only findings know last, and the index of each.
// The last are an organisation's own, and have no text in kcmgen's documents.
func (r *Report) descriptors(items []item) ([]descriptor, map[string]int) {
	out, index := []descriptor{}, map[string]int{}
	add := func(id string, d descriptor) {
		if _, known := index[id]; !known {
			d.ID = id
			index[id] = len(out)
			out = append(out, d)
		}
	}
	for _, rule := range r.Rules {
		d := descriptor{HelpURI: r.helpURI(rule.ID), Configuration: &configuration{levels[rule.Severity]}}
		if rule.Title != "" {
			d.ShortDescription = &message{rule.Title}
			d.Help = &message{strings.Join(nonEmpty("The rule requires: "+rule.Title+".", rule.Help), "\n\n")}
		}
		add(rule.ID, d)
	}
	for _, it := range items {
		add(it.Rule, descriptor{})
	}
	return out, index
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// helpURI is the address of a rule's text, in the documents of this version.
func (r *Report) helpURI(rule string) string { return r.home("docs/rules.md#" + url.PathEscape(rule)) }

// home returns the address of a file of kcmgen's repository, in a release that of its tag.
func (r *Report) home(path string) string {
	at := "main"
	if v := r.Version; strings.HasPrefix(v, "v") && !strings.ContainsAny(v, "-+ /") {
		at = v
	}
	return home + "/blob/" + at + "/" + path
}

// result returns a finding as a result. What could not be checked is "open" by the
// standard, which demands the level "none" then.
func (r *Report) result(it item, index map[string]int) result {
	f := it.Finding
	out := result{
		RuleID: f.Rule, RuleIndex: index[f.Rule], Level: levels[f.Severity],
		Message:      message{plainMessage(strings.Join(append([]string{f.Message}, lines(f, it.Clusters)...), "\n"))},
		Fingerprints: map[string]string{fingerprintName: it.fingerprint},
		Properties:   properties{it.Clusters, f.Node, f.Expected, f.Hint, f.Controls},
	}
	if out.Level == "" {
		out.Kind, out.Level = "open", "none"
	}
	at := location{Physical: r.physical(it.path, it.inside, it.Pos)}
	if f.Field != "" {
		at.Logical = []logical{{"cluster." + f.Field, "member"}}
	}
	out.Locations = []location{at}
	for i, p := range f.Also {
		path, inside := r.Path(p.File)
		out.Related = append(out.Related, location{ID: i + 1, Message: &message{"see"}, Physical: r.physical(path, inside, p)})
	}
	if r.Waived { // if one result has suppressions, all have
		out.Suppressions = &[]suppression{}
		if f.Waived != "" {
			*out.Suppressions = append(*out.Suppressions, suppression{"inSource", "accepted", f.Waived})
		}
	}
	return out
}

// physical returns a place: relative to the root, or an address.
func (r *Report) physical(path string, inside bool, p finding.Pos) physical {
	var out physical
	inner, isOwn := own(p.File)
	switch {
	case isOwn:
		out.Artifact.URI = r.home((&url.URL{Path: inner}).EscapedPath())
	case inside:
		out.Artifact = artifact{relativeURI(path), root}
	default:
		out.Artifact.URI = fileURI(path)
	}
	if p.Line > 0 {
		out.Region = &region{p.Line, max(p.Col, 1)}
	}
	return out
}

// relativeURI escapes a relative path. A colon in the first segment would begin a scheme.
func relativeURI(path string) string {
	return strings.ReplaceAll((&url.URL{Path: path}).EscapedPath(), ":", "%3A")
}

// fileURI returns the address of an absolute path, which on Windows begins with a letter.
func fileURI(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// plainMessage escapes what the standard gives a meaning in messages, where a text would
// have it: {0} is a placeholder, and [text](target) a link, which a value in a stranger's
// file could have. Other braces stay as they are: few readers know that they can be doubled.
func plainMessage(s string) string {
	s = visible(s)
	if hasPlaceholder(s) {
		s = strings.NewReplacer("{", "{{", "}", "}}").Replace(s)
	}
	if strings.Contains(s, "](") {
		s = strings.NewReplacer("[", `\[`, "]", `\]`).Replace(s)
	}
	return s
}

// hasPlaceholder reports whether a text has a number in braces.
func hasPlaceholder(s string) bool {
	for {
		_, rest, found := strings.Cut(s, "{")
		if !found {
			return false
		}
		after := strings.TrimLeft(rest, "0123456789")
		if len(after) < len(rest) && strings.HasPrefix(after, "}") {
			return true
		}
		s = rest
	}
}
