package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/deploy/show"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Types of the packages below, for callers that may not import those.
type (
	Plan           = plan.Plan
	Step           = plan.Step
	Seconds        = plan.Seconds
	FlagChange     = plan.FlagChange
	Drift          = plan.Drift
	Desired        = plan.Desired
	Change         = plan.Change
	StalePlanError = plan.StalePlanError
	SameNameError  = plan.SameNameError

	ApiserverAwayError = rollout.ApiserverAwayError
	GoneErrors         = rollout.GoneErrors
	RolledBackError    = rollout.RolledBackError
	SpareError         = rollout.SpareError
	StrandedError      = rollout.StrandedError
	UnseenError        = rollout.UnseenError

	Line  = show.Line
	Style = show.Style

	Observed = status.Cluster
)

// RolledBack is the outcome of a host that has what it had.
const RolledBack = rollout.RolledBack

// Changes compares a written plan with one made now.
var Changes = plan.Changes

// maxPlan is the maximum size of a plan's file, in bytes. A host takes some hundred.
const maxPlan = 16 << 20

// ReadPlan reads a plan that WritePlan wrote.
func ReadPlan(file string) (*Plan, error) {
	data, err := regular.Read(file, maxPlan)
	if err != nil {
		return nil, err
	}
	p, err := plan.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// WritePlan writes a plan to a file, for a review.
func WritePlan(file string, p *Plan) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return disk.ReplaceFile(file, append(data, '\n'), 0o644)
}

// Styles of lines.
const (
	Bold   = show.Bold
	Yellow = show.Yellow
	Red    = show.Red
)

// ShowPlan returns what will be done.
func ShowPlan(p *Plan) []Line { return show.Plan(p) }

// ShowUnchanged returns the line of a cluster where nothing is to be done.
func ShowUnchanged(cluster string, nodes []string) Line { return show.Unchanged(cluster, nodes) }

// ShowDrift returns how a host differs from the last export; nothing if it doesn't.
func ShowDrift(cluster string, d Drift) []Line { return show.Drift(cluster, d) }

// ShowStatus returns what was seen of a cluster.
func ShowStatus(c *Observed) []Line { return show.Status(c) }

// WriteStatus writes what was seen of clusters as html, one page without anything from
// elsewhere, or as prometheus, for node_exporter's textfile collector.
func WriteStatus(w io.Writer, format string, clusters []*Observed) error {
	if format == "html" {
		return show.HTML(w, clusters)
	}
	return show.Prometheus(w, clusters)
}
