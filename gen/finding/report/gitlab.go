package report

import (
	"bufio"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// quality is an issue of GitLab's code quality, in the subset of Code Climate's that GitLab
// reads. https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
type quality struct {
	Type        string          `json:"type"` // this and the categories are Code Climate's alone
	Categories  []string        `json:"categories"`
	Description string          `json:"description"`
	CheckName   string          `json:"check_name"`
	Fingerprint string          `json:"fingerprint"`
	Severity    string          `json:"severity"`
	Location    qualityLocation `json:"location"`
}

type qualityLocation struct {
	Path  string       `json:"path"`
	Lines qualityLines `json:"lines"`
}

type qualityLines struct {
	Begin int `json:"begin"`
	End   int `json:"end"`
}

// qualitySeverities are GitLab's words, which are info, minor, major, critical and blocker.
// An error keeps kcmgen from writing anything.
var qualitySeverities = map[finding.Severity]string{finding.Error: "critical", finding.Warning: "minor", finding.NotChecked: "info"}

// gitlab writes a list with an issue on each line. A finding without a position is in the
// first line: GitLab drops an issue without one.
func (r *Report) gitlab(w *bufio.Writer) error {
	separator := "["
	for _, it := range r.items() {
		severity := qualitySeverities[it.Severity]
		if it.Waived != "" || severity == "" {
			severity = "info"
		}
		text := []string{it.Message}
		for _, l := range lines(it.Finding, it.Clusters) {
			if !strings.HasPrefix(l, "field: ") {
				text = append(text, l)
			}
		}
		at := max(it.Pos.Line, 1)
		line, err := encode(quality{
			Type: "issue", Categories: []string{"Bug Risk"},
			Description: oneLine(strings.Join(text, "; ")), CheckName: it.Rule, Fingerprint: it.fingerprint, Severity: severity,
			Location: qualityLocation{Path: visible(r.relative(it)), Lines: qualityLines{at, at}},
		})
		if err != nil {
			return err
		}
		if _, err := w.WriteString(separator + "\n" + string(line)); err != nil {
			return err
		}
		separator = ","
	}
	if separator == "[" {
		_, err := w.WriteString("[]\n")
		return err
	}
	_, err := w.WriteString("\n]\n")
	return err
}

// relative returns a path that doesn't begin at the root of the file system, as GitLab
// demands, also for a file outside of the repository.
func (r *Report) relative(it item) string {
	if it.inside {
		return it.path
	}
	rel, err := filepath.Rel(r.Root, filepath.FromSlash(it.path))
	if err != nil {
		return strings.TrimLeft(it.path, "/")
	}
	return filepath.ToSlash(rel)
}
