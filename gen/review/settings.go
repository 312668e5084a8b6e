package review

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// settings returns what the cluster says besides flags, networks and nodes. Values that are
// empty are left out.
func (d describer) settings() []Setting {
	c := d.c
	var s settings
	s.add(OfCluster, "layout", string(c.Layout), d.at("layout"))
	s.add(OfCluster, "profile", string(c.Profile), d.at("profile"))
	defaults := "none"
	if c.Hardened {
		defaults = "hardened"
	}
	s.add(OfCluster, "flagDefaults", defaults, d.at("flagDefaults"))
	s.add(OfCluster, "generations", fmt.Sprint(c.Generations), d.at("generations"))
	api := c.APIServer
	s.add(OfCluster, "apiserver.endpoint", string(api.Endpoint), d.at("apiserver.endpoint"))
	s.add(OfCluster, "apiserver.address", api.Address, d.at("apiserver.address"))
	s.add(OfCluster, "apiserver.port", fmt.Sprint(api.Port), d.at("apiserver.port"))
	if api.Version != nil {
		s.add(OfCluster, "apiserver.version", api.Version.String(), d.at("apiserver.version"))
	}
	scope := "node"
	if c.PKI.Shared {
		scope = "cluster"
	}
	s.add(OfCluster, "pki.scope", scope, d.at("pki.scope"))
	s.add(OfCluster, "pki.separate", fmt.Sprint(c.PKI.Separate), d.at("pki.separate"))
	for _, id := range slices.Sorted(maps.Keys(c.PKI.Accept)) {
		s.add(OfCluster, "pki.accept."+finding.Label(id), c.PKI.Accept[id], d.at(finding.Path("pki", "accept", id)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		s.add(OfCluster, "labels."+finding.Label(name), c.Labels[name], d.at(finding.Path("labels", name)))
	}
	s.add(OfCluster, "policy", strings.Join(c.Policy, "\n"), d.at("policy"))
	for _, id := range slices.Sorted(maps.Keys(c.Acknowledged)) {
		s.add(OfCluster, acknowledge+id, c.Acknowledged[id], d.at(finding.Path("acknowledge", id)))
	}
	for _, w := range c.Waivers {
		until := ""
		if !w.Until.IsZero() {
			until = " until " + w.Until.Format("2006-01-02")
		}
		s.add(OfCluster, "waivers."+finding.Label(w.Rule), w.Reason+until, d.at(finding.Path("waivers", w.Rule)))
	}
	s.add(OfDeploy, "deploy.gate", c.Deploy.Gate.String(), d.at("deploy.gate"))
	s.add(OfDeploy, "deploy.soak", c.Deploy.Soak.String(), d.at("deploy.soak"))
	s.add(OfDeploy, "deploy.handover", fmt.Sprint(c.Deploy.HandOver), d.at("deploy.handover"))
	s.add(OfKubeconfig, "kubeconfig.cluster", c.Kubeconfig.Cluster, d.at("kubeconfig.cluster"))
	s.add(OfKubeconfig, "kubeconfig.user", c.Kubeconfig.User, d.at("kubeconfig.user"))
	s.add(OfKubeconfig, "kubeconfig.context", c.Kubeconfig.Context, d.at("kubeconfig.context"))
	d.programs(&s)
	return s.redacted(c.Embedded)
}

func (d describer) programs(s *settings) {
	c := d.c
	if i := c.Image; i != nil {
		s.add(OfImage, "image.base", i.Base, d.at("image.base"))
		s.add(OfImage, "image.directories", strings.Join(i.Directories, "\n"), d.at("image.directories"))
		var roles []string
		for _, r := range i.Copy {
			roles = append(roles, string(r))
		}
		s.add(OfImage, "image.copy", strings.Join(roles, "\n"), d.at("image.copy"))
	}
	if c.Binary == nil {
		return
	}
	s.add(OfProgram, "binary.install", fmt.Sprint(c.Binary.Install), d.at("binary.install"))
	for _, arch := range slices.Sorted(maps.Keys(c.Binary.Source)) {
		got := c.Binary.Source[arch]
		s.add(OfProgram, "binary.source."+arch, got.Origin(), d.at("binary.source."+arch))
		s.add(OfProgram, "binary.source."+arch+".sha256", got.SHA256, d.at("binary.source."+arch+".sha256"))
	}
}

func (d describer) nodeSettings(n *spec.Node) []Setting {
	var s settings
	field := func(names ...string) string {
		return d.at(finding.Path(append([]string{"nodes", n.Name}, names...)...))
	}
	var all []string
	for _, a := range n.Addresses {
		all = append(all, a.String())
	}
	s.add(OfNode, "addresses", strings.Join(all, "\n"), field("address"))
	s.add(OfNode, "hostname", n.Hostname, field("hostname"))
	s.add(OfNode, "arch", n.Arch, field("arch"))
	s.add(OfNode, "layout", string(d.c.LayoutOf(n)), field("layout"))
	s.add(OfNode, "endpoint", d.c.Endpoint(n), d.at("apiserver.endpoint"))
	ssh := n.SSH
	s.add(OfNode, "ssh.host", ssh.Host, field("ssh", "host"))
	if ssh.Port != 0 {
		s.add(OfNode, "ssh.port", fmt.Sprint(ssh.Port), field("ssh", "port"))
	}
	s.add(OfNode, "ssh.user", ssh.User, field("ssh", "user"))
	s.add(OfNode, "ssh.identityFile", ssh.IdentityFile, field("ssh", "identityFile"))
	s.add(OfNode, "ssh.sftpServer", ssh.SFTPServer, field("ssh", "sftpServer"))
	s.add(OfNode, "ssh.hostKeys", strings.Join(ssh.HostKeys, "\n"), field("ssh", "hostKeys"))
	s.add(OfNode, "ssh.proxyJump", ssh.ProxyJump, field("ssh", "proxyJump"))
	return s.redacted(d.c.Embedded)
}

type settings []Setting

func (s *settings) add(kind, name, value, at string) {
	if value != "" {
		*s = append(*s, Setting{Kind: kind, Name: name, Value: value, At: at})
	}
}

func (s settings) redacted(e *spec.Embedded) []Setting {
	for i := range s {
		name, value := e.Redact(s[i].Name), e.Redact(s[i].Value)
		if value != s[i].Value {
			s[i].Raw = s[i].Value
		}
		s[i].Name, s[i].Value = name, value
	}
	return append([]Setting{}, s...)
}

// startSettings returns the directives of a unit or the fields of a pod, sorted by name,
// without the flags. program is the path of the program in the pod.
func startSettings(l spec.Layout, text []byte, program string) ([]Setting, error) {
	if l == spec.StaticPod {
		return podSettings(text, program)
	}
	return unitSettings(text)
}

func unitSettings(text []byte) ([]Setting, error) {
	u, err := artefact.ParseUnit(text)
	if err != nil {
		return nil, err
	}
	argv, err := u.Args()
	if err != nil {
		return nil, err
	}
	var s settings
	for _, section := range slices.Sorted(maps.Keys(u)) {
		for _, name := range slices.Sorted(maps.Keys(u[section])) {
			values := strings.Join(u[section][name], "\n")
			if section == "Service" && name == "ExecStart" {
				values = argv[0]
			}
			s = append(s, Setting{Kind: OfUnit, Name: section + "." + name, Value: values}) // an empty one resets a list
		}
	}
	return s, nil
}

func podSettings(text []byte, program string) ([]Setting, error) {
	fields, err := artefact.PodMap(text)
	if err != nil {
		return nil, err
	}
	pod, err := artefact.ParsePod(text)
	if err != nil {
		return nil, err
	}
	argv, err := artefact.PodCommand(pod, program)
	if err != nil {
		return nil, err
	}
	var s settings
	flatten("", fields, func(name, value string) {
		switch {
		case name == commandField:
			value = argv[0]
		case strings.HasPrefix(name, argsField):
			return
		}
		s.add(OfPod, name, value, "")
	})
	slices.SortStableFunc(s, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return s, nil
}

// The fields of a pod that hold the command line.
const (
	commandField = "spec.containers[" + spec.PodName + "].command"
	argsField    = "spec.containers[" + spec.PodName + "].args"
)

// flatten calls leaf for each value below fields. Entries of lists have their names, or their
// places where a name doesn't tell them apart; lists of plain values are one value with a
// line for each.
func flatten(at string, v any, leaf func(name, value string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			next := k
			if at != "" {
				next = at + "." + k
			}
			flatten(next, v[k], leaf)
		}
	case []any:
		if plain(v) {
			lines := make([]string, len(v))
			for i, e := range v {
				lines[i] = scalar(e)
			}
			leaf(at, strings.Join(lines, "\n"))
			return
		}
		for i, label := range labels(v) {
			flatten(at+"["+label+"]", v[i], leaf)
		}
	default:
		leaf(at, scalar(v))
	}
}

func plain(list []any) bool {
	return !slices.ContainsFunc(list, func(e any) bool {
		switch e.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}

// labels returns what tells the entries of a list apart.
func labels(list []any) []string {
	for _, key := range []string{"name", "mountPath", "key", "containerPort"} {
		out := make([]string, len(list))
		seen := map[string]bool{}
		for i, e := range list {
			if m, ok := e.(map[string]any); ok && m[key] != nil {
				out[i] = scalar(m[key])
			}
			seen[out[i]] = true
		}
		if len(seen) == len(list) && !seen[""] {
			return out
		}
	}
	out := make([]string, len(list))
	for i := range list {
		out[i] = fmt.Sprint(i)
	}
	return out
}

func scalar(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
