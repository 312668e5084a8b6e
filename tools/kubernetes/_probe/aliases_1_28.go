//go:build kube1_28 && !kube1_29

package main

import "k8s.io/kubernetes/cmd/kube-controller-manager/names"

func aliases() map[string]string { return names.KCMControllerAliases() }
