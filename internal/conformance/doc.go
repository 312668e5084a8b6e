// Package judges holds tests alone: what is written, judged by tools nobody
// here wrote. OpenSSL and cfssl read the certificates, systemd itself the
// units, kubectl and cue the pods and kubeconfigs; and both seed documents'
// own texts (testdata/seeds) are held against what is exported of their
// clusters.
package judges
