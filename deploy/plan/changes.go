package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Change is a difference between a written plan and one made now.
type Change struct {
	Node string `json:"node,omitempty"` // "" for the whole cluster
	Text string `json:"text"`
}

func (m Change) String() string {
	if m.Node == "" {
		return m.Text
	}
	return m.Node + ": " + m.Text
}

// StalePlanError is a written plan that doesn't hold any more.
type StalePlanError struct{ Changes []Change }

func (e *StalePlanError) Error() string {
	var out []string
	for _, m := range e.Changes {
		out = append(out, m.String())
	}
	return "the plan doesn't hold any more:\n" + strings.Join(out, "\n")
}

// Read reads a plan from its JSON. It refuses unknown fields and newer schemas.
func Read(r io.Reader) (*Plan, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var p Plan
	switch err := d.Decode(&p); {
	case p.Schema > Schema:
		return nil, fmt.Errorf("it is a plan of schema %d, and this kcmgen knows %d: use the one that wrote it", p.Schema, Schema)
	case err != nil:
		return nil, fmt.Errorf("it isn't a plan: %w", err)
	case p.Schema == 0 || p.Cluster == "" || len(p.Hosts) == 0:
		return nil, errors.New("it isn't a plan: a schema, a cluster and hosts are missing; kcmgen deploy --dry-run --out-plan writes one")
	}
	return &p, nil
}

// Changes compares a written plan with one made now. It returns what has changed
// meanwhile; nothing if the same would be done for the same reasons.
func Changes(was, is *Plan) []Change {
	var out []Change
	add := func(node, format string, args ...any) { out = append(out, Change{node, fmt.Sprintf(format, args...)}) }
	if was.Cluster != is.Cluster || was.Action != is.Action {
		add("", "it is for a %s of cluster %s, and this is a %s of %s", was.Action, was.Cluster, is.Action, is.Cluster)
		return out
	}
	if was.Timing != is.Timing {
		add("", "the time limits were %s, and are %s", was.Timing, is.Timing)
	}
	switch {
	case was.HandsOver != is.HandsOver:
		add("", "whether the leader's lease is given back: %v, and now %v", was.HandsOver, is.HandsOver)
	case was.ReadsLease != is.ReadsLease:
		add("", "whether the lease is read: %v, and now %v", was.ReadsLease, is.ReadsLease)
	case was.Leader != is.Leader:
		add("", "the leader was %s, and is %s", leaderName(was), leaderName(is))
	}
	for _, node := range nodesOf(was, is) {
		for _, text := range hostChanges(was.host(node), is.host(node)) {
			add(node, "%s", text)
		}
	}
	if len(out) > 0 { // these explain any other difference
		return out
	}
	for _, node := range nodesOf(was, is) {
		if text := stepChange(was.step(node), is.step(node)); text != "" {
			add(node, "%s", text)
		}
	}
	if len(out) == 0 && !slices.Equal(order(was), order(is)) {
		add("", "the order was %s, and is %s", strings.Join(order(was), ", "), strings.Join(order(is), ", "))
	}
	return out
}

func (t Timing) String() string {
	return fmt.Sprintf("gate %v, soak %v, lead %v, lease %v, retry %v, away %v, revert %v",
		t.Gate.Duration(), t.Soak.Duration(), t.Lead.Duration(), t.Lease.Duration(), t.Retry.Duration(), t.Away.Duration(), t.Revert.Duration())
}

func leaderName(p *Plan) string {
	if p.Leader == "" {
		return "none"
	}
	return p.Leader
}

func order(p *Plan) []string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.Node)
	}
	return out
}

func nodesOf(plans ...*Plan) []string {
	var out []string
	for _, p := range plans {
		for _, h := range p.Hosts {
			out = append(out, h.Node)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// host returns the record of a node, or nil.
func (p *Plan) host(node string) *Record {
	i := slices.IndexFunc(p.Hosts, func(h Record) bool { return h.Node == node })
	if i < 0 {
		return nil
	}
	return &p.Hosts[i]
}

// hostChanges describes what changed about a host.
func hostChanges(was, is *Record) []string {
	switch {
	case was == nil:
		return []string{"it is in the plan that would be made now, and wasn't"}
	case is == nil:
		return []string{"it was in the plan, and wouldn't be now"}
	}
	var out []string
	differs := func(what, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("%s was %s, and is %s", what, a, b))
		}
	}
	differs("its exported generation", orNothing(was.Desired), orNothing(is.Desired))
	differs("what it runs", orNothing(was.Runs), orNothing(is.Runs))
	differs("its hostname", orNothing(was.Hostname), orNothing(is.Hostname))
	differs("its state", stateText(was), stateText(is))
	if was.Elects != is.Elects {
		differs("whether it may lead", fmt.Sprint(was.Elects), fmt.Sprint(is.Elects))
	}
	if was.Trial != is.Trial {
		differs("its trial", orNothing(was.Trial), orNothing(is.Trial))
	}
	if len(out) == 0 && (was.Stamp != is.Stamp || was.UnitSum != is.UnitSum) {
		out = append(out, "it was changed since")
	}
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return Short(s)
}

func stateText(r *Record) string {
	if r.Unhealthy == "" {
		return "healthy"
	}
	return r.Unhealthy
}

// stepChange describes what changed about a step; "" if nothing did.
func stepChange(was, is *Step) string {
	switch {
	case was == nil && is == nil:
		return ""
	case was == nil:
		return "nothing was to be done to it, and now it would be restarted: " + is.Restart
	case is == nil:
		return "it was to be restarted, and now nothing would be done to it"
	case was.Restart != is.Restart:
		return fmt.Sprintf("why it is restarted was %q, and is %q", was.Restart, is.Restart)
	case was.Address != is.Address:
		return fmt.Sprintf("its address was %s, and is %s", was.Address, is.Address)
	case !reflect.DeepEqual(was.Files, is.Files) || !reflect.DeepEqual(was.Flags, is.Flags) || !slices.Equal(was.Unit, is.Unit), was.Image != is.Image:
		return "what would change there isn't the same"
	}
	return ""
}
