package keys

import (
	"crypto/x509"
	"time"
)

// Verify asks what a reader asks of a certificate that it is shown for a use at a
// time. The CA is all that the reader trusts, and nothing comes with the
// certificate: so do kube-controller-manager, the apiserver and clients of both
// read it, with --client-ca-file, a kubeconfig and --root-ca-file.
func Verify(leaf, ca *x509.Certificate, use x509.ExtKeyUsage, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}, CurrentTime: at})
	return err
}
