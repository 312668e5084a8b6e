package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// decode decodes a cluster from the JSON that CUE exports. Values that CUE's types allow
// and Go's don't are findings.
func decode(data []byte) (*spec.Cluster, []finding.Finding) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	var w wireCluster
	d := &decoder{}
	if err := dec.Decode(&w); err != nil {
		// Only if schema and wire types differ.
		d.fault("", fmt.Errorf("reading the evaluated cluster: %w", err))
	}
	return d.cluster(&w), d.findings
}

type decoder struct{ findings []finding.Finding }

func (d *decoder) fault(field string, err error) {
	d.findings = append(d.findings, finding.Finding{
		Rule: "cue-type", Severity: finding.Error, Field: field,
		Message: err.Error(), Expected: expected(field, nil),
	})
}

func (d *decoder) cluster(w *wireCluster) *spec.Cluster {
	c := &spec.Cluster{
		Name: w.Name, Layout: spec.Layout(w.Layout), Profile: spec.Profile(w.Profile), Hardened: w.FlagDefaults == "hardened", Defaults: spec.Defaults(w.Defaults),
		Labels: w.Labels, Acknowledged: w.Acknowledge, Policy: w.Policy, Flags: d.settings("flags", w.Flags), Kubeconfig: w.Kubeconfig, Paths: w.Paths,
		Generations: w.Generations,
		Binary:      w.Binary, Image: w.Image,
	}
	if v := d.version("version", w.Version); v != nil {
		c.Version = *v
	}
	for _, name := range slices.Sorted(maps.Keys(w.Nodes)) {
		n := d.node(name, w.Nodes[name])
		n.Layout = spec.Layout(cmp.Or(w.Nodes[name].Layout, w.Layout))
		c.Nodes = append(c.Nodes, n)
	}
	c.Networks = d.networks(w.Networks)
	c.APIServer = d.apiserver(w.APIServer)
	c.Peers = spec.Peers{Kubelet: w.Peers.Kubelet.From, KubeProxy: w.Peers.KubeProxy.From, Network: w.Peers.Network.From}
	c.PKI = d.pki(w.PKI)
	c.Unit = d.unit(w.Unit)
	c.Pod = pod(w.Pod)
	c.Deploy = spec.Deploy{
		Kubeconfig: w.Deploy.Kubeconfig,
		Gate:       d.duration("deploy.gate", w.Deploy.Gate), Soak: d.duration("deploy.soak", w.Deploy.Soak),
		HandOver: w.Deploy.Handover,
	}
	for _, rule := range slices.Sorted(maps.Keys(w.Waivers)) {
		one := spec.Waiver{Rule: rule, Reason: w.Waivers[rule].Reason, Fields: w.Waivers[rule].Fields}
		if text := w.Waivers[rule].Until; text != "" {
			one.Until = d.day(finding.Path("waivers", rule, "until"), text)
		}
		c.Waivers = append(c.Waivers, one)
	}
	return c
}

func (d *decoder) node(name string, w wireNode) spec.Node {
	at := finding.Path("nodes", name)
	n := spec.Node{Name: name, Hostname: w.Hostname, Arch: w.Arch, SSH: w.SSH, Flags: d.settings(at+".flags", w.Flags)}
	n.Addresses = []netip.Addr{d.addr(at+".address", w.Address)}
	for i, a := range w.Addresses {
		n.Addresses = append(n.Addresses, d.addr(fmt.Sprintf("%s.addresses[%d]", at, i), a))
	}
	if n.Hostname == "" {
		n.Hostname = name
	}
	return n
}

func (d *decoder) networks(w wireNetworks) spec.Networks {
	return spec.Networks{
		Pods: d.prefixes("networks.pods", w.Pods), Services: d.prefixes("networks.services", w.Services),
		Nodes:    d.prefixes("networks.nodes", w.Nodes),
		MaskIPv4: w.NodeMask.IPv4, MaskIPv6: w.NodeMask.IPv6, MaxNodes: w.MaxNodes, MaxServices: w.MaxServices,
	}
}

func (d *decoder) apiserver(w wireAPIServer) spec.APIServer {
	a := spec.APIServer{
		Endpoint: spec.Endpoint(w.Endpoint), Address: w.Address, Port: w.Port,
		ServiceAccountKeyFile: w.ServiceAccountKeyFile, From: w.From, Flags: d.settings("apiserver.flags", w.Flags),
	}
	if w.Version != "" {
		a.Version = d.version("apiserver.version", w.Version)
	}
	if w.Failover != "" {
		a.Failover = d.duration("apiserver.failover", w.Failover)
	}
	return a
}

