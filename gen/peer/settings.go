package peer

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// setting is a flag that rules compare.
type setting struct {
	name string
	def  string // default of the component
	bool bool   // it may stand without a value
	list bool   // given twice, it has both values
	as   string // what rules call it, if it isn't the flag's name
}

func (s setting) key() string {
	if s.as != "" {
		return s.as
	}
	return s.name
}

func known(settings []setting, name string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return s.name == name })
}

// apiserverSettings are flags of kube-apiserver with their defaults, as pkg/kubeapiserver,
// k8s.io/apiserver/pkg/server/options and cmd/kube-apiserver/app/options of Kubernetes have
// them.
var apiserverSettings = []setting{
	{name: "advertise-address"},
	{name: "bind-address", def: "0.0.0.0"},
	{name: "client-ca-file"},
	{name: "cloud-provider"},
	{name: "emulated-version", list: true},
	{name: "enable-bootstrap-token-auth", def: "false", bool: true},
	{name: "enable-garbage-collector", def: "true", bool: true},
	{name: "endpoint-reconciler-type", def: "lease"},
	{name: "feature-gates", list: true},
	{name: "kubelet-certificate-authority"},
	{name: "proxy-client-cert-file"},
	{name: "requestheader-allowed-names", list: true},
	{name: "requestheader-client-ca-file"},
	{name: "runtime-config", list: true},
	{name: "secure-port", def: "6443"},
	{name: "service-account-issuer", list: true},
	{name: "service-account-key-file", list: true},
	{name: "service-account-signing-endpoint"},
	{name: "service-account-signing-key-file"},
	{name: "service-cluster-ip-range", def: "10.0.0.0/24"},
	{name: "tls-cert-file"},
}

// flags keeps the settings of a command line. What it doesn't have has its default, unless
// a part of it isn't known.
func (f *file) flags(c *command.Command, settings []setting) {
	open := c.Partial
	for i := 0; i < len(c.Args); i++ {
		arg := c.Args[i].Text
		if !strings.HasPrefix(arg.String(), "--") {
			open = open || !arg.Known() // a variable that may stand for flags
			continue
		}
		name, value, has := arg.From(len("--")).Cut("=")
		if !name.Known() {
			open = true
			continue
		}
		n := strings.ReplaceAll(name.String(), "_", "-")
		at := slices.IndexFunc(settings, func(s setting) bool { return s.name == n })
		switch {
		case has:
		case (at < 0 || !settings[at].bool) && i+1 < len(c.Args) && !strings.HasPrefix(c.Args[i+1].String(), "-"):
			i++
			value = c.Args[i].Text
		default: // only a truth value needs no word
			value = text.Literal("true", arg.At(0))
		}
		if at >= 0 {
			f.say(settings[at], arg.At(0), value)
		}
	}
	for _, s := range settings {
		if _, ok := f.out.Says[s.key()]; !ok {
			f.out.Says[s.key()] = vet.Said{Value: s.def, At: f.out.At, Default: !open, Unknown: open}
		}
	}
}

// say keeps a setting. The last one wins, but a list has all its values.
func (f *file) say(s setting, at text.At, value text.Text) {
	said := vet.Said{Value: value.String(), At: f.at(at), Unknown: !value.Known()}
	if before, ok := f.out.Says[s.key()]; ok && s.list {
		said.Value = before.Value + "," + said.Value
		said.At, said.Unknown = before.At, before.Unknown || said.Unknown
	}
	if said.Unknown {
		said.Value = ""
	}
	f.out.Says[s.key()] = said
}

// version keeps the version of the image, or the one that a configuration states.
func (f *file) version(c *command.Command) {
	said := vet.Said{At: f.out.At, Unknown: true}
	_, name, _ := cutLast(c.Image, '/')
	if tag, _, _ := name.Cut("@"); tag.Len() > 0 {
		if _, version, ok := tag.Cut(":"); ok && version.Known() {
			if _, err := spec.ParseVersion(version.String()); err == nil {
				said = vet.Said{Value: version.String(), At: f.at(c.Image.At(0))}
			}
		}
	}
	f.out.Says["version"] = said
}

// cutLast cuts a text at the last byte c; all of it is after, if it has none.
func cutLast(t text.Text, c byte) (before, after text.Text, found bool) {
	i := strings.LastIndexByte(t.String(), c)
	if i < 0 {
		return text.Text{}, t, false
	}
	return t.Slice(0, i), t.From(i + 1), true
}
