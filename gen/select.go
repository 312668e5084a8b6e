package gen

import (
	"context"
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// Selection says which findings are shown and counted. The zero value is all.
type Selection struct {
	// Severity is the lowest: "error", "warning" or "notchecked"; "" is the last.
	Severity string
	// Only are ids of rules; none means all.
	Only []string
	// NewSince is a revision of git: findings that it has too are left out.
	NewSince string
}

// severities are the words of Selection.Severity, the most severe first.
var severities = []struct {
	word string
	of   finding.Severity
}{{"error", finding.Error}, {"warning", finding.Warning}, {"notchecked", finding.NotChecked}}

// SeverityWords are the values of Selection.Severity.
func SeverityWords() []string {
	var out []string
	for _, s := range severities {
		out = append(out, s.word)
	}
	return out
}

// check returns an OptionError if the selection has words that mean nothing.
func (s Selection) check() error {
	if s.Severity != "" && !slices.Contains(SeverityWords(), s.Severity) {
		return badOption(fmt.Sprintf("--severity is %q, not error, warning or notchecked", s.Severity))
	}
	return nil
}

// checkOnly returns an OptionError if the selection names a rule that there isn't. It is
// checked when the clusters are known, which may have rules of their own.
func (l *Loaded) checkOnly(only []string) error {
	known := l.ruleIDs()
	for _, id := range only {
		if slices.Contains(known, id) {
			continue
		}
		text := fmt.Sprintf("--only: there is no rule %q", id)
		if near := spec.Nearest(id, known); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		return badOption(text)
	}
	return nil
}

// severe reports whether a severity is one of those that are shown.
func (s Selection) severe(of finding.Severity) bool {
	for _, one := range severities {
		if one.of == of {
			return true
		}
		if one.word == s.Severity {
			return false
		}
	}
	return true
}

// takes reports whether a finding is shown, as far as its rule and severity say.
func (s Selection) takes(rule string, severity finding.Severity) bool {
	return s.severe(severity) && (len(s.Only) == 0 || slices.Contains(s.Only, rule))
}

// sift leaves out the findings that the request doesn't select.
func (l *Loaded) sift(ctx context.Context, r Request, cwd string, nodes nodeLists) error {
	l.All, l.selection = l.Findings, r.Selection
	if err := l.checkOnly(r.Only); err != nil {
		return err
	}
	if r.NewSince != "" {
		found, err := l.newSince(ctx, r, cwd, nodes.named(l.Clusters))
		if err != nil {
			return err
		}
		l.Findings = found
	}
	if r.Severity != "" || len(r.Only) > 0 {
		l.Findings = slices.DeleteFunc(slices.Clone(l.Findings), func(f finding.Finding) bool { return !r.takes(f.Rule, f.Severity) })
	}
	return nil
}

// RuleIDs returns the ids that findings have, beside those of an organisation's own rules.
func RuleIDs() []string {
	out := vet.Reserved()
	for _, r := range vet.Rules() {
		out = append(out, r.ID)
	}
	return out
}

// ruleIDs returns the ids that findings of these clusters may have.
func (l *Loaded) ruleIDs() []string {
	out := RuleIDs()
	for _, r := range l.ownRules() {
		out = append(out, r.ID)
	}
	for _, f := range l.All {
		out = append(out, f.Rule)
	}
	return out
}
