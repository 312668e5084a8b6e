package main

import (
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// ask asks for what the command line leaves out.
func (o *initOptions) ask(args *[]string, a *asker) (err error) {
	if len(*args) == 0 {
		question, fallback := "directory of the new repository", "clusters"
		if _, err := gen.ModuleRoot("."); err == nil {
			question, fallback = "directory of the new cluster", filepath.Join("clusters", "new")
		}
		dir, err := a.ask(question, fallback, repository.CheckFree)
		if err != nil {
			return err
		}
		*args = []string{dir}
	}
	questions := []struct {
		text     string
		value    *string
		fallback string
	}{
		{"name of the cluster", &o.Name, repository.NameOf(filepath.Clean((*args)[0]))},
		{"how nodes run kube-controller-manager, systemd or staticPod", &o.Layout, string(spec.Systemd)},
		{"control-plane nodes", &o.Nodes, o.Nodes},
		{"version of Kubernetes", &o.Version, o.Version},
	}
	for _, q := range questions {
		check := func(answer string) error {
			try := repository.First{Name: "x", Layout: string(spec.Systemd), Nodes: exampleNodes, Version: repository.Newest}
			switch q.value {
			case &o.Name:
				try.Name = answer
			case &o.Layout:
				try.Layout = answer
			case &o.Nodes:
				try.Nodes = answer
			default:
				try.Version = answer
			}
			_, err := try.Cluster()
			return err
		}
		if *q.value, err = a.ask(q.text, q.fallback, check); err != nil {
			return err
		}
	}
	return nil
}
