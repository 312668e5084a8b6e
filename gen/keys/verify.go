package keys

import (
	"crypto/x509"
	"time"
)

// Verify verifies a certificate for a use at a time. The CA is the only root, and there
// are no intermediates: so kube-controller-manager, the apiserver and their clients
// verify it, with --client-ca-file, a kubeconfig and --root-ca-file.
func Verify(leaf, ca *x509.Certificate, use x509.ExtKeyUsage, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}, CurrentTime: at})
	return err
}
