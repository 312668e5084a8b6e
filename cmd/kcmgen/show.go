package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
)

type showOptions struct {
	nodes, flags []string
	format       string
}

func newShow(std stdio) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [CLUSTER | DIR | DIR/...]...",
		Short: "Show the flags that each node's kube-controller-manager gets, and why",
		Long: `Show prints the command line that clusters come to, node by node: every flag with
its value, and the field of the cluster that it comes from with its place. What is
wrong with clusters goes to stderr, and ends it with 3; those that can be evaluated
are shown all the same.

` + exitCodes,
		Example: `  kcmgen show prod
  kcmgen show prod --node cp-1 --flag bind-address
  kcmgen show --format json ./cue/example`,
		ValidArgsFunction: completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runShow(cmd.Context(), o, args, time.Now(), std)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.nodes, "node", nil, "show these nodes only")
	f.StringSliceVar(&o.flags, "flag", nil, "show these flags only")
	f.StringVar(&o.format, "format", "text", "how to print: text or json")
	completeFlag(cmd, "node", completeNodes)
	completeFlag(cmd, "flag", completeFlagNames)
	completeFlag(cmd, "format", completeWords("text", "json"))
	return cmd
}

// shown is one flag of one node.
type shown struct {
	Cluster string      `json:"cluster"`
	Node    string      `json:"node"`
	Flag    string      `json:"flag"`
	Value   string      `json:"value"`
	Field   string      `json:"field"`             // where it comes from
	Pos     finding.Pos `json:"position,omitzero"` // of that field, if the user wrote it

	node string // as it is called: what is embedded isn't shown
}

func runShow(ctx context.Context, o showOptions, args []string, now time.Time, std stdio) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	r, err := load(ctx, args, now, std)
	if err != nil {
		return err
	}
	r.printSkipped(std)
	if err := printFindings(std.err, r.findings, false); err != nil {
		return err
	}
	var faulty error
	if finding.Failed(r.findings) {
		faulty = errFindings
	}
	all := o.pick(r.clusters)
	if len(all) == 0 && len(r.clusters) > 0 {
		return &nothingShownError{o.nodes, o.flags}
	}
	if o.format == "json" {
		err = printJSON(std.out, all)
	} else {
		err = printShown(std.out, all)
	}
	return cmp.Or(err, faulty)
}

// nothingShownError is a choice of nodes and flags that leaves nothing.
type nothingShownError struct{ nodes, flags []string }

func (e *nothingShownError) Error() string {
	return fmt.Sprintf("no node of these clusters fits --node %q and has --flag %q", e.nodes, e.flags)
}

func (o *showOptions) pick(clusters []*gen.Vetted) []shown {
	out := []shown{}
	wanted := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	for _, v := range clusters {
		c := v.Cluster
		for i := range c.Nodes {
			n := &c.Nodes[i]
			if !wanted(o.nodes, n.Name) {
				continue
			}
			for _, f := range c.NodeFlags(n) {
				if wanted(o.flags, f.Name) {
					pos, _ := c.Source.Exact(f.Field)
					hide := c.Embedded.Redact
					out = append(out, shown{hide(c.Name), hide(n.Name), hide(f.Name), hide(f.Value), "cluster." + hide(f.Field), pos, c.Name + " " + n.Name})
				}
			}
		}
	}
	return out
}

// printShown prints a block for each node, the flags in one column and where
// they come from in the next.
func printShown(w io.Writer, all []shown) error {
	width := 0
	for _, s := range all {
		width = max(width, len(s.Flag)+len(s.Value)+3)
	}
	width = min(width, 60)
	var b bytes.Buffer
	for i, s := range all {
		if i == 0 || all[i-1].node != s.node {
			fmt.Fprintf(&b, "%s %s\n", printable(s.Cluster), printable(s.Node))
		}
		from := s.Field
		if p := s.Pos.String(); p != "" {
			from += "  " + p
		}
		fmt.Fprintf(&b, "  %-*s  %s\n", width, printable("--"+s.Flag+"="+s.Value), printable(from))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func checkFormat(format string) error {
	if format != "text" && format != "json" {
		return usageError{fmt.Errorf("--format is %q, not text or json", format)}
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	// What steers a terminal is a control character to JSON only below a space.
	text := controls.ReplaceAllStringFunc(b.String(), func(s string) string {
		r, _ := utf8.DecodeRuneInString(s)
		return fmt.Sprintf(`\u%04x`, r)
	})
	_, err := io.WriteString(w, text)
	return err
}

var controls = regexp.MustCompile(`[\x{7f}-\x{9f}]`)
