// Package conformance holds tests alone: other programs check what kcmgen writes.
// OpenSSL and cfssl read the certificates, systemd the units, kubectl and cue the pods
// and kubeconfigs. The texts of the two guides that kcmgen replaces (testdata/seeds) are
// compared with what is exported of their clusters.
package conformance
