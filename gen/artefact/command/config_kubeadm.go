package command

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

const byKubeadm = "kubeadm"

// extra is an argument of the user, or of a program that configures kubeadm.
type extra struct {
	name, value text.Text
	by          string
	merge       string // "append" or "prepend" to kubeadm's own, since 1.37
}

// kubeadm is what decides over the command line that kubeadm writes.
type kubeadm struct {
	pods, services, certs, name, version, repository text.Text
	extra                                            []extra
}

// fromKubeadm reads a ClusterConfiguration of kubeadm.
func fromKubeadm(set *text.Set, doc *yamltext.Node) []Command {
	if !isKind(doc, "kubeadm.k8s.io", "ClusterConfiguration", "MasterConfiguration") {
		return nil
	}
	m := newMaker(set, doc, Kubeadm)
	var k kubeadm
	m.clusterConfiguration(&k, doc)
	m.apiVersion(doc, k.version)
	m.shape(doc)
	m.manifest(&k)
	return m.done()
}

// lastMinor is the last version whose kubeadm reads a version of the configuration.
var lastMinor = map[string]int{"v1alpha1": 11, "v1alpha2": 12, "v1alpha3": 14, "v1beta1": 21, "v1beta2": 26, "v1beta3": 36}

// apiVersion notes a version of the configuration that kubeadm doesn't read any more.
func (m *maker) apiVersion(doc *yamltext.Node, version text.Text) {
	_, api, _ := strings.Cut(doc.Get("apiVersion").Str(), "/")
	last, old := lastMinor[api]
	if minor := minorOf(version); old && minor > last {
		m.note(doc.Get("apiVersion").At, "kubeadm 1.%d doesn't read kubeadm.k8s.io/%s: 1.%d is the last that does", minor, api, last)
	}
}

// shape notes extraArgs in the form of another version, which kubeadm refuses.
func (m *maker) shape(doc *yamltext.Node) {
	args := doc.Get("controllerManager", "extraArgs")
	api := doc.Get("apiVersion")
	switch _, version, _ := strings.Cut(api.Str(), "/"); {
	case !api.Text.Known():
	case lastMinor[version] > 0 && args.Is(yamltext.List):
		m.note(args.At, "kubeadm refuses the file: extraArgs is a list since v1beta4, and a map in %s", version)
	case lastMinor[version] == 0 && args.Is(yamltext.Map):
		m.note(args.At, "kubeadm refuses the file: extraArgs is a list of name and value in %s", version)
	}
}

// clusterConfiguration takes what a ClusterConfiguration says. What is there already stays
// where it says nothing: kind merges patches like that.
func (m *maker) clusterConfiguration(k *kubeadm, doc *yamltext.Node) {
	for _, f := range []struct {
		to   *text.Text
		keys []string
	}{
		{&k.pods, []string{"networking", "podSubnet"}},
		{&k.services, []string{"networking", "serviceSubnet"}},
		{&k.certs, []string{"certificatesDir"}},
		{&k.name, []string{"clusterName"}},
		{&k.version, []string{"kubernetesVersion"}},
		{&k.repository, []string{"imageRepository"}},
	} {
		*f.to = first(doc.Get(f.keys...).Value(), *f.to)
	}
	for _, n := range []*yamltext.Node{doc, doc.Get("networking"), doc.Get("controllerManager")} {
		if n.IsHole() {
			m.unknown(n.Text)
		}
		for key := range n.Each() {
			if key.IsHole() {
				m.unknown(key)
			}
		}
	}
	for _, f := range [][]string{{"controllerManager", "extraVolumes"}, {"controllerManager", "extraEnvs"}, {"controllerManagerExtraVolumes"}} {
		m.leftOut(doc, f)
	}
	// v1alpha3 and older have it beside the others.
	for _, n := range []*yamltext.Node{doc.Get("controllerManagerExtraArgs"), doc.Get("controllerManager", "extraArgs")} {
		m.extraArgs(k, n)
	}
}

