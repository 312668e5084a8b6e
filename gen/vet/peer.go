package vet

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// The fields that name files of other components.
const (
	APIServerFile = "apiserver.from"
	KubeletFile   = "peers.kubelet.from"
	KubeProxyFile = "peers.kubeProxy.from"
	NetworkFile   = "peers.network.from"
)

// Peer is what a file of another component says: of kube-apiserver, the kubelet, kube-proxy,
// or the network add-on.
type Peer struct {
	File string      // as the user wrote it
	At   finding.Pos // where what it says begins
	// Says has all settings that rules compare, by the name of the flag or the field.
	Says map[string]Said
	// Pools are the ranges of a network add-on.
	Pools []Pool
	// Certificates are those in the files that its flags name, by flag, as far as they lie
	// beside the file; CertificateErrs has why the others can't be used, and fs.ErrNotExist for
	// those that don't lie there.
	Certificates    map[string][]*x509.Certificate
	CertificateErrs map[string]error
	Keys            []crypto.PublicKey // of its --service-account-key-file, likewise
	KeysErr         error
	// Err is why nothing of the file can be used; fs.ErrNotExist if it isn't on this machine.
	Err error
}

// Said is a setting of another component.
type Said struct {
	Value string
	At    finding.Pos
	// Default: the file doesn't have it, so the component has its default.
	Default bool
	// Unknown: the file leaves it open, such as a variable that something fills in.
	Unknown bool
}

// Pool is a range from which a network add-on gives addresses to pods.
type Pool struct {
	Addon, Field string // such as "Flannel" and "Network"
	CIDR         string
	At           finding.Pos
	Unknown      bool
	// OfNodes: pods get addresses of the range that kube-controller-manager gave their node.
	OfNodes bool
}

// peer returns what a file of another component says; nil if none is named or it can't be
// read.
func (v *view) peer(field string) *Peer {
	if p := v.facts.Peers[field]; p != nil && p.Err == nil {
		return p
	}
	return nil
}

// said returns a setting of another component. Its fault is for a rule that needs a setting
// which the file leaves open.
func (p *Peer) said(name string) Said { return p.Says[name] }

// unchecked returns the fault of a rule that a setting of another component leaves open.
func (p *Peer) unchecked(field, name, what string) []fault {
	s := p.said(name)
	return one(fault{
		field: field, at: s.At, severity: finding.NotChecked,
		message:  fmt.Sprintf("%s was not checked: %s doesn't tell %s", what, p.File, name),
		expected: "a file with the value itself",
	})
}

// withPeers returns the cluster with what the apiserver's file says, as if the user had
// written it in apiserver.flags and apiserver.version.
func withPeers(c *spec.Cluster, facts Facts) *spec.Cluster {
	p := facts.Peers[APIServerFile]
	if p == nil || p.Err != nil {
		return c
	}
	out := *c
	out.Source = maps.Clone(c.Source)
	out.APIServer.Flags = maps.Clone(c.APIServer.Flags)
	if out.APIServer.Flags == nil {
		out.APIServer.Flags = spec.Settings{}
	}
	if out.Source == nil {
		out.Source = finding.Source{}
	}
	for name, s := range p.Says {
		if _, stated := c.APIServer.Flags[name]; stated || s.Default || s.Unknown || name == versionSetting {
			continue
		}
		out.APIServer.Flags[name] = spec.Setting{Value: s.Value}
		out.Source[finding.Path("apiserver", "flags", name)] = s.At
	}
	if s := p.said(versionSetting); out.APIServer.Version == nil && !s.Unknown {
		if version, err := spec.ParseVersion(s.Value); err == nil {
			out.APIServer.Version = &version
			out.Source["apiserver.version"] = s.At
		}
	}
	return &out
}

// versionSetting is the version of a component's image, among its settings.
const versionSetting = "version"

// stated reports whether the apiserver's value of a flag is known: if it isn't among
// apiserver.flags, it has its default.
func (v *view) stated(name string) bool {
	if _, ok := v.APIServer.Flags[name]; ok {
		return true
	}
	if p := v.peer(APIServerFile); p != nil {
		return !p.said(name).Unknown
	}
	return len(v.APIServer.Flags) > 0
}

// PeerError is why a file of another component can't be used, with its place.
type PeerError struct {
	At                finding.Pos
	Message, Expected string
}

func (e *PeerError) Error() string { return e.Message }

