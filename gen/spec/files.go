package spec

import (
	"path"
	"strings"
)

// Paths are the places on a host (or in its container) that flags name.
type Paths struct {
	Dir                                                                     string
	CA, CAKey, TLSCert, TLSKey, Kubeconfig, ServiceAccountKey, FrontProxyCA string
	Binary, Programs, Unit, Manifest, Generations                           string
}

// Role is the part a file plays; its value is the field of paths that places it.
type Role string

// The roles a file on a host can have.
const (
	CA                Role = "ca"
	CAKey             Role = "caKey"
	FrontProxyCA      Role = "frontProxyCA"
	KubeconfigFile    Role = "kubeconfig"
	ServiceAccountKey Role = "serviceAccountKey"
	TLSCert           Role = "tlsCert"
	TLSKey            Role = "tlsKey"
)

// Roles lists them in the order in which they are placed.
var Roles = []Role{CA, CAKey, FrontProxyCA, KubeconfigFile, ServiceAccountKey, TLSCert, TLSKey}

// FileName is the role's name inside a generation.
func (r Role) FileName() string {
	return map[Role]string{
		CA: "ca.crt", CAKey: "ca.key", FrontProxyCA: "front-proxy-ca.crt",
		KubeconfigFile: "controller-manager.conf", ServiceAccountKey: "sa.key",
		TLSCert: "kube-controller-manager.crt", TLSKey: "kube-controller-manager.key",
	}[r]
}

// Secret reports whether a file of this role holds a private key.
func (r Role) Secret() bool {
	switch r {
	case CA, FrontProxyCA, TLSCert:
		return false
	}
	return true
}

// Of is the path that the cluster gives a role.
func (p Paths) Of(r Role) string {
	return map[Role]string{
		CA: p.CA, CAKey: p.CAKey, FrontProxyCA: p.FrontProxyCA, KubeconfigFile: p.Kubeconfig,
		ServiceAccountKey: p.ServiceAccountKey, TLSCert: p.TLSCert, TLSKey: p.TLSKey,
	}[r]
}

// FileFlags are the flags that name a file a cluster's keys can fill, with the
// roles that make sense for each.
var FileFlags = map[string][]Role{
	"authentication-kubeconfig":                       {KubeconfigFile},
	"authorization-kubeconfig":                        {KubeconfigFile},
	"client-ca-file":                                  {CA, FrontProxyCA},
	"cluster-signing-cert-file":                       {CA},
	"cluster-signing-key-file":                        {CAKey},
	"cluster-signing-kube-apiserver-client-cert-file": {CA},
	"cluster-signing-kube-apiserver-client-key-file":  {CAKey},
	"cluster-signing-kubelet-client-cert-file":        {CA},
	"cluster-signing-kubelet-client-key-file":         {CAKey},
	"cluster-signing-kubelet-serving-cert-file":       {CA},
	"cluster-signing-kubelet-serving-key-file":        {CAKey},
	"cluster-signing-legacy-unknown-cert-file":        {CA},
	"cluster-signing-legacy-unknown-key-file":         {CAKey},
	"kubeconfig":                       {KubeconfigFile},
	"requestheader-client-ca-file":     {FrontProxyCA, CA},
	"root-ca-file":                     {CA},
	"service-account-private-key-file": {ServiceAccountKey, CAKey},
	"tls-cert-file":                    {TLSCert},
	"tls-private-key-file":             {TLSKey},
}

// Placed are the roles whose path a file flag names: only these files reach the
// host. The CA's key stays away from hosts whose KCM signs nothing.
func (c *Cluster) Placed(fs Flags) []Role {
	var out []Role
	for _, r := range Roles {
		if c.wants(fs, r) {
			out = append(out, r)
		}
	}
	return out
}

func (c *Cluster) wants(fs Flags, r Role) bool {
	if r == FrontProxyCA && c.PKI.FrontProxy == nil {
		return false
	}
	for name, roles := range FileFlags {
		f, ok := fs.Get(name)
		if !ok || f.Value != c.Paths.Of(r) {
			continue
		}
		for _, able := range roles {
			if able == r {
				return true
			}
		}
	}
	return false
}

// StartFile is the file whose change makes a new generation run: the unit or
// the static pod's manifest.
func (c *Cluster) StartFile() string {
	if c.Layout == StaticPod {
		return c.Paths.Manifest
	}
	return c.Paths.Unit
}

// InDir reports whether paths.dir as a whole can be a generation's folder, so
// that one mount binds it: every placed file has its own name in it, and nothing
// else that the process needs lies there, which the mount would hide.
func (c *Cluster) InDir(placed []Role, fs Flags) bool {
	own := map[string]bool{}
	for _, r := range placed {
		p := c.Paths.Of(r)
		if p != path.Join(c.Paths.Dir, r.FileName()) {
			return false
		}
		own[p] = true
	}
	inside := func(p string) bool { return p == c.Paths.Dir || strings.HasPrefix(p, c.Paths.Dir+"/") }
	for _, f := range fs {
		if inside(f.Value) && !own[f.Value] {
			return false
		}
		for _, p := range f.Paths("/") {
			if inside(p) && !own[p] {
				return false
			}
		}
	}
	for _, d := range c.Unit.Service { // where it works, what it sees or may write to
		for _, w := range strings.FieldsFunc(d.Value, func(r rune) bool { return strings.ContainsRune(" \t:\"'", r) }) {
			if inside(strings.TrimLeft(w, "-+")) {
				return false
			}
		}
	}
	for _, v := range c.Pod.Volumes {
		if inside(v.MountPath) {
			return false
		}
	}
	return !inside(c.Paths.Generations) && !inside(c.Paths.Binary) && (!c.Installs() || !inside(c.Paths.Programs))
}
