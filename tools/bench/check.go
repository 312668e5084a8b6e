package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// unitText is a unit without a fault, of the node with an address.
const unitText = `[Unit]
Description=Kubernetes Controller Manager
After=network-online.target

[Service]
ExecStart=/usr/local/bin/kube-controller-manager \
  --allocate-node-cidrs=true \
  --authentication-kubeconfig=/etc/kubernetes/kcm/controller-manager.conf \
  --authorization-kubeconfig=/etc/kubernetes/kcm/controller-manager.conf \
  --bind-address=127.0.0.1 \
  --client-ca-file=/etc/kubernetes/kcm/ca.crt \
  --cluster-cidr=10.200.0.0/16 \
  --cluster-name=node-%[1]d \
  --cluster-signing-cert-file=/etc/kubernetes/kcm/ca.crt \
  --cluster-signing-duration=8760h \
  --cluster-signing-key-file=/etc/kubernetes/kcm/ca.key \
  --kubeconfig=/etc/kubernetes/kcm/controller-manager.conf \
  --leader-elect=true \
  --node-cidr-mask-size=24 \
  --profiling=false \
  --root-ca-file=/etc/kubernetes/kcm/ca.crt \
  --service-account-private-key-file=/etc/kubernetes/kcm/sa.key \
  --service-cluster-ip-range=10.32.0.0/16 \
  --terminated-pod-gc-threshold=12500 \
  --tls-cert-file=/etc/kubernetes/kcm/kcm.crt \
  --tls-min-version=VersionTLS12 \
  --tls-private-key-file=/etc/kubernetes/kcm/kcm.key \
  --use-service-account-credentials=true \
  --v=2
Restart=always
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
CapabilityBoundingSet=

[Install]
WantedBy=multi-user.target
`

// manyUnits is how many units are checked in one call.
const manyUnits = 1000

// checking compares the check of many units in one call with that of one.
func (b *bench) checking() ([]row, error) {
	dir := filepath.Join(b.scratch, "units")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	all := []string{b.kcmgen, "flags", "--strict", "--check"}
	one := append([]string{}, all...)
	for i := range manyUnits {
		name := fmt.Sprintf("%d.service", i)
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, unitText, i), 0o644); err != nil {
			return nil, err
		}
		if all = append(all, name); i == 0 {
			one = append(one, name)
		}
	}
	return []row{{
		title: fmt.Sprintf("flags --check of %d units", manyUnits), rounds: 20, bounds: []bound{timesAtMost(3)},
		sides: []side{
			{name: fmt.Sprintf("%d units", manyUnits), run: command(dir, b.env, all...)},
			{name: "1 unit", run: command(dir, b.env, one...)},
		},
	}}, nil
}
