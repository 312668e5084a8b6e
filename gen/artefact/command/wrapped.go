package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// wrapped reads the command of a program that starts kube-controller-manager itself: K3s, RKE2,
// minikube and kubeadm.
func (r *reader) wrapped(words []text.Text) (Command, bool) {
	has := func(prefix string) bool {
		return slices.ContainsFunc(words, func(w text.Text) bool { return strings.HasPrefix(w.String(), prefix) })
	}
	at := func(name string) int {
		return slices.IndexFunc(words, func(w text.Text) bool { return base(w) == name })
	}
	switch {
	case has("--" + k3sArgKey):
		return r.k3sServer(words), true
	case has("--extra-config"):
		return r.minikube(words)
	}
	if i := at("kubeadm"); i >= 0 && i+1 < len(words) && words[i+1].String() == "init" && !has("--config") {
		return r.kubeadmInit(words[i+2:])
	}
	for _, name := range []string{"k3s", "rke2"} {
		if i := at(name); i >= 0 && i+1 < len(words) && words[i+1].String() == "server" && (has("--cluster-cidr") || has("--service-cidr")) {
			return r.k3sServer(words), true
		}
	}
	return Command{}, false
}

// wrapper returns the form of a command: that of the program that wraps the other one, or that
// of the file.
func wrapper(of, file Form) Form {
	if of == K3s || of == Kubeadm {
		return of
	}
	return file
}

// option returns the values of an option, as --name=value or in the next word.
func option(words []text.Text, name string) []text.Text {
	var out []text.Text
	for i := 0; i < len(words); i++ {
		switch key, value, is := words[i].Cut("="); {
		case key.String() != "--"+name:
		case is:
			out = append(out, value)
		case i+1 < len(words):
			i++
			out = append(out, words[i])
		}
	}
	return out
}

// last returns the last of some texts; none if there is none.
func last(ts []text.Text) text.Text {
	if len(ts) == 0 {
		return text.Text{}
	}
	return ts[len(ts)-1]
}

// joinedTexts returns texts with commas between them.
func joinedTexts(ts []text.Text) text.Text {
	var b text.Builder
	for i, t := range ts {
		if i > 0 {
			b.Byte(',', t.At(0))
		}
		b.Write(t)
	}
	return b.Text()
}

// k3sServer reads the options of k3s server or rke2 server.
func (r *reader) k3sServer(words []text.Text) Command {
	m := &maker{r.set, Command{Form: K3s, At: words[0].At(0), Partial: true}}
	for _, v := range option(words, k3sArgKey) {
		m.k3sArg(v)
	}
	m.networks(joinedTexts(option(words, "cluster-cidr")), joinedTexts(option(words, "service-cidr")), byK3s)
	sortArgs(m.c.Args)
	return m.c
}

// minikube reads --extra-config=controller-manager.name=value.
func (r *reader) minikube(words []text.Text) (Command, bool) {
	m := &maker{r.set, Command{Form: Kubeadm, At: words[0].At(0), Partial: true}}
	for _, v := range option(words, "extra-config") {
		component, rest, ok := v.Cut(".")
		if name, value, is := rest.Cut("="); ok && is && component.String() == "controller-manager" {
			m.add(name, value)
		}
	}
	m.c.Version = last(option(words, "kubernetes-version"))
	return m.c, len(m.c.Args) > 0
}

// kubeadmInit reads the options of kubeadm init that decide over the command line.
func (r *reader) kubeadmInit(words []text.Text) (Command, bool) {
	if len(words) == 0 {
		return Command{}, false
	}
	m := &maker{r.set, Command{Form: Kubeadm, At: words[0].At(0)}}
	k := kubeadm{
		pods:       last(option(words, "pod-network-cidr")),
		services:   last(option(words, "service-cidr")),
		certs:      last(option(words, "cert-dir")),
		version:    last(option(words, "kubernetes-version")),
		repository: last(option(words, "image-repository")),
	}
	m.manifest(&k)
	return m.c, true
}

// installExec are the variables in which the installer of K3s or RKE2 gets the words of a command.
var installExec = []string{"INSTALL_K3S_EXEC", "INSTALL_RKE2_EXEC", "K3S_ARGS"}

// installed reads the words that an installer gets in a variable.
func (r *reader) installed(value text.Text) (Command, bool) {
	if !strings.Contains(value.String(), "--"+k3sArgKey) {
		return Command{}, false
	}
	words := shellWords(value)
	return r.k3sServer(words), true
}
