package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
)

type vetOptions struct {
	format    string
	strict    strictness
	waived    bool
	unchecked string
	out       string
}

func newVet(std stdio) *cobra.Command {
	var o vetOptions
	cmd := &cobra.Command{
		Use:   "vet [CLUSTER | DIR | DIR/...]...",
		Short: "Check clusters: syntax, types, and the rules between fields",
		Long: `Vet loads the clusters of these names or in these folders, or all clusters of the
CUE module around the working directory, and prints what is wrong with them: file,
line and column, what was expected, and a hint. It prints nothing if nothing is
wrong.

Warnings don't fail it, but with --strict, and nor does what could not be checked
here; --strict=warnings takes warnings only. A finding that has to stay is accepted
in the cluster itself: waivers: "rule-id": reason: "why".

--unchecked count makes one line of all that could not be checked, for hooks, where
keys rightly aren't at hand.

It looks into the folder of the clusters' trees too: a CA that an export made there
ends some day, and is told in time.

` + exitCodes,
		Example: `  kcmgen vet                       every cluster of this CUE module
  kcmgen vet ./cue/example         one cluster, by its folder
  kcmgen vet prod                  one cluster, by its name
  kcmgen vet --format json ./cue/...`,
		ValidArgsFunction: completeClusters,
		RunE:              func(cmd *cobra.Command, args []string) error { return runVet(cmd.Context(), o, args, std) },
	}
	outFlag(cmd, &o.out)
	cmd.Flags().StringVar(&o.format, "format", "text", "how to print findings: text or json")
	completeFlag(cmd, "format", completeWords("text", "json"))
	strictFlag(cmd, &o.strict, "fail on warnings and on what could not be checked; =warnings: on warnings only")
	cmd.Flags().StringVar(&o.unchecked, "unchecked", "list", "how to print what could not be checked: list, or count for one line of all")
	completeFlag(cmd, "unchecked", completeWords("list", "count"))
	cmd.Flags().BoolVar(&o.waived, "waived", false, "show waived findings too")
	return cmd
}

func runVet(ctx context.Context, o vetOptions, args []string, std stdio) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	if o.unchecked != "list" && o.unchecked != "count" {
		return usageError{fmt.Errorf("--unchecked is %q, not list or count", o.unchecked)}
	}
	r, err := loadWith(ctx, o.out, args, nil, time.Now(), std)
	if err != nil {
		return err
	}
	if o.format == "json" {
		err = r.printJSON(std.out)
	} else {
		r.printSkipped(std)
		shown := r.findings
		if o.unchecked == "count" {
			shown = withoutUnchecked(shown, std)
		}
		err = printFindings(std.out, shown, o.waived)
	}
	if err != nil {
		return err
	}
	if o.strict.fails(r.findings) {
		return errFindings
	}
	return nil
}

// loaded are the clusters of a command line, vetted.
type loaded struct {
	clusters []*gen.Vetted
	skipped  []config.Skipped
	findings []finding.Finding
	faults   []finding.Finding            // those of the CUE, whose clusters are missing
	of       map[string][]finding.Finding // of the CUE, by the folder of the package
}

// load loads clusters whose trees lie where they do by default.
func load(ctx context.Context, args []string, now time.Time, std stdio) (*loaded, error) {
	return loadWith(ctx, "", args, nil, now, std)
}

// loadWith loads clusters whose trees lie in the folder out, "" for the default, as
// if files, by their absolute names, held something else.
func loadWith(ctx context.Context, out string, args []string, overlay map[string][]byte, now time.Time, std stdio) (*loaded, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	m := newMeter(std.err, "evaluated")
	res, err := config.Load(ctx, cwd, args, config.Options{Version: version(), Progress: m.step, Overlay: overlay})
	m.end()
	if err != nil {
		return nil, asUsage(err)
	}
	all := &loaded{skipped: res.Skipped, findings: res.Findings, faults: res.Findings, of: res.Of, clusters: make([]*gen.Vetted, len(res.Clusters))}
	m = newMeter(std.err, "vetted")
	index := &facts.Index{}
	errs := parallel(ctx, len(res.Clusters), std, m, func(error) bool { return true }, func(i int, _ stdio) error {
		all.clusters[i] = gen.VetIn(res.Clusters[i], cmp.Or(out, treesOf(cwd, res.Clusters[i])), index, now)
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, v := range all.clusters {
		all.findings = append(all.findings, v.Findings...)
	}
	return all, nil
}

// dropFaulty leaves out the clusters that have an error, by the findings of each: the
// names in those aren't shown where they are embedded.
func (r *loaded) dropFaulty(std stdio) {
	r.clusters = slices.DeleteFunc(r.clusters, func(v *gen.Vetted) bool {
		bad := finding.Failed(v.Findings) || finding.Failed(r.of[v.Cluster.Dir])
		if bad {
			say(std.err, "%s: left out: it has errors", v.Cluster.Name)
		}
		return bad
	})
}

func (r *loaded) printSkipped(std stdio) {
	for _, s := range r.skipped {
		say(std.err, "skipped %s: %s", plainName(s.Dir), s.Reason)
	}
}

// asUsage makes a usage error of a command line that names no cluster there could be.
func asUsage(err error) error {
	var folder *config.NoFolderError
	var module *config.NoModuleError
	if errors.As(err, &module) || errors.As(err, &folder) && folder.IsName() {
		return usageError{err}
	}
	return err
}

func (r *loaded) printJSON(w io.Writer) error {
	doc := struct {
		Clusters []string          `json:"clusters"`
		Skipped  []config.Skipped  `json:"skipped"`
		Findings []finding.Finding `json:"findings"`
	}{[]string{}, append([]config.Skipped{}, r.skipped...), append([]finding.Finding{}, r.findings...)}
	for _, v := range r.clusters {
		doc.Clusters = append(doc.Clusters, v.Cluster.Embedded.Redact(v.Cluster.Name))
	}
	return printJSON(w, doc)
}

// printFindings prints each finding as file:line:col, what, where, what was
// expected, and advice. What several clusters have from one place is printed once.
func printFindings(w io.Writer, findings []finding.Finding, waived bool) error {
	for _, g := range finding.Groups(findings) {
		if g.Waived != "" && !waived {
			continue
		}
		if err := printFinding(w, g.Finding, g.Clusters); err != nil {
			return err
		}
	}
	return nil
}

var severityColour = map[finding.Severity]string{finding.Error: red, finding.Warning: yellow, finding.NotChecked: yellow}

func printFinding(w io.Writer, f finding.Finding, clusters []string) error {
	what := colour(w, severityColour[f.Severity], string(f.Severity))
	if f.Waived != "" {
		what = "waived " + what
	}
	where := f.Pos.String()
	if where == "" {
		where = "cluster " + f.Cluster
	}
	_, err := fmt.Fprintf(w, "%s: %s: %s [%s]\n", colour(w, bold, printable(where)), what, printable(f.Message), f.Rule)
	line := func(label, text string) {
		if text != "" && err == nil {
			_, err = fmt.Fprintf(w, "    %-9s %s\n", label, printable(text))
		}
	}
	if f.Field != "" {
		line("field", "cluster."+f.Field)
	}
	line("node", f.Node)
	if len(clusters) > 1 {
		line("clusters", strings.Join(clusters, ", "))
	}
	line("expected", f.Expected)
	for _, p := range f.Also {
		line("see", p.String())
	}
	line("hint", f.Hint)
	line("reason", f.Waived)
	return err
}
