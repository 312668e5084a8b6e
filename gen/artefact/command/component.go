package command

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// The other programs of a cluster.
const (
	APIServer = "kube-apiserver"
	Kubelet   = "kubelet"
	KubeProxy = "kube-proxy"
	Scheduler = "kube-scheduler"
	Etcd      = "etcd"
)

// Component is what a file says about a program other than kube-controller-manager.
type Component struct {
	// Commands are the command lines that start it.
	Commands []Command
	// Docs are the file's documents, if it is YAML or JSON: they may configure the program.
	Docs []*yamltext.Node
}

// ReadComponent reads a unit, a pod, a script, a list of flags, a process's command line or a
// configuration of kubeadm for a program other than kube-controller-manager. Its error is an
// *Error, and says no word of the file that may be a password. A file that can be read and
// doesn't start the program is a Component without commands.
func ReadComponent(set *text.Set, in Input, program string) (*Component, error) {
	r := newReader(set, program)
	out, err := r.component(in)
	if err != nil {
		return nil, r.located(err, in.Name)
	}
	return out, nil
}

func (r *reader) component(in Input) (*Component, error) {
	l := r.load(in)
	switch {
	case l.err != nil:
		return nil, l.err
	case l.unit != nil:
		r.units([]*loaded{l})
		return &Component{Commands: l.docs}, nil
	case len(l.docs) > 0:
		return &Component{Commands: l.docs}, nil
	}
	masked, _ := r.mask(l.text)
	first := firstLine(masked)
	switch {
	case first == "":
		return nil, faultf(l.text.At(0), "it is empty, or has comments only")
	case mapping().MatchString(first) && !flagFirst(first):
		docs, _, err := r.yaml(masked)
		if err != nil {
			return nil, err
		}
		return r.componentDocs(docs), nil
	case isListOf(masked, r.want):
		c, err := r.list(masked)
		if err != nil {
			return nil, err
		}
		return &Component{Commands: []Command{c}}, nil
	}
	return r.componentScript(masked)
}

// componentScript reads a script: a script in which nothing starts the program is none of its
// files, whatever the parser says about the script.
func (r *reader) componentScript(t text.Text) (*Component, error) {
	if _, err := shell.Parse(r.set, t); err != nil {
		return nil, faultf(t.At(0), "it is no unit, pod, script, list of flags or YAML")
	}
	c, err := r.shell(t, nil)
	if err != nil {
		return &Component{}, nil //nolint:nilerr // it starts something else, whose words aren't repeated
	}
	return &Component{Commands: []Command{c}}, nil
}

// componentDocs reads documents of YAML.
func (r *reader) componentDocs(docs []*yamltext.Node) *Component {
	out := &Component{Docs: docs}
	for _, doc := range docs {
		if kept := doc.Get("data", "ClusterConfiguration"); doc.Get("kind").Str() == "ConfigMap" && kept.Is(yamltext.Scalar) { // kubeadm-config
			if inner, err := parseYAML(r.set, kept.Text); err == nil && len(inner) > 0 {
				doc = inner[0]
			}
		}
		if c, ok := r.kubeadmComponent(doc, docs); ok {
			out.Commands = append(out.Commands, c)
			continue
		}
		found, _ := r.pods(doc) // an error is about a pod of something else
		out.Commands = append(out.Commands, found...)
		if c, ok := r.argumentsOf(doc); ok {
			out.Commands = append(out.Commands, c)
		}
	}
	return out
}

// argumentsOf reads a list that begins with the program.
func (r *reader) argumentsOf(doc *yamltext.Node) (Command, bool) {
	items := doc.List()
	if len(items) == 0 || !r.is(items[0].Value()) {
		return Command{}, false
	}
	c := Command{Form: List, At: doc.Place(), Program: items[0].Value()}
	for _, e := range items[1:] {
		c.Args = append(c.Args, Arg{Text: e.Value()})
	}
	return c, true
}

// kubeadmComponent reads a ClusterConfiguration of kubeadm for kube-apiserver.
func (r *reader) kubeadmComponent(doc *yamltext.Node, docs []*yamltext.Node) (Command, bool) {
	if r.want != APIServer || !isKind(doc, "kubeadm.k8s.io", "ClusterConfiguration", "MasterConfiguration") {
		return Command{}, false
	}
	doc = opened(r.set, doc)
	m := newMaker(r.set, doc, Kubeadm)
	var k kubeadm
	m.clusterConfiguration(&k, doc)
	k.extra, m.c.Partial = nil, doc.IsHole() || doc.Get("networking").IsHole() || doc.Get("apiServer").IsHole()
	m.extraArgs(&k, doc.Get("apiServerExtraArgs"))
	m.extraArgs(&k, doc.Get("apiServer", "extraArgs"))
	port := text.Literal("6443", m.c.At)
	for _, other := range docs {
		if isKind(other, "kubeadm.k8s.io", "InitConfiguration") {
			port = first(opened(r.set, other).Get("localAPIEndpoint", "bindPort").Value(), port)
		}
	}
	m.apiServer(&k, first(doc.Get("networking", "dnsDomain").Value(), text.Literal("cluster.local", m.c.At)), port)
	m.c.Notes = nil // about kube-controller-manager
	return m.c, true
}

// apiServer makes the command line of the static pod that kubeadm writes for kube-apiserver, as
// getAPIServerCommand of cmd/kubeadm/app/phases/controlplane does. It leaves out arguments that
// nothing here looks at.
func (m *maker) apiServer(k *kubeadm, domain, port text.Text) {
	here := func(s string) text.Text { return text.Literal(s, m.c.At) }
	dir := cleaned(first(k.certs, here("/etc/kubernetes/pki")))
	in := func(file string) text.Text { return text.Join(dir, text.Literal("/"+file, dir.At(0))) }
	m.c.Program, m.c.Version = here(APIServer), k.version
	m.c.Services = first(k.services, here("10.96.0.0/12"))
	var own []extra
	for _, f := range []struct {
		name  string
		value text.Text
	}{
		{"client-ca-file", in("ca.crt")},
		{"enable-bootstrap-token-auth", here("true")},
		{"proxy-client-cert-file", in("front-proxy-client.crt")},
		{"requestheader-allowed-names", here("front-proxy-client")},
		{"requestheader-client-ca-file", in("front-proxy-ca.crt")},
		{"secure-port", port},
		{"service-account-issuer", text.Join(here("https://kubernetes.default.svc."), domain)},
		{"service-account-key-file", in("sa.pub")},
		{"service-account-signing-key-file", in("sa.key")},
		{"service-cluster-ip-range", m.c.Services},
		{"tls-cert-file", in("apiserver.crt")},
		{"tls-private-key-file", in("apiserver.key")},
	} {
		own = append(own, extra{name: text.Literal(f.name, f.value.At(0)), value: f.value, by: byKubeadm})
	}
	for _, e := range ordered(own, k.extra, minorOf(k.version)) {
		m.c.Args = append(m.c.Args, named(e.name, e.value, e.by))
	}
	if version := strings.TrimPrefix(k.version.String(), "v"); minorOf(k.version) > 0 {
		m.c.Image = text.Literal("registry.k8s.io/"+APIServer+":v"+version, k.version.At(0))
	}
}