func (d *decoder) pki(w wirePKI) spec.PKI {
	p := spec.PKI{
		CA: d.authority("pki.ca", w.CA), Shared: w.Scope == "cluster", Separate: w.Separate,
		Client: w.Client, Serving: w.Serving, Combined: w.Combined,
		ServiceAccount: spec.ServiceAccount{
			KeyFile: w.ServiceAccount.KeyFile, UseCA: w.ServiceAccount.Use == "ca", Key: w.ServiceAccount.Key,
		},
		Profiles: map[string]spec.SigningProfile{},
		Accept:   map[string]string{"ca": w.Accept.CA, "front-proxy-ca": w.Accept.FrontProxy, "sa": w.Accept.ServiceAccount},
	}
	if w.FrontProxy != nil {
		a := d.authority("pki.frontProxy", *w.FrontProxy)
		p.FrontProxy = &a
	}
	for _, name := range slices.Sorted(maps.Keys(w.Profiles)) {
		p.Profiles[name] = spec.SigningProfile{
			Usages: w.Profiles[name].Usages,
			Expiry: d.duration(finding.Path("pki", "profiles", name, "expiry"), w.Profiles[name].Expiry),
		}
	}
	return p
}

func (d *decoder) authority(at string, w wireAuthority) spec.Authority {
	return spec.Authority{
		CertFile: w.CertFile, KeyFile: w.KeyFile, Subject: w.Subject, Key: w.Key,
		Expiry: d.duration(at+".expiry", w.Expiry),
	}
}

func (d *decoder) unit(w wireUnit) spec.Unit {
	u := spec.Unit{Hardened: w.Hardening == "strict"}
	u.Unit, u.Omitted.Unit = d.directives("unit.Unit", w.Unit)
	u.Service, u.Omitted.Service = d.directives("unit.Service", w.Service)
	u.Install, u.Omitted.Install = d.directives("unit.Install", w.Install)
	return u
}

// directives decodes directives, sorted by name; a list keeps its order. A name without
// a value is omitted.
func (d *decoder) directives(at string, m map[string]any) (out []spec.Directive, omitted []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		values, ok := m[name].([]any)
		if !ok && m[name] != nil {
			values = []any{m[name]}
		}
		if len(values) == 0 {
			omitted = append(omitted, name)
		}
		for _, v := range values {
			out = append(out, spec.Directive{Name: name, Value: d.scalar(finding.Path(at)+"."+name, v)})
		}
	}
	return out, omitted
}

func pod(w wirePod) spec.Pod {
	p := spec.Pod{
		Namespace: w.Namespace, Labels: given(w.Labels), Annotations: w.Annotations, Image: w.Image,
		ImagePullPolicy: w.ImagePullPolicy, HostNetwork: w.HostNetwork,
		Requests: given(w.Resources.Requests), Limits: w.Resources.Limits,
		Liveness: w.LivenessProbe, Startup: w.StartupProbe, Hardened: w.Hardening == "strict",
		Spec: w.Spec, Container: w.Container,
	}
	if w.PriorityClassName != nil {
		p.PriorityClassName = *w.PriorityClassName
	}
	for _, name := range slices.Sorted(maps.Keys(w.Volumes)) {
		v := w.Volumes[name]
		v.Name = name
		p.Volumes = append(p.Volumes, v)
	}
	return p
}

// given returns the entries of a map that aren't null.
func given(m map[string]*string) map[string]string {
	out := map[string]string{}
	for name, value := range m {
		if value != nil {
			out[name] = *value
		}
	}
	return out
}

func (d *decoder) settings(at string, m map[string]any) spec.Settings {
	out := spec.Settings{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] == nil {
			out[name] = spec.Setting{Omit: true}
			continue
		}
		out[name] = spec.Setting{Value: d.scalar(at+"."+finding.Label(name), m[name])}
	}
	return out
}

// scalar formats a value for a command line or a unit. Lists and structs are joined with
// commas, such as feature gates: A=true,B=false.
func (d *decoder) scalar(at string, v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	case json.Number:
		return decimal(v.String())
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, d.scalar(at, x))
		}
		return strings.Join(parts, ",")
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+"="+d.scalar(at+"."+finding.Label(name), v[name]))
		}
		return strings.Join(parts, ",")
	}
	d.fault(at, fmt.Errorf("%s has a value of an unknown kind", at))
	return ""
}

// decimal formats a number without an exponent, as flags need it.
func decimal(s string) string {
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(400), "0") // CUE's numbers are finite decimals
}

func (d *decoder) version(at, s string) *spec.Version {
	v, err := spec.ParseVersion(s)
	if err != nil {
		d.fault(at, err)
	}
	return &v
}

func (d *decoder) addr(at, s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		d.fault(at, fmt.Errorf("%s is %q, not an IP address", at, s))
	}
	return a.Unmap()
}

func (d *decoder) prefixes(at string, ss []string) []netip.Prefix {
	var out []netip.Prefix
	for i, s := range ss {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			d.fault(fmt.Sprintf("%s[%d]", at, i), fmt.Errorf("%s[%d] is %q, not a CIDR", at, i, s))
		}
		out = append(out, p)
	}
	return out
}

func (d *decoder) day(at, s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		d.fault(at, fmt.Errorf("%s is %q, not a day", at, s))
	}
	return t
}

func (d *decoder) duration(at, s string) time.Duration {
	t, err := time.ParseDuration(s)
	if err != nil {
		d.fault(at, fmt.Errorf("%s is %q: %w", at, s, err))
	}
	return t
}