// leftOut notes a field of which nothing is taken over.
func (m *maker) leftOut(doc *yamltext.Node, keys []string) {
	last := len(keys) - 1
	key, ok := doc.Get(keys[:last]...).Key(keys[last])
	if value := doc.Get(keys...); ok && !value.Is(yamltext.Null) && (len(value.List()) > 0 || value.IsHole()) {
		m.note(key.At(0), "%s is not taken over: only arguments are read here, and not what the pod has beside them", keys[last])
	}
}

// extraArgs takes a map, as until v1beta3, or a list of names and values.
func (m *maker) extraArgs(k *kubeadm, n *yamltext.Node) {
	switch {
	case n.Is(yamltext.Null):
	case n.IsHole():
		m.unknown(n.Text)
	case n.Is(yamltext.Map):
		for name, value := range n.Each() {
			if name.IsHole() {
				m.unknown(name)
				continue
			}
			if v, ok := m.kubeadmValue(name, value); ok {
				k.set(extra{name: name, value: v})
			}
		}
	case n.Is(yamltext.List):
		k.extra = nil // a list replaces what is there
		for _, item := range n.List() {
			name := item.Get("name").Value()
			switch {
			case item.IsHole():
				m.unknown(item.Text)
			case name.Len() == 0:
				m.note(item.Place(), "an element of extraArgs needs name and value")
			case name.IsHole():
				m.unknown(name)
			default:
				if v, ok := m.kubeadmValue(name, item.Get("value")); ok {
					k.extra = append(k.extra, extra{name, v, "", item.Get("mergeMethod").Str()})
				}
			}
		}
	default:
		m.note(n.Place(), "extraArgs is no map and no list")
	}
}

// set puts an argument in the place of those with its name. kubeadm sorts those of a map.
func (k *kubeadm) set(e extra) {
	k.drop(e.name)
	k.extra = append(k.extra, e)
	slices.SortStableFunc(k.extra, byName)
}

// drop removes an argument.
func (k *kubeadm) drop(name text.Text) {
	k.extra = slices.DeleteFunc(k.extra, func(e extra) bool { return e.name.String() == name.String() })
}

// yamlTypes are what kubeadm refuses where it wants strings.
var yamlTypes = map[string]string{"bool": "truth value", "int": "number", "float": "number"}

// secretName matches names whose values may be secrets.
var secretName = lazy.Regexp(`(?i)token|password|secret`)

// kubeadmValue returns a value, and notes what kubeadm refuses: it reads strings only.
func (m *maker) kubeadmValue(name text.Text, value *yamltext.Node) (text.Text, bool) {
	switch {
	case value.Is(yamltext.Null):
		m.note(name.At(0), "%s has no value: kubeadm passes --%s= on", name, name)
	case !value.Is(yamltext.Scalar):
		m.note(value.Place(), "kubeadm refuses the file: the value of %s is no string", name)
		return text.Text{}, false
	case yamlTypes[value.Tag] != "":
		m.note(value.At, "kubeadm refuses the file: the value of %s is a %s, and must be a string in quotes", name, yamlTypes[value.Tag])
		if !secretName().MatchString(name.String()) {
			m.c.Notes[len(m.c.Notes)-1].Expected = `"` + m.set.Show(value.Text) + `"`
		}
	}
	return value.Value(), true
}

// manifest makes the command line of the static pod that kubeadm writes.
func (m *maker) manifest(k *kubeadm) {
	m.c.Program = text.Literal(Program, m.c.At)
	m.c.Version, m.c.Pods = k.version, k.pods
	m.c.Services = first(k.services, text.Literal("10.96.0.0/12", m.c.At))
	if minorOf(k.version) > 0 {
		version := k.version
		if !strings.HasPrefix(version.String(), "v") {
			version = text.Join(text.Literal("v", version.At(0)), version)
		}
		repository := first(k.repository, text.Literal("registry.k8s.io", m.c.At))
		m.c.Image = text.Join(repository, text.Literal("/"+Program+":", k.version.At(0)), version)
	}
	for _, e := range ordered(m.ownArgs(k), k.extra, minorOf(k.version)) {
		m.c.Args = append(m.c.Args, named(e.name, e.value, e.by))
	}
}

