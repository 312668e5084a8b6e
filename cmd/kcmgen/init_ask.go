package main

import (
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/starter"
)

// ask asks for what the command line doesn't say.
func (o *initOptions) ask(args *[]string, a *asker) (err error) {
	if len(*args) == 0 {
		question, fallback := "folder of the new repository", "clusters"
		if _, err := config.ModuleRoot("."); err == nil {
			question, fallback = "folder of the new cluster", filepath.Join("clusters", "new")
		}
		dir, err := a.ask(question, fallback, free)
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
		{"name of the cluster", &o.name, nameOf(filepath.Clean((*args)[0]))},
		{"how nodes run kube-controller-manager, systemd or staticPod", &o.layout, string(spec.Systemd)},
		{"control-plane nodes", &o.nodes, o.nodes},
		{"version of Kubernetes", &o.version, o.version},
	}
	for _, q := range questions {
		check := func(answer string) error {
			try := initOptions{name: "x", layout: string(spec.Systemd), nodes: exampleNodes, version: starter.Newest}
			switch q.value {
			case &o.name:
				try.name = answer
			case &o.layout:
				try.layout = answer
			case &o.nodes:
				try.nodes = answer
			default:
				try.version = answer
			}
			_, err := try.cluster()
			return err
		}
		if *q.value, err = a.ask(q.text, q.fallback, check); err != nil {
			return err
		}
	}
	return nil
}
