package spec

import (
	"path"
	"strings"
)

// PathFlag says how kube-controller-manager uses the paths in a flag's value.
type PathFlag struct {
	Dir bool // a directory, else a file
	// Writes: it creates the file, or files in the directory.
	Writes bool
	// Makes: it creates the directory, if it doesn't exist.
	Makes bool
}

// PathFlags are the flags of all versions whose values are paths.
var PathFlags = map[string]PathFlag{
	"allow-metric-labels-manifest":                    {},
	"authentication-kubeconfig":                       {},
	"authorization-kubeconfig":                        {},
	"cert-dir":                                        {Dir: true, Writes: true, Makes: true},
	"client-ca-file":                                  {},
	"cloud-config":                                    {},
	"cluster-signing-cert-file":                       {},
	"cluster-signing-key-file":                        {},
	"cluster-signing-kube-apiserver-client-cert-file": {},
	"cluster-signing-kube-apiserver-client-key-file":  {},
	"cluster-signing-kubelet-client-cert-file":        {},
	"cluster-signing-kubelet-client-key-file":         {},
	"cluster-signing-kubelet-serving-cert-file":       {},
	"cluster-signing-kubelet-serving-key-file":        {},
	"cluster-signing-legacy-unknown-cert-file":        {},
	"cluster-signing-legacy-unknown-key-file":         {},
	"flex-volume-plugin-dir":                          {Dir: true, Makes: true},
	"kubeconfig":                                      {},
	"leader-migration-config":                         {},
	"log-dir":                                         {Dir: true, Writes: true},
	"log-file":                                        {Writes: true},
	"pv-recycler-pod-template-filepath-hostpath":      {},
	"pv-recycler-pod-template-filepath-nfs":           {},
	"requestheader-client-ca-file":                    {},
	"root-ca-file":                                    {},
	"service-account-private-key-file":                {},
	"tls-cert-file":                                   {},
	"tls-private-key-file":                            {},
	"tls-sni-cert-key":                                {},
}

// Paths returns the cleaned paths in a flag's value. Relative ones are relative to dir.
func (f Flag) Paths(dir string) []string {
	if _, ok := PathFlags[f.Name]; !ok || f.Value == "" {
		return nil
	}
	named := []string{f.Value}
	if f.Name == "tls-sni-cert-key" { // CERTIFICATE,KEY or CERTIFICATE,KEY:NAME,...
		files, _, _ := strings.Cut(f.Value, ":")
		named = strings.Split(files, ",")
	}
	var out []string
	for _, p := range named {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if !path.IsAbs(p) {
			p = path.Join(dir, p)
		}
		out = append(out, path.Clean(p))
	}
	return out
}
