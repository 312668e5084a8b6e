package command

import (
	"fmt"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
)

// BenchmarkUnits reads a thousand small units in one call.
func BenchmarkUnits(b *testing.B) {
	var in []Input
	for i := range 1000 {
		in = append(in, inputs(fmt.Sprintf("host%d/kcm.service", i), fmt.Sprintf(`[Unit]
Description=Kubernetes Controller Manager

[Service]
ExecStart=/usr/local/bin/kube-controller-manager \
  --bind-address=0.0.0.0 \
  --cluster-cidr=10.200.0.0/16 \
  --cluster-name=kubernetes-%d \
  --kubeconfig=/var/lib/kubernetes/kube-controller-manager.kubeconfig \
  --leader-elect=true \
  --use-service-account-credentials=true \
  --v=2
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
`, i))...)
	}
	for b.Loop() {
		out, err := Read(&text.Set{}, in, Options{Known: flags.Exists})
		if err != nil || len(out) != 1000 {
			b.Fatal(len(out), err)
		}
	}
}

// BenchmarkHosts reads a thousand units of as many hosts, each with a drop-in and variables.
func BenchmarkHosts(b *testing.B) {
	in := manyUnits(1000)
	for b.Loop() {
		out, err := Read(&text.Set{}, in, Options{Known: flags.Exists})
		if err != nil || len(out) != 1000 {
			b.Fatal(len(out), err)
		}
	}
}

// BenchmarkForms reads files of other forms, one at a time.
func BenchmarkForms(b *testing.B) {
	for name, data := range map[string]string{
		"script": "#!/bin/sh\nP=--v=2\nexec kube-controller-manager --kubeconfig=/a $P\n",
		"pod":    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    command:\n    - kube-controller-manager\n    - --kubeconfig=/a\n",
		"list":   "--kubeconfig=/a\n--v=2\n",
		"env":    "KUBE_CONTROLLER_MANAGER_ARGS=\"--kubeconfig=/a --v=2\"\n",
	} {
		in := inputs(name, data)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if out, err := Read(&text.Set{}, in, Options{Known: flags.Exists}); err != nil || len(out) != 1 {
					b.Fatal(err)
				}
			}
		})
	}
}
