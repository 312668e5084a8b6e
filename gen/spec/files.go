package spec

// Paths are the paths on a host, or in its container, that flags name.
type Paths struct {
	Dir                                                                     string
	CA, CAKey, TLSCert, TLSKey, Kubeconfig, ServiceAccountKey, FrontProxyCA string
	Binary, Programs, Unit, Manifest, Generations                           string
}

// Role is the purpose of a file; its value is the field of paths that sets its path.
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

// Roles are all roles, in the order in which files are placed.
var Roles = []Role{CA, CAKey, FrontProxyCA, KubeconfigFile, ServiceAccountKey, TLSCert, TLSKey}

// FileName is the name of the role's file in a generation's directory.
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

// Of returns the path of a role's file.
func (p Paths) Of(r Role) string {
	switch r {
	case CA:
		return p.CA
	case CAKey:
		return p.CAKey
	case FrontProxyCA:
		return p.FrontProxyCA
	case KubeconfigFile:
		return p.Kubeconfig
	case ServiceAccountKey:
		return p.ServiceAccountKey
	case TLSCert:
		return p.TLSCert
	case TLSKey:
		return p.TLSKey
	}
	return ""
}

// StartFile is the path of the file that starts the process: the unit or the static
// pod's manifest.
func (c *Cluster) StartFile() string {
	if c.Layout == StaticPod {
		return c.Paths.Manifest
	}
	return c.Paths.Unit
}
