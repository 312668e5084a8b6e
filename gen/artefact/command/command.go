// Package command reads how people start kube-controller-manager: units, pods, scripts and
// the configuration of what starts it for them become one command line, whose arguments
// know where they are written.
package command

import (
	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// Program is the base name of the program whose arguments are wanted.
const Program = "kube-controller-manager"

// Form is what a file is.
type Form string

// The forms.
const (
	Unit        Form = "a systemd unit"
	StaticPod   Form = "a static pod"
	Workload    Form = "a workload's pod template"
	Kubeadm     Form = "a kubeadm configuration"
	K3s         Form = "a configuration of K3s or RKE2"
	RKE1        Form = "a cluster of RKE1"
	Talos       Form = "a machine configuration of Talos"
	OpenShift   Form = "a configuration of OpenShift"
	Kops        Form = "a cluster of kops"
	Gardener    Form = "a shoot of Gardener"
	Puppet      Form = "data of Puppet"
	Kubespray   Form = "variables of Kubespray"
	Compose     Form = "a Compose file"
	Script      Form = "a shell script"
	Supervisor  Form = "a program of supervisor"
	Environment Form = "an environment file"
	List        Form = "a list of flags"
	Process     Form = "a process's command line"
	ProcessList Form = "a list of processes"
	Log         Form = "a log"
	Flagz       Form = "the flags of a running process"
)

// Command is how kube-controller-manager is started.
type Command struct {
	Form Form
	At   text.At // where it begins
	// Partial: what starts the program adds flags of its own, which aren't known here.
	Partial bool
	Program text.Text // "" if the form doesn't say it
	Args    []Arg
	Image   text.Text // of the container; "" if there is none
	// Version is the version of Kubernetes that the file states, such as v1.34.2 or 1.34;
	// "" if it states none.
	Version text.Text
	// Pods and Services are the networks that a cluster's configuration states beside flags.
	Pods, Services text.Text
	Notes          []Note
	// Target is the path on the host to which the file is written; "" if it isn't known.
	Target text.Text
	// Defaults: the arguments have every flag, also those that have their default.
	Defaults bool

	// UnitFile is the unit with its drop-ins; nil if the form is another.
	UnitFile *systemd.Unit
	// Pod is the map that has the pod's spec, and Container the container's; nil likewise.
	Pod, Container *yamltext.Node
	// Workload is the object whose template the pod is, such as a Deployment; nil if there is none.
	Workload *yamltext.Node
}

// Words returns the arguments as text.
func (c *Command) Words() []string {
	var out []string
	for _, a := range c.Args {
		out = append(out, a.String())
	}
	return out
}

// Arg is an argument after the program's name.
type Arg struct {
	text.Text
	// By is what adds the argument without a word in the file, such as kubeadm; "" if the
	// file has it.
	By string
}

// Note is something about a file that matters to its reader, beside the arguments.
type Note struct {
	At text.At
	// Rule is the id of the rule in docs/rules.md; "" if it is nothing to mend.
	Rule              string
	Message, Expected string
}

// Flag returns an argument --name=value. The value's place is value's, the name's is at.
func Flag(name string, value text.Text, at text.At) Arg {
	return Arg{Text: text.Join(text.Literal("--"+name+"=", at), value)}
}
