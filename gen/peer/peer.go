// Package peer reads what files of other components say: of kube-apiserver, the kubelet,
// kube-proxy and network add-ons. It keeps the settings that rules compare, and nothing
// else: such files have passwords and tokens too.
package peer

import (
	"errors"
	"fmt"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// MaxFile is the maximum size of a file, in bytes.
const MaxFile = command.MaxFile

// file is a file that is read, and what is found in it.
type file struct {
	set  *text.Set
	name string // as messages call it
	in   command.Input
	out  *vet.Peer
}

// Read reads what a file of the component says that a field names. name is what positions
// call the file, and also are names of further settings to keep: those that the user states
// in apiserver.flags. Why a file can't be used is in the result's Err, a *vet.PeerError.
func Read(field, name string, data []byte, also []string) *vet.Peer {
	f := &file{set: &text.Set{}, name: name, in: command.Input{Name: name, Data: data}, out: &vet.Peer{At: finding.Pos{File: name}, Says: map[string]vet.Said{}}}
	var err error
	switch field {
	case vet.APIServerFile:
		err = f.apiserver(also)
	case vet.KubeletFile:
		err = f.configured(kubelet)
	case vet.KubeProxyFile:
		err = f.configured(kubeProxy)
	case vet.NetworkFile:
		err = f.network()
	}
	if err != nil {
		return &vet.Peer{Err: err}
	}
	return f.out
}

func (f *file) at(at text.At) finding.Pos {
	p := f.set.Pos(at)
	return finding.Pos{File: f.name, Line: max(p.Line, 1), Col: max(p.Col, 1)}
}

// fault returns an error with its place.
func (f *file) fault(at text.At, expected, format string, args ...any) error {
	return &vet.PeerError{At: f.at(at), Message: fmt.Sprintf(format, args...), Expected: expected}
}

// apiserver reads what starts kube-apiserver.
func (f *file) apiserver(also []string) error {
	read, err := f.component(command.APIServer)
	if err != nil {
		return err
	}
	if len(read.Commands) == 0 {
		return f.other(command.APIServer, read.Docs)
	}
	settings := apiserverSettings
	for _, name := range also {
		if !known(settings, name) {
			settings = append(settings[:len(settings):len(settings)], setting{name: name})
		}
	}
	f.flags(&read.Commands[0], settings)
	f.version(&read.Commands[0])
	return nil
}

// component reads what starts a program: once, or not at all.
func (f *file) component(program string) (*command.Component, error) {
	read, err := command.ReadComponent(f.set, f.in, program)
	var placed *command.Error
	switch {
	case errors.As(err, &placed):
		return nil, &vet.PeerError{At: finding.Pos{File: f.name, Line: placed.Pos.Line, Col: placed.Pos.Col}, Message: placed.Message}
	case err != nil:
		return nil, err
	case len(read.Commands) > 1:
		again := read.Commands[1].At
		return nil, f.fault(again, "the file of one host", "it starts %s twice, on line %d and on line %d", program, f.at(read.Commands[0].At).Line, f.at(again).Line)
	case len(read.Commands) == 1:
		f.out.At = f.at(read.Commands[0].At)
	}
	return read, nil
}

// maxOther is the size in bytes up to which a file is searched for other programs, too.
const maxOther = 64 << 10

// programs are those that a file may start instead.
var programs = []string{command.APIServer, command.Program, command.Scheduler, command.Kubelet, command.KubeProxy, command.Etcd}

// configurations are the kinds that configure a program, and their programs.
var configurations = map[string]string{
	"KubeletConfiguration": command.Kubelet, "KubeProxyConfiguration": command.KubeProxy,
	"KubeSchedulerConfiguration": command.Scheduler,
}

// kindName matches the kinds of Kubernetes.
var kindName = lazy.Regexp(`^[A-Z][A-Za-z0-9]{1,60}$`)

// other says what a file is that doesn't have what its field names.
func (f *file) other(want string, docs []*yamltext.Node) error {
	for _, program := range programs {
		if len(f.in.Data) > maxOther {
			break
		}
		read, err := command.ReadComponent(&text.Set{}, f.in, program)
		if program != want && err == nil && len(read.Commands) > 0 {
			return f.fault(read.Commands[0].At, "what starts "+want, "it starts %s, not %s", program, want)
		}
	}
	for _, doc := range docs {
		kind := doc.Get("kind").Str()
		switch of := configurations[kind]; {
		case of != "" && of != want:
			return f.fault(doc.Place(), "a file of "+want, "it is a %s, which configures %s and not %s", kind, of, want)
		case kindName().MatchString(kind):
			return f.fault(doc.Place(), "a file of "+want, "it is a %s, which says nothing of %s", kind, want)
		}
	}
	return f.fault(text.At{}, "", "nothing in it starts or configures %s", want)
}
