package adopt

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// roleFlag is a file's role, and the flags that name it.
type roleFlag struct {
	role  spec.Role
	field string // of paths
	flags []string
}

// roleFlags are the flags whose file has a role, the first one that is given decides.
var roleFlags = []roleFlag{
	{spec.CA, "ca", []string{"client-ca-file", "root-ca-file", "cluster-signing-cert-file"}},
	{spec.CAKey, "caKey", []string{"cluster-signing-key-file"}},
	{spec.ServiceAccountKey, "serviceAccountKey", []string{"service-account-private-key-file"}},
	{spec.TLSCert, "tlsCert", []string{"tls-cert-file"}},
	{spec.TLSKey, "tlsKey", []string{"tls-private-key-file"}},
	{spec.KubeconfigFile, "kubeconfig", []string{"kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"}},
	{spec.FrontProxyCA, "frontProxyCA", []string{"requestheader-client-ca-file"}},
}

// defaultPaths are those of the vocabulary.
func defaultPaths() spec.Paths {
	const dir = "/etc/kubernetes/kube-controller-manager/"
	return spec.Paths{
		Dir: strings.TrimSuffix(dir, "/"), CA: dir + "ca.crt", CAKey: dir + "ca.key", TLSCert: dir + "kube-controller-manager.crt", TLSKey: dir + "kube-controller-manager.key",
		Kubeconfig: dir + "controller-manager.conf", ServiceAccountKey: dir + "sa.key", FrontProxyCA: dir + "front-proxy-ca.crt",
		Binary: "/usr/local/bin/kube-controller-manager", Programs: "/usr/local/lib/kcmgen",
		Unit: "/etc/systemd/system/kube-controller-manager.service", Manifest: "/etc/kubernetes/manifests/kube-controller-manager.yaml", Generations: "/etc/kubernetes/kcmgen",
	}
}

// describe makes the model of the cluster from the flags that all nodes share.
func (w *writer) describe() {
	m := &spec.Cluster{Name: w.Name, Version: w.Version, Layout: w.layout, Profile: spec.Standard, Paths: defaultPaths()}
	w.model = m
	if w.KeepKeys {
		m.Paths = apart(m.Paths, w.nodes)
	}
	for _, r := range roleFlags {
		if w.KeepKeys {
			break
		}
		for _, name := range r.flags {
			if v, ok := w.of(name); ok && isPath(v.String()) {
				m.Paths = withPath(m.Paths, r.role, v.String())
				break
			}
		}
	}
	if front, ok := w.of("requestheader-client-ca-file"); ok && !w.KeepKeys && front.String() != m.Paths.CA && isPath(front.String()) {
		m.PKI.FrontProxy = &spec.Authority{}
	}
	m.PKI.ServiceAccount.UseCA = m.Paths.ServiceAccountKey == m.Paths.CAKey
	w.places()
	w.networks()
	w.profile()
	m.Hardened = w.hardenedIsShorter()
}

func withPath(p spec.Paths, r spec.Role, at string) spec.Paths {
	switch r {
	case spec.CA:
		p.CA = at
	case spec.CAKey:
		p.CAKey = at
	case spec.TLSCert:
		p.TLSCert = at
	case spec.TLSKey:
		p.TLSKey = at
	case spec.KubeconfigFile:
		p.Kubeconfig = at
	case spec.ServiceAccountKey:
		p.ServiceAccountKey = at
	case spec.FrontProxyCA:
		p.FrontProxyCA = at
	}
	return p
}

// apart returns paths that no flag names: what kcmgen would place doesn't replace a file of the
// host.
func apart(p spec.Paths, nodes []*node) spec.Paths {
	dir := p.Dir
	for n := 2; slices.ContainsFunc(nodes, func(x *node) bool {
		for _, v := range x.flags {
			if strings.HasPrefix(v.String(), dir+"/") {
				return true
			}
		}
		return false
	}); n++ {
		dir = fmt.Sprintf("%s-%d", p.Dir, n)
	}
	for _, r := range spec.Roles {
		p = withPath(p, r, path.Join(dir, path.Base(p.Of(r))))
	}
	p.Dir = dir
	return p
}

// isPath reports whether a text is a path as the vocabulary has it, whatever its holes are: one
// at the begin may stand for a directory.
func isPath(s string) bool {
	whole := s
	s = mark().ReplaceAllString(s, "x")
	if s != "" && s[0] == 'x' && strings.HasPrefix(whole, "\ufdd0") {
		s = "/" + s
	}
	return path.IsAbs(s) && path.Clean(s) == s && s != "/" && strings.IndexFunc(s, func(r rune) bool {
		return r > 126 || !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@_+=,.-/", r)
	}) < 0
}

