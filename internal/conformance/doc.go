// Package conformance holds tests that check kcmgen's output with other tools. OpenSSL and
// cfssl read the certificates, systemd itself the units, kubectl and cue the pods and
// kubeconfigs; and both seed documents' own texts (testdata/seeds) are compared with the
// export of their clusters.
package conformance
