package gen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/finding/report"
)

// Since is an earlier revision that findings were compared with.
type Since struct {
	Revision string `json:"revision"` // as it was asked for
	Commit   string `json:"commit"`
	Older    int    `json:"older"` // findings that it has too, which would be shown
}

// newSince returns the findings that a revision lacks. It evaluates the revision's clusters
// as they were, with the same rules and at the same time.
func (l *Loaded) newSince(ctx context.Context, r Request, cwd string, nodes nodeLists) ([]finding.Finding, error) {
	s, err := OpenRevision(cwd, r.NewSince, &facts.Index{})
	if option := (*OptionError)(nil); errors.As(err, &option) {
		return nil, &OptionError{fmt.Errorf("--new-since: %w", err)}
	}
	if err != nil {
		return nil, fmt.Errorf("--new-since: %w", err)
	}
	defer func() { _ = s.Close() }()
	then, err := s.load(ctx, r, nodes)
	if err != nil {
		return nil, fmt.Errorf("--new-since %s: %w", r.NewSince, err)
	}
	found := s.past(then).New(l.Findings, l.names(), report.Places{Dir: cwd, Root: s.Revision.Root})
	counts := func(f finding.Finding) bool { return f.Waived == "" && r.takes(f.Rule, f.Severity) }
	l.Since = &Since{r.NewSince, s.Revision.Commit, count(l.Findings, counts) - count(found, counts)}
	l.note(s.Lacks, s.faulty(then))
	asked, err := l.unacknowledged(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("--new-since %s: %w", r.NewSince, err)
	}
	return append(found, asked...), nil
}

// unacknowledged returns what the organisation's own rules about changes find.
func (l *Loaded) unacknowledged(ctx context.Context, r Request) ([]finding.Finding, error) {
	asks := map[string]bool{}
	for _, v := range l.Clusters {
		for _, rule := range v.Cluster.Own.Rules {
			asks[rule.ID] = asks[rule.ID] || len(rule.Changes) > 0
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(asks)), true) {
		return nil, nil
	}
	d, err := Diff(ctx, DiffOptions{Request: Request{KeepIn: r.KeepIn, Version: r.Version, Now: r.Now}, Base: r.NewSince, Head: "."})
	if err != nil {
		return nil, err
	}
	var out []finding.Finding
	names := l.names()
	for _, c := range d.Clusters {
		for _, f := range c.Come {
			if asks[f.Rule] && slices.Contains(names, f.Cluster) {
				out = append(out, f)
			}
		}
	}
	l.All = append(l.All, out...)
	return out, nil
}

func count(fs []finding.Finding, counts func(finding.Finding) bool) int {
	n := 0
	for _, f := range fs {
		if counts(f) {
			n++
		}
	}
	return n
}

// note adds what a reader has to know about the comparison: what the revision lacks, in
// words, and the directories that can't be evaluated there.
func (l *Loaded) note(lacks string, faulty []string) {
	at := l.Since.Revision
	if lacks != "" {
		l.Notes = append(l.Notes, fmt.Sprintf("%s at %s, so every finding counts as new", lacks, at))
	}
	if n := len(faulty); n > 0 {
		const most = 5
		l.Notes = append(l.Notes, fmt.Sprintf("%s can't be evaluated at %s, so the findings of the rules there count as new",
			strings.Join(append(faulty[:min(n, most):min(n, most)], more(n-most)...), ", "), at))
	}
	if l.Since.Older > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("not shown: %d that %s has too", l.Since.Older, at))
	}
}

func more(n int) []string {
	if n <= 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d more", n)}
}
