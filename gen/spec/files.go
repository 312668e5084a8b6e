package spec

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

// StartFile is the file whose change makes a new generation run: the unit or
// the static pod's manifest.
func (c *Cluster) StartFile() string {
	if c.Layout == StaticPod {
		return c.Paths.Manifest
	}
	return c.Paths.Unit
}
