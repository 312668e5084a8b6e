// Command kubectl is Kubernetes' own kubectl, built from k8s.io/kubectl alone.
//
// Its usual main package lies in k8s.io/kubernetes, which can't be imported at
// a version and would compile for many minutes. What we need of it, `kubectl
// config`, is all in the staging module.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	// RunNoErrOutput leaves the printing to CheckErr, which words errors and
	// chooses exit codes as people know them from kubectl.
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