// ownArgs are the arguments that kubeadm gives by itself.
func (m *maker) ownArgs(k *kubeadm) []extra {
	here := func(s string) text.Text { return text.Literal(s, m.c.At) }
	dir := cleaned(first(k.certs, here("/etc/kubernetes/pki")))
	in := func(file string) text.Text { return text.Join(dir, text.Literal("/"+file, dir.At(0))) }
	const kubeconfig = "/etc/kubernetes/controller-manager.conf"
	var out []extra
	own := func(name string, value text.Text, at text.At) {
		out = append(out, extra{name: text.Literal(name, at), value: value, by: byKubeadm})
	}
	for _, f := range []struct {
		name  string
		value text.Text
	}{
		{"authentication-kubeconfig", here(kubeconfig)},
		{"authorization-kubeconfig", here(kubeconfig)},
		{"bind-address", here("127.0.0.1")},
		{"client-ca-file", in("ca.crt")},
		{"cluster-signing-cert-file", in("ca.crt")},
		{"cluster-signing-key-file", in("ca.key")},
		{"controllers", here("*,bootstrapsigner,tokencleaner")},
		{"kubeconfig", here(kubeconfig)},
		{"leader-elect", here("true")},
		{"requestheader-client-ca-file", in("front-proxy-ca.crt")},
		{"root-ca-file", in("ca.crt")},
		{"service-account-private-key-file", in("sa.key")},
		{"use-service-account-credentials", here("true")},
		{"cluster-name", first(k.name, here("kubernetes"))},
	} {
		own(f.name, f.value, f.value.At(0))
	}
	if k.pods.Len() > 0 {
		own("allocate-node-cidrs", text.Literal("true", k.pods.At(0)), k.pods.At(0))
		own("cluster-cidr", k.pods, k.pods.At(0))
		own("service-cluster-ip-range", m.c.Services, m.c.Services.At(0))
	}
	if minor := minorOf(k.version); minor >= 19 && minor <= 22 {
		own("port", text.Literal("0", k.version.At(0)), k.version.At(0))
	}
	slices.SortFunc(out, byName)
	return out
}

// cleaned returns a directory as kubeadm joins names to it.
func cleaned(dir text.Text) text.Text {
	switch clean := path.Clean(dir.String()); clean {
	case "/":
		return text.Text{}
	case dir.String():
		return dir
	default:
		return text.Literal(clean, dir.At(0))
	}
}

func byName(a, b extra) int { return strings.Compare(a.name.String(), b.name.String()) }

// ordered merges kubeadm's own arguments with those of the user, in the order of a version.
func ordered(own, user []extra, minor int) []extra {
	last := map[string]extra{}
	for _, e := range user {
		last[e.name.String()] = e
	}
	var out []extra
	for _, a := range own {
		o, replaced := last[a.name.String()]
		switch {
		case !replaced:
		case o.merge == "append":
			a.value, a.by = text.Join(a.value, o.value), ""
		case o.merge == "prepend":
			a.value, a.by = text.Join(o.value, a.value), ""
		default:
			continue
		}
		out = append(out, a)
	}
	for _, e := range user {
		if e.merge == "" {
			out = append(out, e)
		}
	}
	switch {
	case minor == 0 || minor >= 35: // the user's are last, in their order
	case minor >= 31: // sorted by the value too, whatever the order in the file
		slices.SortStableFunc(out, func(a, b extra) int {
			return cmp.Or(byName(a, b), strings.Compare(a.value.String(), b.value.String()))
		})
	default:
		slices.SortStableFunc(out, byName)
	}
	return out
}

var minorVersion = lazy.Regexp(`^v?1\.(\d{1,3})(\D|$)`)

// minorOf returns the minor version of 1.34 or v1.34.2+k3s1; 0 if it isn't stated like that.
func minorOf(version text.Text) int {
	m := minorVersion().FindStringSubmatch(version.String())
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}
