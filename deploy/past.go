package deploy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// ActionRetire is the action of a report of a host that was retired.
const ActionRetire = "retire"

// Past are the reports of a cluster, the oldest first.
type Past []Report

// ReadPast parses reports. It skips those that can't be parsed.
func ReadPast(written [][]byte) Past {
	var out Past
	for _, data := range written {
		var r Report
		if json.Unmarshal(data, &r) == nil {
			out = append(out, r)
		}
	}
	return out
}

// last returns the report of the last deployment to a node. It is nil if there was none, or
// if the node was retired since, at the returned time.
func (p Past) last(node string) (last *HostReport, retired time.Time) {
	for _, r := range p {
		for _, h := range r.Hosts {
			switch {
			case h.Node != node:
			case r.Action == ActionRetire && h.Outcome == rollout.Done:
				last, retired = nil, r.Started
			case h.Target != nil:
				last, retired = &h, time.Time{}
			}
		}
	}
	return last, retired
}

// Departed returns the nodes that were deployed to and aren't in the cluster any more, sorted.
func (p Past) Departed(c *spec.Cluster) []string {
	var out []string
	for _, r := range p {
		for _, h := range r.Hosts {
			last, _ := p.last(h.Node)
			has := slices.ContainsFunc(c.Nodes, func(n spec.Node) bool { return n.Name == h.Node })
			if last != nil && !has && !slices.Contains(out, h.Node) {
				out = append(out, h.Node)
			}
		}
	}
	slices.Sort(out)
	return out
}

// StillInClusterError is a node that the cluster still has.
type StillInClusterError struct{ Cluster, Node, Unit string }

func (e *StillInClusterError) Error() string {
	return fmt.Sprintf("cluster %s still has node %s", e.Cluster, e.Node)
}

// NeverDeployedError is a node without a known deployment.
type NeverDeployedError struct{ Cluster, Node string }

func (e *NeverDeployedError) Error() string {
	return fmt.Sprintf("no deploy of cluster %s to a node %s is known here", e.Cluster, e.Node)
}

// RetiredError is a node that was retired already.
type RetiredError struct {
	Cluster, Node string
	At            time.Time
}

func (e *RetiredError) Error() string {
	return fmt.Sprintf("node %s of cluster %s was retired at %s", e.Node, e.Cluster, e.At.Format(time.RFC3339))
}

// Node returns a node that left a cluster, with the address and SSH settings of its last
// deployment.
func (p Past) Node(cluster, name string) (*spec.Node, error) {
	h, retired := p.last(name)
	if !retired.IsZero() {
		return nil, &RetiredError{cluster, name, retired}
	}
	if h == nil {
		return nil, &NeverDeployedError{cluster, name}
	}
	address, err := netip.ParseAddr(h.Target.Address)
	if err != nil {
		return nil, err
	}
	return &spec.Node{Name: name, Addresses: []netip.Addr{address}, SSH: h.Target.SSH}, nil
}

// NodeForAddress returns a node that is reached at [USER@]HOST.
func NodeForAddress(name, host string) *spec.Node {
	n := &spec.Node{Name: name, Addresses: []netip.Addr{{}}, SSH: spec.SSH{Host: host}}
	if user, host, ok := strings.Cut(host, "@"); ok {
		n.SSH.User, n.SSH.Host = user, host
	}
	return n
}

// Encode returns the report as JSON.
func (r *Report) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
}

// Notes returns what a plan for a cluster should say of these reports.
func (p Past) Notes(c *spec.Cluster) []string {
	var out []string
	for _, name := range p.Departed(c) {
		out = append(out, fmt.Sprintf("%s left the cluster, and may run still: kcmgen retire %s %s", name, name, c.Name))
	}
	return out
}