// mark is a hole in a text.
var mark = lazy.Regexp("\ufdd0[0-9]+\ufdd1")

// networks takes the networks, if the flags say them as the vocabulary would. A sample tells
// no more than that the text may be a list of CIDRs.
func (w *writer) networks() {
	n := &w.model.Networks
	n.MaskIPv4, n.MaskIPv6 = 24, 64
	w.networkTexts = map[string]text.Text{}
	take := func(name string, stated text.Text) []netip.Prefix {
		v, ok := w.of(name)
		if !ok {
			v.Text = stated
		}
		ps, _ := prefixes(w.holes.fill(v.Text, nil))
		if len(ps) > 0 {
			w.networkTexts[name] = v.Text
		}
		return ps
	}
	n.Services = take("service-cluster-ip-range", w.own(w.nodes[0].Read.Services, w.nodes[0].Node))
	if on, ok := w.of("allocate-node-cidrs"); ok && isTrue(on.String()) {
		n.Pods = take("cluster-cidr", text.Text{})
	}
	if len(n.Pods) == 0 || !w.networkTexts["cluster-cidr"].Known() {
		return
	}
	for _, name := range []string{"node-cidr-mask-size", "node-cidr-mask-size-ipv4", "node-cidr-mask-size-ipv6"} {
		v, ok := w.of(name)
		size, err := strconv.Atoi(v.String())
		if !ok || err != nil || size < 1 {
			continue
		}
		if six := sizesIPv6(name, n.Pods); six && size <= 128 {
			n.MaskIPv6 = size
		} else if !six && size <= 32 {
			n.MaskIPv4 = size
		}
	}
}

// sizesIPv6 reports whether a flag has the size of IPv6's masks.
func sizesIPv6(name string, pods []netip.Prefix) bool {
	return strings.HasSuffix(name, "6") || name == "node-cidr-mask-size" && pods[0].Addr().Is6()
}

// prefixes parses CIDRs that are written as netip writes them.
func prefixes(s string) (out []netip.Prefix, ok bool) {
	if s == "" {
		return nil, false
	}
	for part := range strings.SplitSeq(s, ",") {
		p, err := netip.ParsePrefix(part)
		if err != nil || p.String() != part {
			return nil, false
		}
		out = append(out, p)
	}
	return out, true
}

// profile takes the profile, if the election has its times.
func (w *writer) profile() {
	for name, want := range map[string]string{"leader-elect-lease-duration": "1m30s 90s", "leader-elect-renew-deadline": "1m0s 60s 1m", "leader-elect-retry-period": "10s"} {
		v, ok := w.of(name)
		if !ok || !slices.Contains(strings.Fields(want), v.String()) {
			return
		}
	}
	w.model.Profile = spec.SlowBoards
}

func isTrue(s string) bool { b, err := strconv.ParseBool(s); return err == nil && b }

// derived returns what the vocabulary adds, by name.
func (w *writer) derived() map[string]string {
	out := map[string]string{}
	for _, f := range policy.NodeFlags(w.model, &spec.Node{}) {
		out[f.Name] = f.Value
	}
	for name, t := range w.networkTexts {
		if _, ok := out[name]; ok {
			out[name] = t.String()
		}
	}
	if t, ok := w.networkTexts["cluster-cidr"]; ok && !t.Known() { // its size depends on its family
		out["node-cidr-mask-size"] = "not known"
	}
	return out
}

// same reports whether two values mean the same to the program.
func (w *writer) same(name, a, b string) bool {
	if a == b {
		return true
	}
	d, ok := w.minor.Flag(name)
	if !ok {
		return false
	}
	return ok && d.Type == "bool" && isTrue(a) == isTrue(b) && parses(a) && parses(b)
}

func parses(s string) bool { _, err := strconv.ParseBool(s); return err == nil }

// hardenedIsShorter reports whether fewer flags have to be said if kcmgen derives the usual
// ones: those that the files don't have must then be taken away.
func (w *writer) hardenedIsShorter() bool {
	lines := func(hardened bool) int {
		w.model.Hardened = hardened
		derived := w.derived()
		n := len(derived)
		for name, v := range w.nodes[0].flags {
			got, ok := derived[name]
			switch {
			case ok && w.same(name, got, v.String()):
				n--
			case !ok:
				n++
			}
		}
		return n
	}
	return lines(true) <= lines(false)
}
