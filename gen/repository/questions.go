package repository

import (
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// ExampleNodes are the nodes of a new cluster, if none are named.
const ExampleNodes = "cp-1=10.0.0.11,cp-2=10.0.0.12,cp-3=10.0.0.13"

// Question is one about a new cluster.
type Question struct {
	Text, Fallback string // an empty answer means Fallback
	Check          func(answer string) error
	Answer         *string // where the answer goes
}

// AskDirectory asks where a new cluster belongs.
func AskDirectory(dir *string) Question {
	q := Question{"directory of the new repository", "clusters", CheckFree, dir}
	if _, err := config.ModuleRoot("."); err == nil {
		q.Text, q.Fallback = "directory of the new cluster", filepath.Join("clusters", "new")
	}
	return q
}

// Questions are those about a cluster in a directory. They don't depend on each other.
func (o *First) Questions(dir string) []Question {
	check := func(set func(try *First, answer string)) func(string) error {
		return func(answer string) error {
			try := First{Name: "x", Layout: string(spec.Systemd), Nodes: ExampleNodes, Version: Newest}
			set(&try, answer)
			_, err := try.Cluster()
			return err
		}
	}
	return []Question{
		{"name of the cluster", NameOf(filepath.Clean(dir)), check(func(try *First, s string) { try.Name = s }), &o.Name},
		{"how nodes run kube-controller-manager, systemd or staticPod", string(spec.Systemd), check(func(try *First, s string) { try.Layout = s }), &o.Layout},
		{"control-plane nodes", o.Nodes, check(func(try *First, s string) { try.Nodes = s }), &o.Nodes},
		{"version of Kubernetes", o.Version, check(func(try *First, s string) { try.Version = s }), &o.Version},
	}
}