var peerRules = []Rule{
	{
		ID: "peer-file", Severity: isError, cluster: peerFile,
		Doc: "the files of other components can be read, and are what their fields say",
	},
	{
		ID: "apiserver-file-differs", Severity: isError, cluster: apiserverFileDiffers,
		Doc: "apiserver: flags, version and port are those of the apiserver's file",
	},
}

func peerFile(v *view) []fault {
	var out []fault
	for _, field := range slices.Sorted(maps.Keys(v.facts.Peers)) {
		p := v.facts.Peers[field]
		if p.Err == nil {
			continue
		}
		f := fault{field: field, message: fmt.Sprintf("%s: %v", p.File, p.Err), expected: "a unit, a pod, a command line or a configuration of the component"}
		var placed *PeerError
		switch {
		case errors.Is(p.Err, fs.ErrNotExist):
			f.severity = finding.NotChecked
			f.message = p.File + " is not on this machine: nothing was compared with it"
			f.expected = "the file, relative to the directory of the cluster's package"
		case errors.As(p.Err, &placed):
			f.at = placed.At
			if placed.Expected != "" {
				f.expected = placed.Expected
			}
		}
		out = append(out, f)
	}
	return out
}

// apiserverFileDiffers: what the user states must be what the file says, or rules compare
// with a wrong value.
func apiserverFileDiffers(v *view) []fault {
	p := v.peer(APIServerFile)
	if p == nil {
		return nil
	}
	var out []fault
	for _, name := range slices.Sorted(maps.Keys(v.user.APIServer.Flags)) {
		ours := v.user.APIServer.Flags[name]
		s, known := p.Says[name]
		if !known || s.Unknown || ours.Omit || sameSetting(ours.Value, s.Value) {
			continue
		}
		has := fmt.Sprintf("--%s=%s", name, s.Value)
		if s.Default {
			has = "no --" + name
			if s.Value != "" {
				has += fmt.Sprintf(", which is %s by default", s.Value)
			}
		}
		out = append(out, fault{
			field: finding.Path("apiserver", "flags", name), at: s.At,
			message:  fmt.Sprintf("apiserver: flags has %s %q, and %s has %s", name, ours.Value, p.File, has),
			expected: "what the apiserver runs with, in one place: leave it out of apiserver: flags",
		})
	}
	out = append(out, differentVersion(v, p)...)
	return append(out, differentPort(v, p)...)
}

func differentVersion(v *view, p *Peer) []fault {
	s, ours := p.said(versionSetting), v.user.APIServer.Version
	theirs, err := spec.ParseVersion(s.Value)
	if ours == nil || s.Unknown || err != nil || *ours == theirs {
		return nil
	}
	return one(fault{
		field: "apiserver.version", at: s.At,
		message:  fmt.Sprintf("apiserver: version is %s, and %s starts %s", ours, p.File, theirs),
		expected: theirs.String(),
	})
}

// differentPort: with an endpoint on the nodes, kube-controller-manager connects to the
// apiserver itself.
func differentPort(v *view, p *Peer) []fault {
	const name = "secure-port"
	s := p.said(name)
	if !v.endpointIsNode() || v.APIServer.Endpoint == "" {
		return nil
	}
	if s.Unknown {
		return p.unchecked("apiserver.port", name, "apiserver: port")
	}
	if fmt.Sprint(v.APIServer.Port) == s.Value {
		return nil
	}
	said := "listens on " + s.Value
	if s.Default {
		said += ", its default"
	}
	return one(fault{
		field: "apiserver.port", at: s.At,
		message:  fmt.Sprintf("apiserver: port is %d, and the apiserver of %s %s", v.APIServer.Port, p.File, said),
		expected: s.Value,
		hint:     "kube-controller-manager would reach no apiserver",
	})
}

// sameSetting reports whether two values of a flag mean the same.
func sameSetting(a, b string) bool {
	if a == b {
		return true
	}
	if x, y := (spec.Flag{Value: a}), (spec.Flag{Value: b}); isBool(a) && isBool(b) {
		return x.Bool() == y.Bool()
	}
	p, ok1 := prefixes(a)
	q, ok2 := prefixes(b)
	if ok1 && ok2 && len(p) > 0 {
		return slices.EqualFunc(p, q, samePrefix)
	}
	split := func(s string) []string { return slices.Sorted(slices.Values(strings.Split(s, ","))) }
	return slices.Equal(split(a), split(b))
}

func isBool(s string) bool {
	_, err := strconv.ParseBool(s)
	return err == nil
}

// IPAMSetting is Cilium's mode of giving addresses, among the settings of a network add-on.
const IPAMSetting = "ipam"
