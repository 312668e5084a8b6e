package render

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Known is what a public certificate says that is at hand without its key.
type Known struct {
	Fingerprint string // of its public key, as plan.Fingerprint
	Ends        time.Time
}

// Outline renders the tree of a plan without key material and without programs: in their
// place it has text that describes them, and generations have a placeholder for a name. known
// has the certificates that are at hand, by the id of their key material.
func Outline(p *plan.Plan, known map[string]Known) (*Output, error) {
	o := &outline{plan: p, known: known, items: map[string]plan.Item{}}
	for _, it := range p.Items {
		o.items[it.ID] = it
	}
	entries, err := o.pki()
	if err != nil {
		return nil, err
	}
	return whole(p, o, entries)
}

// outline is the source of trees without key material.
type outline struct {
	plan  *plan.Plan
	known map[string]Known
	items map[string]plan.Item
}

const outlineHead = "# What the file is. Its contents are left out.\n"

// IsOutline reports whether data describes a file whose contents are left out.
func IsOutline(data []byte) bool { return bytes.HasPrefix(data, []byte(outlineHead)) }

// text returns a description: a name and a value for each line. Empty values are left out.
func text(pairs ...string) []byte {
	var b bytes.Buffer
	b.WriteString(outlineHead)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", pairs[i], strings.ReplaceAll(pairs[i+1], "\n", " "))
		}
	}
	return b.Bytes()
}

func (o *outline) file(h plan.Host, r spec.Role) (file, error) {
	f := file{role: r}
	switch r {
	case spec.CA:
		f.outline = o.certificate(keys.CA)
	case spec.FrontProxyCA:
		f.outline = o.certificate(keys.FrontProxyCA)
	case spec.TLSCert:
		f.outline = o.certificate(h.Serving)
	case spec.CAKey:
		f.outline = o.key(keys.CA)
	case spec.TLSKey:
		f.outline = o.key(h.Serving)
	case spec.ServiceAccountKey:
		f.outline = o.key(keys.ServiceAccount)
		if o.plan.Cluster.PKI.ServiceAccount.UseCA {
			f.outline = o.key(keys.CA)
		}
	default:
		k := o.plan.Cluster.Kubeconfig
		f.outline = text("kind", "kubeconfig", "server", o.plan.Cluster.Endpoint(h.Node),
			"cluster", k.Cluster, "user", k.User, "context", k.Context,
			"certificate authority", keys.CertPath(keys.CA),
			"client certificate", keys.CertPath(h.Client), "client key", keys.KeyPath(h.Client))
	}
	return f, nil
}

// certificate describes a certificate by the id of its key material.
func (o *outline) certificate(id string) []byte {
	it := o.items[id]
	pairs := []string{"kind", "certificate", "of", keys.CertPath(id)}
	switch {
	case it.Given:
		pairs = append(pairs, "from", "the user's own file")
	default:
		pairs = append(pairs, "subject", SubjectText(it.Subject), "alternative names", strings.Join(it.Hosts, ", "),
			"usages", strings.Join(it.Usages, ", "), "key", it.Key.String(), "lifetime", it.Expiry.String())
		if it.Kind == plan.Leaf {
			pairs = append(pairs, "issuer", keys.CertPath(keys.CA))
		}
	}
	if k, ok := o.known[id]; ok {
		pairs = append(pairs, "public key", k.Fingerprint, "ends", k.Ends.UTC().Format(time.RFC3339))
	}
	return text(pairs...)
}

// SubjectText writes a distinguished name on one line.
func SubjectText(s spec.Subject) string {
	var parts []string
	for _, p := range [][2]string{{"CN", s.CN}, {"O", s.O}, {"OU", s.OU}, {"C", s.C}, {"ST", s.ST}, {"L", s.L}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

func (o *outline) key(id string) []byte {
	it := o.items[id]
	from := ""
	if it.Given {
		from = "the user's own file"
	}
	algo := it.Key.String()
	if it.Given {
		algo = ""
	}
	return text("kind", "private key", "of", keys.KeyPath(id), "from", from, "key", algo)
}

func (o *outline) program(at, arch string) (tree.Entry, error) {
	d, _ := o.plan.Cluster.Download(arch)
	return described(tree.Entry{Path: at, Mode: programMode}, text(
		"kind", "program", "name", spec.ProgramName, "version", o.plan.Cluster.Version.String(),
		"architecture", arch, "from", d.Origin(), "sha256", d.SHA256)), nil
}

// described completes a description with the mode and the owner.
func described(e tree.Entry, data []byte) tree.Entry {
	e.Data = fmt.Appendf(bytes.Clone(data), "mode: %04o\n", e.Mode)
	if e.Owner != "" {
		e.Data = fmt.Appendf(e.Data, "owner: %s\n", e.Owner)
	}
	return e
}

func (o *outline) generation(*spec.Cluster, plan.Host, map[spec.Role]file, string, []byte) string {
	return generationWord
}

// pki returns what lies below pki/.
func (o *outline) pki() ([]tree.Entry, error) {
	es := []tree.Entry{{Path: keys.Dir, Dir: true, Mode: privateDir}}
	cfg, err := signing(o.plan.Cluster)
	if err != nil {
		return nil, err
	}
	es = append(es, tree.Entry{Path: keys.Dir + "/ca-config.json", Mode: publicMode, Data: cfg})
	for _, it := range o.plan.Items {
		if it.Kind == plan.KeyPair {
			es = append(es, described(tree.Entry{Path: keys.PublicPath(it.ID), Mode: publicMode}, text("kind", "public key", "of", keys.KeyPath(it.ID))))
		} else {
			es = append(es, described(tree.Entry{Path: keys.CertPath(it.ID), Mode: publicMode}, o.certificate(it.ID)))
		}
		if it.Given {
			continue
		}
		if it.Kind != plan.KeyPair {
			req, err := csr(it)
			if err != nil {
				return nil, err
			}
			es = append(es, tree.Entry{Path: keys.Dir + "/" + it.ID + "-csr.json", Mode: publicMode, Data: req})
		}
		es = append(es, described(tree.Entry{Path: keys.KeyPath(it.ID), Mode: privateMode}, o.key(it.ID)))
	}
	return es, nil
}
