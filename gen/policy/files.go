package policy

import (
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// FileFlags are the flags that name files which kcmgen can place, with the roles that
// each may name.
var FileFlags = map[string][]spec.Role{
	"authentication-kubeconfig":                       {spec.KubeconfigFile},
	"authorization-kubeconfig":                        {spec.KubeconfigFile},
	"client-ca-file":                                  {spec.CA, spec.FrontProxyCA},
	"cluster-signing-cert-file":                       {spec.CA},
	"cluster-signing-key-file":                        {spec.CAKey},
	"cluster-signing-kube-apiserver-client-cert-file": {spec.CA},
	"cluster-signing-kube-apiserver-client-key-file":  {spec.CAKey},
	"cluster-signing-kubelet-client-cert-file":        {spec.CA},
	"cluster-signing-kubelet-client-key-file":         {spec.CAKey},
	"cluster-signing-kubelet-serving-cert-file":       {spec.CA},
	"cluster-signing-kubelet-serving-key-file":        {spec.CAKey},
	"cluster-signing-legacy-unknown-cert-file":        {spec.CA},
	"cluster-signing-legacy-unknown-key-file":         {spec.CAKey},
	"kubeconfig":                       {spec.KubeconfigFile},
	"requestheader-client-ca-file":     {spec.FrontProxyCA, spec.CA},
	"root-ca-file":                     {spec.CA},
	"service-account-private-key-file": {spec.ServiceAccountKey, spec.CAKey},
	"tls-cert-file":                    {spec.TLSCert},
	"tls-private-key-file":             {spec.TLSKey},
}

// Placed returns the roles whose path a file flag names: only these files reach the
// host. The CA's key doesn't reach hosts whose KCM signs nothing.
func Placed(c *spec.Cluster, fs spec.Flags) []spec.Role {
	var out []spec.Role
	for _, r := range spec.Roles {
		if names(c, fs, r) {
			out = append(out, r)
		}
	}
	return out
}

// names reports whether a file flag names the path of a role.
func names(c *spec.Cluster, fs spec.Flags, r spec.Role) bool {
	if r == spec.FrontProxyCA && c.PKI.FrontProxy == nil {
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

// InDir reports whether one mount can bind a generation's directory to paths.dir: every
// placed file has its generation's name there, and the mount hides nothing else that the
// process needs.
func InDir(c *spec.Cluster, placed []spec.Role, fs spec.Flags) bool {
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
	for _, d := range c.Unit.Service { // WorkingDirectory, ReadWritePaths and others
		for _, w := range strings.FieldsFunc(d.Value, func(r rune) bool { return strings.ContainsRune(" \t:\"'", r) }) {
			if inside(strings.TrimLeft(w, "-+")) {
				return false
			}
		}
	}
	for _, m := range c.Pod.Mounts() {
		if inside(m.Path) {
			return false
		}
	}
	return !inside(c.Paths.Generations) && !inside(c.Paths.Binary) && (!c.Installs() || !inside(c.Paths.Programs))
}

// CertDir returns the directory where KCM writes a self-signed serving certificate, if
// its flags ask for one. Without --cert-dir, KCM keeps the certificate in memory.
func CertDir(c *spec.Cluster, fs spec.Flags) (string, bool) {
	dir := fs.Value("cert-dir", "")
	return dir, dir != "" && fs.Value("tls-cert-file", "") == "" && fs.Value("secure-port", "") != "0"
}

// CertDirMade returns the CertDir of a pod, if kcmgen must add a volume for it: none of
// the user's volumes holds it.
func CertDirMade(c *spec.Cluster, fs spec.Flags) (string, bool) {
	dir, ok := CertDir(c, fs)
	for _, m := range c.Pod.Mounts() {
		if at := path.Clean(dir); at == m.Path || strings.HasPrefix(at, strings.TrimSuffix(m.Path, "/")+"/") {
			return "", false
		}
	}
	return dir, ok
}
