package adopt

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Public is what is known of keys: nothing secret.
type Public struct {
	// Certs are certificates by the path that flags name.
	Certs map[string]*x509.Certificate
	// Client is the certificate in the first node's kubeconfig.
	Client *x509.Certificate
	// Servers are the apiservers' URLs in the nodes' kubeconfigs, by node.
	Servers map[string]string
	// OneHost: the files are those of one host, which one isn't known.
	OneHost bool
	// Local are paths on this machine of files that flags name, such as the CA's.
	Local map[string]string
	// Kubeconfig is what an export writes otherwise than the kubeconfig has it.
	Kubeconfig []string
	// Notes say which files couldn't be read, and where nodes differ.
	Notes []string
}

// writeKeys writes the certificates as they are, so that an export makes the same. What can't be
// written is named.
func (w *writer) writeKeys() {
	w.out.Notes = append(w.out.Notes, w.Public.Notes...)
	w.noteSecrets()
	w.notePackageUnit()
	w.writeAPIServer()
	if w.KeepKeys {
		w.keptKeys()
		return
	}
	m := w.model
	parts := w.clusterCA()
	if m.PKI.FrontProxy != nil {
		front := "frontProxy: {}"
		at := m.Paths.FrontProxyCA
		if c := w.Public.Certs[at]; c != nil && w.Public.Local[at] != "" {
			front = "frontProxy: certFile: " + quote(w.Public.Local[at])
		} else if c != nil {
			front = "frontProxy: " + w.authority(at, c)
		}
		parts = append(parts, front)
	}
	switch at, ok := w.Public.Local[m.Paths.ServiceAccountKey]; {
	case m.PKI.ServiceAccount.UseCA:
		parts = append(parts, `serviceAccount: use: "ca" // one file for both`)
	case ok:
		parts = append(parts, "serviceAccount: keyFile: "+quote(at))
	}
	parts = append(parts, w.leaves()...)
	for _, l := range w.Public.Kubeconfig {
		w.left("%s", l)
	}
	w.line("\npki: {\n%s\n}", strings.Join(parts, "\n"))
}

// notePackageUnit says that a unit of a package isn't replaced, but hidden.
func (w *writer) notePackageUnit() {
	for _, n := range w.nodes {
		at := n.Read.Target.String()
		if at == "" {
			at = n.Read.File
		}
		if w.layout == spec.Systemd && (strings.HasPrefix(at, "/usr/lib/systemd/") || strings.HasPrefix(at, "/lib/systemd/")) {
			w.out.Notes = append(w.out.Notes, fmt.Sprintf("%s is a package's unit, which its next update writes again: the cluster has %s, which comes before it", at, w.model.Paths.Unit))
			return
		}
	}
}

// clusterCA writes the cluster's CA: its own files, or what a new one is like.
func (w *writer) clusterCA() []string {
	paths := w.model.Paths
	ca, at := w.Public.Certs[paths.CA], w.Public.Local[paths.CA]
	if ca != nil && at != "" {
		lines := []string{"certFile: " + quote(at)}
		if key, ok := w.Public.Local[paths.CAKey]; ok {
			lines = append(lines, "keyFile: "+quote(key))
		}
		return []string{"ca: {\n" + strings.Join(lines, "\n") + "\n}"}
	}
	parts := []string{"// The CA isn't at hand: an export makes one of its own, which a running cluster doesn't\n// trust. Name its files here first:\n// ca: {certFile: \"…\", keyFile: \"…\"}"}
	if ca != nil {
		parts = append(parts, "ca: "+w.authority(paths.CA, ca))
	}
	w.out.Notes = append(w.out.Notes, "the CA isn't at hand: name its files in pki.ca before an export for a running cluster")
	return parts
}

// keptKeys says where the keys are that stay on the hosts.
func (w *writer) keptKeys() {
	w.line("")
	w.comment("The files that flags name stay as they are on the hosts: kcmgen places none of them.\nTo have it make, place and renew one, name its path here and take its flag away:")
	w.comment("paths: {")
	for _, r := range roleFlags {
		for _, name := range r.flags {
			if v, ok := w.of(name); ok {
				w.comment(fmt.Sprintf("\t%s: %s", r.field, quote(w.Set.Show(v.Text))))
				break
			}
		}
	}
	w.comment("}")
	if ca, ok := w.of("client-ca-file"); ok && w.Public.Certs[ca.String()] != nil {
		w.comment("pki: ca: subject: " + w.subject("", w.Public.Certs[ca.String()].Subject))
	}
}

// leaves writes the client's and the serving certificate.
func (w *writer) leaves() []string {
	var parts, profiles []string
	serving, client := w.Public.Certs[w.model.Paths.TLSCert], w.Public.Client
	if serving != nil && client != nil && serving.Equal(client) {
		parts = append(parts, "separate: false", "combined: "+w.leaf(w.model.Paths.TLSCert, serving))
		profiles = append(profiles, w.certProfile("combined", w.model.Paths.TLSCert, serving)...)
		serving, client = nil, nil
	}
	if client != nil {
		parts = append(parts, "client: "+w.leaf(w.model.Paths.Kubeconfig, client))
		profiles = append(profiles, w.certProfile("client", w.model.Paths.Kubeconfig, client)...)
	}
	if serving != nil {
		parts = append(parts, "serving: "+w.leaf(w.model.Paths.TLSCert, serving))
		profiles = append(profiles, w.certProfile("serving", w.model.Paths.TLSCert, serving)...)
	}
	if len(profiles) > 0 {
		parts = append(parts, "profiles: {\n"+strings.Join(profiles, "\n")+"\n}")
	}
	return parts
}
