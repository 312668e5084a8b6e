package main

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// isCodeQuality demands what GitLab's server does of a code quality report: a list of
// objects with the strings description, fingerprint and severity, and a location with a
// path and a line. Its documents add the words of a severity, a check_name, paths relative
// to the repository without "./", and fingerprints that are unique.
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
func isCodeQuality(data []byte) error {
	var issues []struct {
		Description, Fingerprint, Severity *string
		Check                              *string `json:"check_name"`
		Location                           *struct {
			Path  *string
			Lines *struct{ Begin *int }
		}
	}
	if err := json.Unmarshal(data, &issues); err != nil {
		return err
	}
	if issues == nil {
		return fmt.Errorf("null isn't a list")
	}
	seen := map[string]bool{}
	for i, issue := range issues {
		switch l := issue.Location; {
		case issue.Description == nil, issue.Fingerprint == nil, issue.Severity == nil, issue.Check == nil, l == nil:
			return fmt.Errorf("issue %d lacks a field", i)
		case l.Path == nil, l.Lines == nil, l.Lines.Begin == nil:
			return fmt.Errorf("issue %d lacks a path or a line", i)
		case *l.Path == "", path.IsAbs(*l.Path), strings.HasPrefix(*l.Path, "./"), *l.Lines.Begin < 1:
			return fmt.Errorf("issue %d is at %s:%d", i, *l.Path, *l.Lines.Begin)
		case !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, *issue.Severity):
			return fmt.Errorf("issue %d has the severity %q", i, *issue.Severity)
		case strings.Contains(*issue.Description, "\n"):
			return fmt.Errorf("issue %d has more than a line", i)
		case seen[*issue.Fingerprint]:
			return fmt.Errorf("issue %d has the fingerprint of another", i)
		}
		seen[*issue.Fingerprint] = true
	}
	return nil
}
