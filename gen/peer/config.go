package peer

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// component is a program with a configuration of its own.
type component struct {
	program, group, kind string
	// inMap is the key of a ConfigMap under which kubeadm keeps the configuration.
	inMap string
	// fields are of the configuration, by the flags that win over them.
	fields []setting
	// flags have no field.
	flags []setting
	// ignores: with --config, the program ignores the flags of fields.
	ignores bool
}

var kubelet = component{
	program: command.Kubelet, group: "kubelet.config.k8s.io/", kind: "KubeletConfiguration", inMap: "kubelet",
	fields: []setting{
		{name: "node-status-update-frequency", as: "nodeStatusUpdateFrequency", def: "10s"},
		{name: "node-status-report-frequency", as: "nodeStatusReportFrequency"},          // no such flag
		{name: "node-lease-duration-seconds", as: "nodeLeaseDurationSeconds", def: "40"}, // no such flag
		{name: "rotate-certificates", as: "rotateCertificates", def: "false", bool: true},
		{name: "rotate-server-certificates", as: "serverTLSBootstrap", def: "false", bool: true},
		{name: "volume-plugin-dir", as: "volumePluginDir", def: "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"},
	},
	flags: []setting{{name: "cloud-provider"}},
}

var kubeProxy = component{
	program: command.KubeProxy, group: "kubeproxy.config.k8s.io/", kind: "KubeProxyConfiguration", inMap: "config.conf",
	fields:  []setting{{name: "cluster-cidr", as: "clusterCIDR"}},
	ignores: true,
}

// configured reads a component's configuration, or what starts it.
func (f *file) configured(c component) error {
	read, err := f.component(c.program)
	if err != nil {
		return err
	}
	configs, err := f.configs(c, read.Docs)
	switch {
	case err != nil:
		return err
	case len(configs) > 1:
		return f.fault(configs[1].Place(), "the configuration of one", "it has two of kind %s, on line %d and on line %d", c.kind, f.at(configs[0].Place()).Line, f.at(configs[1].Place()).Line)
	case len(configs) == 0 && len(read.Commands) == 0:
		return f.other(c.program, read.Docs)
	}
	withFile := false // a configuration that isn't here
	if len(read.Commands) > 0 {
		cmd := &read.Commands[0]
		withFile = hasConfig(cmd)
		f.flags(cmd, append(c.fields[:len(c.fields):len(c.fields)], c.flags...))
	}
	for _, s := range c.fields {
		said, given := f.out.Says[s.key()]
		switch {
		case len(configs) > 0 && (!given || said.Default || said.Unknown || c.ignores):
			f.field(s, configs[0])
		case withFile && (said.Default || c.ignores):
			f.out.Says[s.key()] = vet.Said{At: f.out.At, Unknown: true}
		}
	}
	for _, s := range c.flags {
		if len(read.Commands) == 0 {
			f.out.Says[s.key()] = vet.Said{At: f.out.At, Unknown: true}
		}
	}
	return nil
}

// hasConfig reports whether a command line names a configuration.
func hasConfig(c *command.Command) bool {
	for _, a := range c.Args {
		if name, _, _ := strings.Cut(a.String(), "="); name == "--config" {
			return true
		}
	}
	return false
}

// field keeps a field of a configuration.
func (f *file) field(s setting, config *yamltext.Node) {
	f.out.At = f.at(config.Place())
	key, ok := config.Key(s.as)
	value := config.Get(s.as)
	said := vet.Said{Value: s.def, At: f.out.At, Default: true}
	if ok && !value.Is(yamltext.Null) {
		t := value.Value()
		said = vet.Said{Value: t.String(), At: f.at(key.At(0)), Unknown: !t.Known() || !value.Is(yamltext.Scalar)}
	}
	if zero := said.Value == "" || said.Value == "0" || said.Value == "0s"; zero && !said.Unknown {
		said.Value, said.Default = s.def, true // as the component itself takes it
	}
	f.out.Says[s.key()] = said
}

// configs returns the documents that configure a component, also those in a ConfigMap.
func (f *file) configs(c component, docs []*yamltext.Node) ([]*yamltext.Node, error) {
	var out []*yamltext.Node
	for _, doc := range flat(docs) {
		switch {
		case strings.HasPrefix(doc.Get("apiVersion").Str(), c.group) && doc.Get("kind").Str() == c.kind:
			out = append(out, doc)
		case isConfigMap(doc):
			for key, value := range doc.Get("data").Each() {
				if key.String() != c.inMap && key.String() != "config.yaml" && key.String() != "config" {
					continue
				}
				inner, err := f.parse(value.Value())
				if err != nil {
					return nil, err
				}
				more, err := f.configs(c, withoutMaps(inner))
				if err != nil {
					return nil, err
				}
				out = append(out, more...)
			}
		}
	}
	return out, nil
}

// parse reads YAML or JSON that is a value in another document.
func (f *file) parse(t text.Text) ([]*yamltext.Node, error) {
	docs, err := yamltext.Parse(f.set, t)
	if err != nil {
		return nil, f.fault(t.At(0), "", "what is in this ConfigMap is neither YAML nor JSON")
	}
	return docs, nil
}

// flat returns documents, and those in their lists.
func flat(docs []*yamltext.Node) []*yamltext.Node {
	var out []*yamltext.Node
	for _, doc := range docs {
		if items := doc.Get("items"); strings.HasSuffix(doc.Get("kind").Str(), "List") && items.Is(yamltext.List) {
			out = append(out, items.List()...)
			continue
		}
		out = append(out, doc)
	}
	return out
}

func isConfigMap(doc *yamltext.Node) bool {
	return doc.Get("kind").Str() == "ConfigMap" && doc.Get("apiVersion").Str() == "v1"
}

// withoutMaps keeps one ConfigMap from being in another, and so on.
func withoutMaps(docs []*yamltext.Node) []*yamltext.Node {
	var out []*yamltext.Node
	for _, doc := range docs {
		if !isConfigMap(doc) && !strings.HasSuffix(doc.Get("kind").Str(), "List") {
			out = append(out, doc)
		}
	}
	return out
}
